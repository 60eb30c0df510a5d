"""When awaiters are notified of an end, and what happens while a journal fails."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

import azpoll
from azpoll.operation_state import OperationState
from azpoll.testing import FakeARM, Reply, Script
from tests.support.clients import ORIGIN, client_of, new_client
from tests.support.journals import THING
from tests.support.list_journal import ListJournal

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio


class TimedJournal(ListJournal):
    """Notes when each row of an open operation is stored, by its id and its number of polls."""

    def __init__(self) -> None:
        super().__init__()
        self.stored_s: dict[tuple[str, int | None], float] = {}

    async def store(self, rows: Sequence[azpoll.JournalRow | azpoll.JournalResult]) -> None:
        await super().store(rows)
        for row in rows:
            if isinstance(row, azpoll.JournalRow):
                self.stored_s[row.operation_id, row.polls] = anyio.current_time()


def failures(events: list[azpoll.Event]) -> list[azpoll.JournalFailed]:
    return [event for event in events if isinstance(event, azpoll.JournalFailed)]


async def test_an_end_is_shown_only_when_it_is_stored() -> None:
    """By the state, `done`, the event, callbacks, the counts and a group, and to every awaiter."""
    journal = ListJournal(delay_s=5)
    arm = FakeARM(default=Script(duration_s=10, retry_after=10))
    shown: list[tuple[str, bool]] = []

    def note(name: str) -> None:
        shown.append((name, bool(journal.ended)))

    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        tracker.subscribe(lambda event: note("event") if isinstance(event, azpoll.OperationEnded) else None)
        async with tracker.group() as group:
            operation = await group.begin("PUT", THING, json={})
            operation.add_done_callback(lambda _: note("callback"))
            while not operation.done():
                assert not journal.ended
                assert operation.state in {OperationState.RUNNING, OperationState.FETCHING}
                assert tracker.statistics().running == 1
                await anyio.sleep(0.5)
            await operation
            note("awaiter")
    assert sorted(shown) == [("awaiter", True), ("callback", True), ("event", True)]
    assert operation.snapshot().state is OperationState.SUCCEEDED


async def test_ends_that_arrive_together_are_stored_together() -> None:
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=60, retry_after=60), limits=None)
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal, budget=None) as tracker:
        responses = [await client.put(THING.replace("/t?", f"/{number}?"), json={}) for number in range(200)]
        begun_s = anyio.current_time()
        for response in responses:
            tracker.track(response)
    ends = journal.names.count("ended")
    assert ends == 200
    assert len([size for size in journal.batches if size > 1]) >= 1
    assert len(journal.batches) < 150
    assert anyio.current_time() - begun_s < 70


async def test_a_lone_end_is_stored_immediately() -> None:
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=10, retry_after=10), limits=None)
    answered_s: list[float] = []
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal, budget=None) as tracker:
        tracker.subscribe(
            lambda event: answered_s.append(anyio.current_time()) if isinstance(event, azpoll.PollAnswered) else None
        )
        await (await tracker.begin("PUT", THING, json={}))
        assert anyio.current_time() == answered_s[-1]


async def test_ends_of_a_steady_stream_share_transactions() -> None:
    """An end each ms, for 1 s: 50 transactions, and no end waits for more than 20 ms."""
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=5, retry_after=5), floor_s=0, limits=None)
    answered_s: dict[str, float] = {}
    delays_s: list[float] = []

    def note(event: azpoll.Event) -> None:
        if isinstance(event, azpoll.PollAnswered):
            answered_s[event.operation_id] = anyio.current_time()
        if isinstance(event, azpoll.OperationEnded):
            delays_s.append(anyio.current_time() - answered_s[event.operation_id])

    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal, budget=None) as tracker:
        tracker.subscribe(note)
        for number in range(1_000):
            await tracker.begin("PUT", THING.replace("/t?", f"/{number}?"), json={})
            await anyio.sleep(0.001)
        before = len(journal.batches)
    assert len(delays_s) == 1_000
    assert max(delays_s) <= 0.0201
    assert len(journal.batches) - before <= 60


async def test_an_end_replaces_the_change_before_it_while_others_end() -> None:
    """An end each 20 ms: it stores no changes of other operations, whose own ends follow after 50 ms."""
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=5, retry_after=5), floor_s=0, limits=None, latency_s=0.05)
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal, budget=None) as tracker:
        for number in range(100):
            await tracker.begin("PUT", THING.replace("/t?", f"/{number}?"), json={})
    assert journal.names.count("ended") == 100
    assert "changed" not in journal.names


async def test_a_change_is_stored_within_250_ms_while_others_change() -> None:
    journal = TimedJournal()
    arm = FakeARM(default=Script(duration_s=4, retry_after=1), floor_s=0, limits=None)
    polled_s: dict[tuple[str, int | None], float] = {}

    def note(event: azpoll.Event) -> None:
        if isinstance(event, azpoll.PollAnswered):
            count = sum(ident == event.operation_id for ident, _ in polled_s) + 1
            polled_s[event.operation_id, count] = anyio.current_time()

    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal, budget=None) as tracker:
        tracker.subscribe(note)
        for number in range(20):
            await tracker.begin("PUT", THING.replace("/t?", f"/{number}?"), json={})
            await anyio.sleep(0.04)
    changed = [(key, stored_s) for key, stored_s in journal.stored_s.items() if key[1]]
    assert len(changed) > 20
    assert all(stored_s - polled_s[key] <= 0.26 for key, stored_s in changed)


async def test_while_a_journal_fails_ends_are_reported_without_delay() -> None:
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=10, retry_after=10))
    events: list[azpoll.Event] = []
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        tracker.subscribe(events.append)
        operation = await tracker.begin("PUT", THING, json={})
        journal.error = OSError("no space: token eyJ2Ijoy")
        await operation
        assert operation.state is OperationState.SUCCEEDED
        assert [event.reason for event in failures(events)] == ["OSError"]
        begun_s = anyio.current_time()
        again = await tracker.begin("PUT", THING, json={})
        assert anyio.current_time() == begun_s
        journal.error = None
        await again
        await anyio.sleep(31)
        assert {row.operation_id for row in journal.ended} == {operation.id, again.id}


async def test_attempts_on_a_journal_that_fails_become_rarer() -> None:
    journal = ListJournal(error=OSError("gone"))
    arm = FakeARM(default=Script(duration_s=300, retry_after=300))
    events: list[azpoll.Event] = []
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal, on_exit="stop") as tracker:
        tracker.subscribe(events.append)
        await tracker.begin("PUT", THING, json={})
        await anyio.sleep(200)
    times = [event.at_s for event in failures(events)]
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits[1:6] == pytest.approx([2, 4, 8, 16, 30], abs=1)
    assert max(waits) <= 31


async def test_an_operation_whose_row_was_never_stored_is_stored_at_the_close() -> None:
    journal = ListJournal(error=OSError("gone"))
    arm = FakeARM(default=Script(duration_s=300, retry_after=300))
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", THING, json={})
        journal.error = None
    assert [row.operation_id for row in journal.open] == [operation.id]


async def test_a_journal_is_entered_and_left_once() -> None:
    """Also if the block raises."""
    journal = ListJournal()
    async with client_of(FakeARM()) as client:
        tracker = await azpoll.Tracker(client, journal=journal).__aenter__()
        assert (journal.entered, journal.left) == (1, 0)
        error = ZeroDivisionError()
        await tracker.__aexit__(ZeroDivisionError, error, None)
    assert (journal.entered, journal.left) == (1, 1)


async def test_cancel_returns_false_only_when_the_end_is_stored() -> None:
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=10, retry_after=10, pattern="operation-location"))
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        operation = await tracker.begin("POST", THING, json={})
        await anyio.sleep(9)
        journal.delay_s = 5
        await anyio.sleep(2)
        assert not operation.done()
        assert not await operation.cancel()
        assert operation.done()
        assert journal.ended


async def test_an_unusable_row_is_reported_and_the_others_are_recovered() -> None:
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=300, retry_after=300))
    events: list[azpoll.Event] = []
    async with client_of(arm) as client:
        async with azpoll.Tracker(client, journal=journal, on_exit="stop") as tracker:
            good = await tracker.begin("PUT", THING, json={})
        row = journal.open[0]
        for ident, token in (("1" * 16, "damaged"), ("2" * 16, None)):
            journal.rows[ident] = row._replace(operation_id=ident, token=token)
        async with azpoll.Tracker(client, journal=journal, on_exit="stop") as tracker:
            tracker.subscribe(events.append)
            assert [operation.id for operation in await tracker.recover()] == [good.id]
    assert [event.operation_id for event in failures(events)] == ["1" * 16]
    assert [row.operation_id for row in journal.open] == [good.id, "1" * 16]


async def test_operations_that_begin_and_end_during_recover_are_not_recovered() -> None:
    """Their rows were read before they ended."""
    arm = FakeARM(default=Script(duration_s=2, retry_after=1))
    journal = ListJournal()
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        first = await tracker.begin("PUT", THING, json={})
        second = await tracker.begin("PUT", THING, json={})
        journal.delay_s = 3
        assert await tracker.recover() == []
        await first
        await second


async def test_an_answer_of_5xx_leaves_the_intent() -> None:
    """The service may have executed the request (rule 53)."""
    journal = ListJournal()
    transport = httpx.MockTransport(lambda _: httpx.Response(500))
    async with (
        new_client(transport=transport, base_url=ORIGIN) as client,
        azpoll.Tracker(client, journal=journal) as tracker,
    ):
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin("PUT", THING, idempotent=False)
    assert [row.intent for row in journal.open] == [True]


@pytest.mark.parametrize("text", ["[]", "{}", '{"body": ""}', '{"x": 1}'])
def test_a_text_that_is_no_row_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no row"):
        azpoll.journal_row(text)


def test_the_text_of_a_row_is_converted_back() -> None:
    row = azpoll.JournalRow(
        "0" * 16, "PUT", "https://x", None, "l", "g", "Running", intent=False, token="t", options=""
    )
    common = ("0" * 16, "PUT", "https://x", None, "l", None)
    result = azpoll.JournalResult(*common, OperationState.FAILED, 200, b"\xff", 1, "why", None)
    for each in (row, result, result._replace(state=None)):
        assert azpoll.journal_row(azpoll.journal_text(each)) == each
        assert "'t'" not in repr(each)


async def test_a_deadline_after_failed_polls_is_logged_as_without_a_journal(caplog: pytest.LogCaptureFixture) -> None:
    """The end is known before it is stored."""
    lines: list[list[str]] = []
    for journal in (None, ListJournal(delay_s=1)):
        caplog.clear()
        arm = FakeARM(default=Script(duration_s=300, polls=[Reply(503, retry_after=100)] * 9))
        with caplog.at_level(logging.INFO, logger="azpoll"):
            async with client_of(arm) as client, azpoll.Tracker(client, journal=journal, on_exit="stop") as tracker:
                operation = await tracker.begin("PUT", THING, json={}, timeout=20, label="mine")
                await operation.wait()
        lines.append([record.getMessage().replace(operation.id, "") for record in caplog.records])
    assert lines[0] == lines[1]
    assert lines[0]
