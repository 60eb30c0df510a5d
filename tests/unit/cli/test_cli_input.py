"""`wait -` reads what `wait` prints, and JSON output can be joined to the input."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from azpoll.cli.words import words_of
from azpoll.testing import Delay, Drop, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.unit.cli.conftest import Azure, Command

SECRET = "c2VjcmV0"


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        ("TOKEN", None, "TOKEN"),
        ("https://h/a:b?sig=x:y", None, "https://h/a:b?sig=x:y"),
        ("operations/1: TOKEN", "operations/1", "TOKEN"),
        ("  a name with blanks :  TOKEN ", "a name with blanks", "TOKEN"),
        ("a: b:c: TOKEN", "a: b:c", "TOKEN"),
        ("name:TOKEN", "name", "TOKEN"),
        ("vm 1: https://h/a:b?sig=x", "vm 1", "https://h/a:b?sig=x"),
        ("日本: TOKEN", "日本", "TOKEN"),
        (": TOKEN", None, "TOKEN"),
        ("\ufeffTOKEN", None, "TOKEN"),
    ],
)
def test_a_line_is_a_word_alone_or_after_a_name(line: str, name: str | None, text: str) -> None:
    for arguments, stdin in ((["-"], [line, "\n"]), ([line.lstrip("\ufeff")], [])):
        words = list(words_of(arguments, as_stream(stdin)))
        assert [(word.name, word.text) for word in words] == [(name, text)]


def test_a_name_of_an_argument_makes_no_comment() -> None:
    assert [word.name for word in words_of(["# 1 #: TOKEN"], None)] == ["1 #"]


def as_stream(lines: Iterable[str]) -> io.StringIO:
    return io.StringIO("".join(lines))


def test_blank_lines_comments_and_progress_are_skipped() -> None:
    stdin = as_stream(
        [
            "\n",
            "   \n",
            "# a comment: TOKEN\n",
            "operations/9a06: InProgress, 40 %; next read in 17 s\n",
            "operations/9a06: connection refused, 3 polls in a row, next in 2 h 5 min\n",
            "operations/9a06: a; b; next read in 5 min 3 s\n",
            "operations/9a06: Waiting; next read in 1 d 2 h\n",
            "operations/9a06: TOKEN\n",
        ]
    )
    (word,) = words_of(["-"], stdin)
    assert (word.name, word.text, word.place) == ("operations/9a06", "TOKEN", "line 8 of standard input")


@pytest.mark.slow
def test_wait_reads_everything_that_wait_prints_to_standard_error(azure: Azure, azpoll: Command) -> None:
    operations = [azure.begin(duration_s=1, retry_after=1) for _ in range(2)]
    lines = f"vm: a 1: {operations[0].monitor_url}\n{operations[1].monitor_url}\n"
    trusted = ("--allow-host", azure.base_url)

    stopped = azpoll("wait", "-", *trusted, "--timeout", "0.3", stdin=lines)
    resumed = azpoll("wait", "-", *trusted, stdin=stopped.err)

    assert stopped.code == 124
    assert "next read in" in stopped.err
    assert resumed.code == 0
    assert "vm: a 1" in resumed.out
    assert operations[1].id in resumed.out


@pytest.mark.parametrize("form", ["json", "jsonl"])
@pytest.mark.parametrize("command", ["wait", "status"])
def test_each_object_names_its_place_in_the_input(azure: Azure, azpoll: Command, form: str, command: str) -> None:
    urls = [f"{azure.begin(duration_s=0).monitor_url}&sig={SECRET}" for _ in range(3)]
    stdin = f"# jobs\n{urls[0]}\nthird: {urls[1]}\n\nlast: {urls[2]}\n"

    result = azpoll(command, "-o", form, "--allow-host", azure.base_url, urls[0], "-", stdin=stdin)

    assert SECRET not in result.out
    if form == "json":
        objects = json.loads(result.out)["operations"]
    else:
        objects = [each for line in result.out.splitlines() if "index" in (each := json.loads(line))]
        assert {each["event"] for each in objects} == {"polled", "ended"} if command == "wait" else {"ended"}
    places = {(each["index"], each["input"], each["name"]) for each in objects}
    assert {place[:2] for place in places} == {
        (0, "argument 1"),
        (2, "line 3 of standard input"),
        (3, "line 5 of standard input"),
    }
    assert {place[2] for place in places} >= {"third", "last"}


def test_a_name_is_shown_without_secrets_and_controls(azure: Azure, azpoll: Command) -> None:
    url = azure.begin(duration_s=0).monitor_url
    lines = f"https://h/x?sig={SECRET}: {url}&n=1\n\x1b[31m{'x' * 300}: {url}&n=2\n"

    for form in ("text", "json", "jsonl"):
        result = azpoll("wait", "-o", form, "-", "--allow-host", azure.base_url, stdin=lines)
        assert result.code == 0
        assert SECRET not in result.out
        assert "\x1b" not in result.out
        assert "x" * 101 not in result.out


@pytest.mark.parametrize("option", ["--any", "--fail-fast"])
def test_an_early_stop_prints_the_tokens_of_the_others(azure: Azure, azpoll: Command, option: str) -> None:
    running, ended = azure.begin(duration_s=60), azure.begin(duration_s=0, outcome="Failed")
    urls = (running.monitor_url, ended.monitor_url)
    trusted = ("--allow-host", azure.base_url)

    text = azpoll("wait", option, *urls)
    document = json.loads(azpoll("wait", option, "-o", "json", *urls).out)
    silent = azpoll("wait", option, "-o", "none", *urls)

    assert (text.code, document["exit_code"], silent.code) == (1, 1, 1)
    tokens = [each.get("resume_token") for each in document["operations"]]
    assert tokens[1] is None
    for stdin in (text.err, silent.err, tokens[0]):
        read = azpoll("status", "-", *trusted, stdin=stdin)
        assert read.code == 0
        assert running.id in read.out
        assert ended.id not in read.out


@pytest.mark.slow
@pytest.mark.parametrize("interval", ["60", "0.1"])
def test_an_operation_that_runs_at_the_timeout_is_running(azure: Azure, azpoll: Command, interval: str) -> None:
    running = azure.begin(duration_s=60)
    words = ("--timeout", "0.4", "--interval", interval, running.monitor_url, "http://127.0.0.1:9/x")

    document = json.loads(azpoll("wait", "-o", "json", *words).out)
    lines = [json.loads(line) for line in azpoll("wait", "-o", "jsonl", *words).out.splitlines()]

    assert [each["state"] for each in document["operations"]] == ["running", "unknown"]
    assert {each["name"]: each["state"] for each in lines if each["event"] == "ended"} == {
        f"operationStatuses/{running.id}": "running",
        "x": "unknown",
    }
    assert all(each["error"]["type"] == "OperationTimeout" for each in document["operations"])
    assert all(each["resume_token"] for each in document["operations"])
    assert document["exit_code"] == 124


def test_status_reads_several_operations_once_each(azure: Azure, azpoll: Command) -> None:
    operations = [
        azure.begin(duration_s=60),
        azure.begin(duration_s=0),
        azure.begin(duration_s=0, outcome="Canceled"),
        azure.begin(polls=[Drop()]),
    ]
    urls = [operation.monitor_url for operation in operations]

    codes = [azpoll("status", *urls[:count]).code for count in (1, 2, 3, 4)]
    document = json.loads(azpoll("status", "-o", "json", *urls[:2], "-", stdin=urls[2]).out)

    assert codes == [0, 0, 3, 3]
    assert azure.reads == 1 + 2 + 3 + 4 + 2
    assert [each["state"] for each in document["operations"]] == ["running", "succeeded", "unknown"]
    assert document["exit_code"] == 4


@pytest.mark.slow
def test_status_reads_an_operation_once_while_another_read_takes_long(azure: Azure, azpoll: Command) -> None:
    slow = azure.begin(polls=[Delay(1.5, Reply(200, {"status": "Succeeded"}))], duration_s=0)
    quick = azure.begin(duration_s=60, retry_after=0)

    result = azpoll("status", slow.monitor_url, quick.monitor_url)

    assert result.out.index(quick.id) < result.out.index(slow.id)
    assert quick.polls == 1
