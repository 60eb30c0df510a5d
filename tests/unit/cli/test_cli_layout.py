"""Every line of the demo and of `wait` fits the terminal, or 80 columns where there is none."""

from __future__ import annotations

import io
import os
import re
import sys
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.cli import COMMANDS, main
from azpoll.cli.demo.flows import Transcript, plan_flows
from azpoll.cli.demo.report import evaluate, show
from azpoll.cli.demo.runner import run_demo
from azpoll.cli.demo.view import create_view
from azpoll.cli.demo.workload import plan_workload
from azpoll.cli.layout import columns, width_of, without_end, without_start, wrapped
from azpoll.testing import FakeARM, Reply, html_page, run_virtual
from tests.support.clients import new_client

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Azure, Command

LONG = "日本/" + "a-very-long-name-of-a-resource " * 9
PROBLEM = {"code": "QuotaExceeded", "message": "No cores are left. " * 9 + "https://h/" + "x" * 200}


def widest(text: str) -> int:
    """Return the columns of the longest line, tokens excepted."""
    return max(width_of(line) for line in text.splitlines() if ": eyJ" not in line)


@pytest.mark.slow
@pytest.mark.parametrize("width", [None, 40, 60, 120])
def test_the_output_of_wait_fits(
    azure: Azure, azpoll: Command, monkeypatch: pytest.MonkeyPatch, width: int | None
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if width is not None:
        monkeypatch.setenv("COLUMNS", str(width))
    running = Reply(200, {"status": "Checking" * 9, "percentComplete": 40}, retry_after=0)
    polls = [running, html_page(503), Reply(200, {"status": "Succeeded"})]
    operations = [
        azure.begin(polls=polls),
        azure.begin(duration_s=0, outcome="Failed", error=PROBLEM),
        azure.begin(duration_s=60),
    ]
    lines = "".join(f"{LONG}: {operation.monitor_url}&n={n}\n" for n, operation in enumerate(operations))
    lines += "".join(f"{operation.monitor_url}\n" for operation in operations)

    waited = azpoll("wait", "-", "--timeout", "2.5", "--allow-host", azure.base_url, stdin=lines)
    refused = azpoll("status", "-", stdin=lines)

    assert (waited.code, refused.code) == (1, 4)
    for text in (waited.out, waited.err, refused.out):
        assert widest(text) <= (width or 80)
    assert "next in" in waited.err
    assert "next read in" in waited.err


@pytest.mark.parametrize("width", [None, 40])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_output_of_the_demo_fits(monkeypatch: pytest.MonkeyPatch, width: int | None, encoding: str) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if width is not None:
        monkeypatch.setenv("COLUMNS", str(width))
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    arm = FakeARM()

    async def run() -> None:
        flows, workload = plan_flows(arm), plan_workload(arm, 3, Random(1))  # noqa: S311 - a simulation
        transcript = Transcript(flows)
        hooks = {"response": [transcript.on_response]}
        url = "https://management.azure.com"
        async with new_client(base_url=url, transport=arm.transport(), event_hooks=hooks) as client:
            view = create_view()
            show(evaluate(await run_demo(client, flows, transcript, workload, view), arm), view)

    run_virtual(run)

    text = written.getvalue().decode(encoding)
    assert "All 6 operations ended" in " ".join(text.split())
    assert widest(text) <= (width or 80)


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_the_help_fits(azpoll: Command, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    assert widest(azpoll(*words).out) <= 80


def test_one_line_per_operation_is_kept_and_shows_its_id(azure: Azure, azpoll: Command) -> None:
    operation = azure.begin(duration_s=0)

    result = azpoll("wait", operation.monitor_url)

    assert len(result.out.splitlines()) == 1
    assert operation.id in result.out


@pytest.mark.skipif(os.name == "nt", reason="there are no such terminals")
def test_the_width_is_that_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl  # noqa: PLC0415 - not on Windows
    import pty  # noqa: PLC0415 - not on Windows
    import struct  # noqa: PLC0415 - beside the modules that it serves
    import termios  # noqa: PLC0415 - not on Windows

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 57, 0, 0))
    with os.fdopen(child, "w") as terminal:
        monkeypatch.delenv("COLUMNS", raising=False)
        assert columns(terminal) == 57
        monkeypatch.setenv("COLUMNS", "33")
        assert columns(terminal) == 33
        for value, expected in (("", 57), ("0", 57), ("wide", 57), ("٣", 57), ("1", 20)):
            monkeypatch.setenv("COLUMNS", value)
            assert columns(terminal) == expected
    os.close(parent)
    monkeypatch.delenv("COLUMNS")
    assert columns(io.StringIO()) == 80


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200)


@given(TEXTS, st.integers(20, 100), st.sampled_from(["", "    ", "           "]))
def test_wrapped_text_fits_and_keeps_every_character(text: str, width: int, indent: str) -> None:
    lines = wrapped(text, width, indent)

    assert all(width_of(line) <= width for line in lines.split("\n"))
    assert "".join(lines.split()) == "".join(text.split())


@given(TEXTS, st.integers(0, 100))
def test_shortened_text_fits(text: str, width: int) -> None:
    for short in (without_start(text, width), without_end(text, width)):
        assert width_of(short) <= width
        assert short == text or short.count(".") >= min(width, 3)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 20, ["one two three"]),
        ("one two three", 8, ["one two", "  three"]),
        ("    one two", 8, ["    one", "  two"]),
        ("GET https://h/abc/def?x=1", 20, ["GET https://h/abc/", "  def?x=1"]),
        ("x" * 25, 20, ["x" * 18, "  " + "x" * 7]),
    ],
)
def test_lines_break_at_blanks_and_inside_urls_after_separators(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width, "  ").split("\n") == lines


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there are no such terminals")
def test_the_live_view_fits_a_terminal_of_80_columns(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    running = Reply(200, {"status": "InProgress", "percentComplete": 40}, retry_after=1)
    operation = azure.begin(polls=[running, Reply(200, {"status": "Succeeded"})])
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    assert main(["wait", operation.monitor_url]) == 0

    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue()).replace("\r", "\n")
    assert widest(shown) <= 80
    assert re.search(rf"{operation.id[-12:]} +InProgress, 40 %; next read in 1.0 s", shown)
