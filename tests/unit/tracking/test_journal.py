"""The journal seam: which calls a tracker makes, with which rows and in which order."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

import azpoll
from azpoll.operation_state import OperationState
from azpoll.testing import FakeARM, Script
from azpoll.tracking.journal import Journal, JournalResult, JournalRow
from tests.support.clients import ORIGIN, client_of, new_client
from tests.support.list_journal import ListJournal

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio

THING = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Fake/things/t?api-version=2024-01-01&sig=SECRET"


async def test_the_calls_of_one_operation_have_this_order() -> None:
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=40, retry_after=17))
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        operation = await tracker.begin("PUT", THING, json={}, label="mine")
        assert journal.names == ["intent", "started"]
        await operation
    assert journal.names == ["intent", "started", "changed", "changed", "ended"]
    assert {row.operation_id for _, row in journal.calls} == {operation.id}
    assert {row.label for _, row in journal.calls} == {"mine"}


async def test_the_intent_is_stored_before_the_request_is_sent() -> None:
    """It has the method, the URL without the values of its query, and the client request id.

    The token of a PUT polls its resource, in case that its answer is lost (rule 53).
    """
    arm = FakeARM(default=Script(duration_s=0))

    class Before(ListJournal):
        async def store(self, rows: Sequence[JournalRow | JournalResult]) -> None:
            assert bool(arm.requests) is bool(self.calls)
            await super().store(rows)

    journal = Before(delay_s=3)
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        await (await tracker.begin("PUT", THING, headers={"x-ms-client-request-id": "id-1"}))
    name, intent = journal.calls[0]
    assert name == "intent"
    assert isinstance(intent, JournalRow)
    assert (intent.method, intent.client_request_id, intent.intent) == ("PUT", "id-1", True)
    assert intent.token is not None
    assert "SECRET" not in intent.url
    assert intent.url.startswith(f"{ORIGIN}/subscriptions/s/")


async def test_begin_returns_after_the_row_is_stored() -> None:
    journal = ListJournal(delay_s=5)
    arm = FakeARM(default=Script(duration_s=40))
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal, on_exit="stop") as tracker:
        begun_s = anyio.current_time()
        await tracker.begin("PUT", THING, json={})
        assert anyio.current_time() - begun_s >= 2 * 5
        assert journal.names == ["intent", "started"]


async def test_the_stored_tokens_can_be_resumed() -> None:
    """Each `changed` row replaces the token."""
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=40, retry_after=17))
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", THING, json={})
        await anyio.sleep(20)
    (row,) = journal.open
    assert row.operation_id == operation.id
    assert row.token is not None
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        await tracker.resume(row.token)
    arm.no_early_polls()


async def test_a_result_is_stored_once_with_its_body() -> None:
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=10))
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        response = await (await tracker.begin("PUT", THING, json={}))
    (row,) = journal.ended
    assert (row.state, row.status_code, row.body) == (OperationState.SUCCEEDED, 200, response.content)
    assert (row.body_length, row.error, row.token) == (len(response.content), None, None)
    assert (row.method, row.url) == ("PUT", f"{ORIGIN}{THING.replace('2024-01-01', '***').replace('SECRET', '***')}")
    assert await journal.get(row.operation_id) == row
    assert not journal.open


async def test_a_failure_and_an_unknown_status_are_stored_as_they_are() -> None:
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=10, outcome="Failed"))
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal, on_exit="stop") as tracker:
        failed = await tracker.begin("PUT", THING, json={})
        late = await tracker.begin("PUT", THING.replace("/t?", "/late?"), json={}, timeout=2)
        await failed.wait()
        await late.wait()
    rows = {row.operation_id: row for row in journal.ended}
    assert rows[failed.id].state is OperationState.FAILED
    assert rows[failed.id].token is None
    assert rows[late.id].state is OperationState.UNKNOWN
    assert rows[late.id].token is not None


async def test_a_refused_initial_request_started_no_operation() -> None:
    journal = ListJournal()
    transport = httpx.MockTransport(lambda _: httpx.Response(409, json={"error": {"code": "Conflict"}}))
    async with (
        new_client(transport=transport, base_url=ORIGIN) as client,
        azpoll.Tracker(client, journal=journal) as tracker,
    ):
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin("PUT", THING, json={})
    (row,) = journal.ended
    assert (row.state, row.status_code, row.token) == (None, 409, None)
    assert b"Conflict" in row.body


async def test_an_initial_request_without_an_answer_leaves_its_intent() -> None:
    """The service may have executed it."""
    journal = ListJournal()

    def drop(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("dropped")

    async with (
        new_client(transport=httpx.MockTransport(drop), base_url=ORIGIN) as client,
        azpoll.Tracker(client, journal=journal) as tracker,
    ):
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin("POST", THING)
    assert journal.names == ["intent"]
    (row,) = journal.open
    assert row.token is None


async def test_track_and_resume_are_stored_soon() -> None:
    """Neither does I/O, so the tracker's own task writes their rows."""
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=40, retry_after=17))
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        tracked = tracker.track(await client.put(THING, json={}))
        resumed = tracker.resume(tracked.resume_token())
        assert not journal.calls
        await anyio.sleep(1)
        assert journal.names == ["started", "changed"]
        assert tracked.id == resumed.id
        await tracked
        await resumed
    assert {row.operation_id for row in journal.ended} == {tracked.id}


