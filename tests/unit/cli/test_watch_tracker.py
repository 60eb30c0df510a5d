"""`azpoll.watch(tracker)`: a table of the operations of the same process, in virtual time."""

from __future__ import annotations

import io
import re
import sys
import time
from itertools import pairwise
from typing import Any

import anyio
import pytest
from rich.console import Console

import azpoll
from azpoll.cli.watch.drawing import Screen, draw_until_ended
from azpoll.cli.watch.view import View
from azpoll.testing import FakeARM, Reply, Script
from tests.support.clients import client_of
from tests.support.operations import path_of

pytestmark = pytest.mark.anyio

RUNNING = Reply(200, {"status": "Mov\x1b[2Jing", "percentComplete": 40}, retry_after=5)
DONE = Reply(200, {"status": "Succeeded"})


class Terminal(io.StringIO):
    """A stream that claims to be a terminal; after `close_after` writes it has been closed."""

    def __init__(self, close_after: int | None = None) -> None:
        super().__init__()
        self._left = close_after

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise OSError(5, "Input/output error")
        return super().write(text)


@pytest.fixture(autouse=True)
def _of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


async def begin(tracker: azpoll.Tracker[Any], client: Any, number: int, **options: Any) -> azpoll.AsyncOperation[Any]:
    return tracker.track(await client.delete(path_of(number)), **options)


async def test_the_table_is_drawn_until_no_operation_runs() -> None:
    arm = FakeARM(default=Script(polls=[RUNNING, RUNNING, DONE], retry_after=5), limits=None)
    terminal = Terminal()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        await begin(tracker, client, 1, label="first\x1b]0;title\x07")
        await azpoll.watch(tracker, stream=terminal)
        assert tracker.statistics().running == 0
        assert anyio.current_time() == pytest.approx(15, abs=0.5)

    text = terminal.getvalue()
    assert "1 running" in text
    assert re.search(r"Mov\\x1b\[2Jing +40 +\d\.\d s +\d\.\d s +first\\x1b\]0;title\\x07", text)
    assert "\x1b]0;" not in text
    assert "\x1b[2J" not in text
    assert "SCOPE" in text
    assert "0 running, 1 succeeded" in text.rpartition("1 running")[2]


async def test_failures_groups_and_failing_polls_are_shown() -> None:
    arm = FakeARM(default=Script(duration_s=40, retry_after=5), limits=None)
    error = {"code": "QuotaExceeded", "message": "No cores are left."}
    arm.operation("DELETE", path_of(1).partition("?")[0], duration_s=1, retry_after=1, outcome="Failed", error=error)
    arm.operation("DELETE", path_of(2).partition("?")[0], polls=[Reply(503, retry_after=5)] * 3 + [DONE])
    stream = Terminal()
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        group = tracker.group("deploy-1")
        for number in (1, 2, 3):
            group.track(await client.delete(path_of(number) + "&sig=secret"))
        await azpoll.watch(tracker, stream=stream)

    text = stream.getvalue()
    assert re.search(r"deploy-1 +2 +1 +1 ", text), "running, failing and failed"
    assert re.search(r"failed +1.\d s +deploy-1 +QuotaExceeded", text)
    assert re.search(r"deploy-1 +HTTP 503", text)
    assert "secret" not in text


async def test_without_a_terminal_the_table_is_printed_once_at_the_end() -> None:
    arm = FakeARM(default=Script(duration_s=30, retry_after=5, outcome="Failed"), limits=None)
    stream = io.StringIO()
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        await begin(tracker, client, 1, label="t1")
        await azpoll.watch(tracker, stream=stream)
        assert anyio.current_time() == pytest.approx(30, abs=1)

    lines = stream.getvalue().splitlines()
    assert lines[0] == "0 running, 1 failed"
    assert re.search(r"failed +30 s +t1 +OperationFailed", stream.getvalue())
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in stream.getvalue()


async def test_nothing_is_awaited_where_nothing_runs() -> None:
    async with client_of(FakeARM()) as client, azpoll.Tracker(client) as tracker:
        await azpoll.watch(tracker, stream=Terminal())
        assert anyio.current_time() == 0


async def test_cancelling_it_harms_no_operation_and_restores_the_terminal() -> None:
    arm = FakeARM(default=Script(duration_s=30, retry_after=5), limits=None)
    terminal = Terminal()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await begin(tracker, client, 1)
        with anyio.move_on_after(7):
            await azpoll.watch(tracker, stream=terminal)
        assert operation.state == "running"
        assert (await operation).is_success
    assert terminal.getvalue().rstrip("\n").endswith("\x1b[?25h"), "the cursor is shown again"


async def test_a_terminal_that_was_closed_ends_the_drawing_and_not_the_wait() -> None:
    arm = FakeARM(default=Script(duration_s=30, retry_after=5), limits=None)
    terminal = Terminal(close_after=9)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await begin(tracker, client, 1)
        await azpoll.watch(tracker, stream=terminal)
        assert operation.done()


async def test_it_draws_at_most_four_times_a_second() -> None:
    arm = FakeARM(default=Script(duration_s=10, retry_after=1), limits=None)
    drawn_s = set[float]()

    class Clocked(Terminal):
        def write(self, text: str) -> int:
            drawn_s.add(anyio.current_time())
            return super().write(text)

    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        await begin(tracker, client, 1)
        await azpoll.watch(tracker, stream=Clocked())
    assert len(drawn_s) > 10
    assert min(second - first for first, second in pairwise(sorted(drawn_s))) >= 0.249


async def test_the_more_a_view_costs_the_more_rarely_it_is_drawn() -> None:
    """Reading and drawing take at most 4 % of one core."""

    class Costly:
        """A source whose views take 20 ms of CPU time."""

        def __init__(self) -> None:
            self.read_s = list[float]()

        async def read(self, most: int) -> View:
            self.read_s.append(anyio.current_time())
            end_s = time.perf_counter() + 0.02
            while time.perf_counter() < end_s:
                pass
            return View({"running": most})

        def ended(self) -> bool:
            return len(self.read_s) > 3

    source, terminal = Costly(), Terminal()
    await draw_until_ended(source, Screen(Console(file=terminal), terminal, whole=True))
    assert source.read_s[3] - source.read_s[0] >= 3 * 0.5


async def test_without_rich_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    async with client_of(FakeARM()) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'azpoll\[cli\]'"):
            await azpoll.watch(tracker)


async def test_a_tracker_that_was_not_entered_is_refused() -> None:
    async with client_of(FakeARM()) as client:
        with pytest.raises(azpoll.WrongEventLoop):
            await azpoll.watch(azpoll.Tracker(client), stream=io.StringIO())
