"""Invalid command lines: a message repeats no argument, and a mistyped option or command gets a suggestion."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from azpoll.protocol import resume_token
from azpoll.protocol.token_content import Token

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Azure, Command

SECRET = "c2VjcmV0"
SIGNED = f"https://management.azure.com/operations/x?sig={SECRET}"
TOKEN = resume_token.encode(
    Token(method="PUT", resource_url=SIGNED, pattern="Azure-AsyncOperation", url=SIGNED, not_before=0.0)
)
OPTIONS_WITH_VALUE = (
    *("--timeout", "--interval", "--pattern", "--status-member", "--terminal-word", "--auth", "--cloud", "--scope"),
    *("--allow-host", "--anonymous-host", "--rebase-to", "-o", "--output", "--out"),
)
COMMAND_LINES = (
    "{0}",
    "{0} wait",
    "wiat {0}",
    "wait {0} --tmeout {1}",
    "wait {0} --tmeout={1}",
    "wait --{1} {0}",
    "wait -{1} {0}",
    "wait --any={1} {0}",
    "wait --a={1} {0}",
    "wait --an={1} {0}",
    "wait --fail-fast={1} --any {0}",
    "wait -o{1} {0}",
    "wait --timeout 1 {0} -x {1}",
    "wait --timeout {0} --any",
    "wait {0} -- {1} --sig={1}",
    "wait http://example.com/{1} {0}",
    "wait {1}:{0}",
    "status {0} --any {1}",
    "status --timeout {1} {0}",
    "demo {0}",
    "demo --operations {1}",
    "demo --operations=-{1}",
    "demo --seed {1}",
    "demo --client {1}",
    "demo --clientt={1}",
    "--version={1}",
    "--verison={1}",
    "-h{1}x",
)
VALUES = (SIGNED, TOKEN[:-9], f"Bearer-{SECRET}", f"%s%({SECRET})d", f"{SECRET}'\"\n{SECRET}")


@pytest.mark.parametrize(
    "line", [*COMMAND_LINES, *(f"{{command}} https://h/x {name} {{1}}" for name in OPTIONS_WITH_VALUE)]
)
@pytest.mark.parametrize("value", VALUES)
def test_no_message_repeats_an_argument(
    azpoll: Command, monkeypatch: pytest.MonkeyPatch, line: str, value: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nothing is sent to the hosts of the URLs
    for command in ("wait", "status") if "{command}" in line else ("",):
        words = [word.format(SIGNED, value, command=command) for word in line.split()]

        result = azpoll(*words, *(["--timeout", "0"] if words[0] == "wait" else []))

        assert SECRET not in result.err + result.out
        assert value[:40] not in result.err + result.out
        assert "Traceback" not in result.err
        assert result.code in {0, 2, 4, 124}


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (["wait", "https://h/x", "--tmeout", "3"], "--timeout"),
        (["wait", "https://h/x", "--tmeout=3"], "--timeout"),
        (["wait", "https://h/x", "-timeout", "3"], "--timeout"),
        (["wait", "--alow-host", "h", "https://h/x"], "--allow-host"),
        (["wait", "--ANY", "https://h/x"], "--any"),
        (["wait", "--failfast", "https://h/x"], "--fail-fast"),
        (["status", "--autth", "none", "https://h/x"], "--auth"),
        (["demo", "--operation=3", "--sead=1"], "--seed"),
        (["--verison"], "--version"),
        (["--hlep"], "--help"),
        (["wiat", "https://h/x"], "wait"),
        (["Status", "https://h/x"], "status"),
    ],
)
def test_a_mistyped_option_or_command_gets_a_suggestion(azpoll: Command, words: list[str], suggestion: str) -> None:
    result = azpoll(*words)

    assert result.code == 2
    assert f"did you mean {suggestion}?" in result.err
    assert len(result.err.splitlines()) == 1


def test_no_suggestion_names_an_option_of_another_command(azpoll: Command) -> None:
    result = azpoll("demo", "--tmeout", "3")

    assert result.code == 2
    assert "mean" not in result.err


def test_operations_may_stand_between_options(azure: Azure, azpoll: Command) -> None:
    first, second = (azure.begin(duration_s=0).monitor_url for _ in range(2))

    result = azpoll("wait", first, "--interval", "1", second, "-o", "text", "-", stdin="")

    assert result.code == 0
    assert azure.reads == 2


@pytest.mark.parametrize(
    "words", [["wait"], ["status"], [], ["demo", "x"], ["wait", "bad"], ["wait", "http://example.com/x"]]
)
def test_a_usage_error_is_one_line(azpoll: Command, words: list[str]) -> None:
    result = azpoll(*words)

    assert result.code == 2
    assert len(result.err.splitlines()) == 1
    assert not result.out


@pytest.mark.parametrize("command", [["wait"], ["status"], ["begin", "--journal", "operations.db", "PUT"]])
def test_a_url_without_a_scheme_gets_advice(azpoll: Command, command: list[str]) -> None:
    result = azpoll(*command, f"management.azure.com/operations/x?sig={SECRET}")

    assert result.code == 2
    assert re.search("begins? with https://", result.err)
    assert SECRET not in result.err


def test_the_message_names_the_place_of_a_bad_word(azpoll: Command) -> None:
    assert "argument 2: " in azpoll("wait", "https://h/x", "bad").err
    assert "line 3 of standard input: " in azpoll("wait", "-", stdin="\n# comment\nname: bad\n").err