async def test_an_operation_that_its_initial_response_ends_has_one_row() -> None:
    """Also where the journal is slow, and whether the tracker sent the initial request or not."""
    journal = ListJournal(delay_s=2)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"id": "/t"}))
    async with (
        new_client(transport=transport, base_url=ORIGIN) as client,
        azpoll.Tracker(client, journal=journal) as tracker,
    ):
        begun = await tracker.begin("PUT", THING, json={})
        assert begun.state is OperationState.SUCCEEDED
        assert journal.names == ["intent", "ended"]
        tracked = tracker.track(await client.put(THING, json={}))
        assert tracked.state is OperationState.RUNNING
        await tracked
        assert journal.names[2:] == ["ended"]
    assert not journal.open


async def test_changes_are_written_in_batches() -> None:
    """A slow journal gets the newest token of each operation, and no queue grows."""
    journal = ListJournal(delay_s=2)
    arm = FakeARM(default=Script(duration_s=30, retry_after=1))
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        await tracker.begin("PUT", THING, json={})
        await tracker.begin("PUT", THING.replace("/t?", "/u?"), json={})
    assert max(journal.batches) == 2
    assert len(journal.batches) < 24
    assert journal.names.count("ended") == 2
    assert journal.names[-1] == "ended"


async def test_an_error_of_the_journal_is_logged_and_affects_no_operation(caplog: pytest.LogCaptureFixture) -> None:
    journal = ListJournal(error=OSError("disk full"))
    arm = FakeARM(default=Script(duration_s=10))
    with caplog.at_level(logging.ERROR, logger="azpoll"):
        async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
            response = await (await tracker.begin("PUT", THING, json={}))
    assert response.status_code == 200
    assert "the journal raised an error; tracking goes on in memory" in caplog.text
    assert journal.names[0] == "intent"
    assert journal.names[-1] == "ended"


async def test_a_begin_that_is_cancelled_while_its_row_is_stored_is_tracked() -> None:
    """The request was answered: the operation is not lost."""
    journal = ListJournal(delay_s=5)
    arm = FakeARM(default=Script(duration_s=10))
    ended: list[azpoll.Event] = []
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal) as tracker:
        tracker.subscribe(lambda event: ended.append(event) if isinstance(event, azpoll.OperationEnded) else None)
        with anyio.move_on_after(7):
            await tracker.begin("PUT", THING, json={})
    assert len(ended) == 1
    assert journal.names[-1] == "ended"


async def test_a_begin_after_the_close_of_the_tracker_sends_nothing() -> None:
    """A request that was not sent has no intent."""
    journal = ListJournal()
    arm = FakeARM(default=Script(duration_s=10))
    budget = azpoll.Budget(write_rate=0.001, write_burst=1)
    errors: list[azpoll.AzpollError] = []

    async def begin(tracker: azpoll.Tracker[httpx.Response]) -> None:
        try:
            await tracker.begin("PUT", THING, json={})
        except azpoll.TrackerClosed as error:
            errors.append(error)

    async with anyio.create_task_group() as tasks, client_of(arm) as client:
        async with azpoll.Tracker(client, journal=journal, budget=budget, on_exit="stop") as tracker:
            tasks.start_soon(begin, tracker)
            tasks.start_soon(begin, tracker)
            await anyio.sleep(1)
        await anyio.sleep(1)
    assert len(errors) == 1
    assert not journal.ended
    assert len(journal.open) == 1


async def test_a_request_whose_intent_is_stored_during_the_close_is_not_sent() -> None:
    """The end of the tracker is the end of its requests, and the journal says that there was none."""
    arm, journal = FakeARM(), ListJournal(delay_s=30)
    errors: list[Exception] = []
    async with client_of(arm) as client, anyio.create_task_group() as tasks:
        async with azpoll.Tracker(client, journal=journal, on_exit="stop") as tracker:

            async def begin() -> None:
                try:
                    await tracker.begin("POST", THING, json={})
                except azpoll.TrackerClosed as error:
                    errors.append(error)

            tasks.start_soon(begin)
            await anyio.sleep(1)
        assert anyio.current_time() < 30
    assert len(errors) == 1
    assert not arm.requests
    assert [(row.operation_id, row.state) for row in journal.ended] == [(journal.calls[0][1].operation_id, None)]


def test_a_list_journal_satisfies_the_protocol() -> None:
    """The type checkers check the assignment."""
    journal: Journal = ListJournal()
    assert journal
