"""Failures that the state machine has found, one test each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.protocol import resume_token as tokens
from azpoll.testing import Delay, FakeARM, Ordinary, Script, run_virtual
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from azpoll.testing import Step

pytestmark = pytest.mark.anyio

THING = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Fake/things/t?api-version=1"
CANCEL = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Fake/things/t/cancel?api-version=1"
LATENCY_S = 0.05


def slow_second_poll(seconds: float) -> FakeARM:
    """Return a service whose answer to the second poll, sent at 34.1 s, takes `seconds`."""
    polls: Sequence[Step] = [Ordinary(), Delay(seconds), Ordinary()]
    arm = FakeARM(limits=None, latency_s=LATENCY_S)
    arm.operation("DELETE", duration_s=300, retry_after=17, polls=polls)
    return arm


async def test_resuming_during_a_poll_waits_for_its_answer_and_retry_after() -> None:
    """The token of the error has the answer to the poll that was in flight."""
    arm = slow_second_poll(5)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        await anyio.sleep(34.2)
        assert tracker.statistics().in_flight == 1
        operation.stop_tracking()
        with pytest.raises(azpoll.TrackerClosed) as stopped:
            await operation
        resumed = tracker.resume(str(stopped.value.resume_token), cancel_url=CANCEL)
        assert await resumed.cancel()
        with pytest.raises(azpoll.OperationCanceled):
            await resumed
    arm.no_early_polls()
    arm.one_request_at_a_time()
    arm.no_requests_after_end()


async def test_a_token_keeps_a_retry_after_beyond_the_deadline() -> None:
    """A deadline ends the tracking; it does not allow an earlier poll."""
    arm = FakeARM(limits=None, latency_s=LATENCY_S)
    arm.operation("DELETE", duration_s=100, retry_after=60)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING, timeout=20)
        operation.stop_tracking()
        assert (await tracker.resume(operation.resume_token(), timeout=None)).status_code == 200
    arm.no_early_polls()


def test_a_token_made_after_the_loop_ended_keeps_the_next_poll_time() -> None:
    arm = FakeARM(limits=None)
    arm.operation("DELETE", duration_s=100, retry_after=60)

    async def track() -> azpoll.AsyncOperation[httpx.Response]:
        async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
            return await tracker.begin("DELETE", THING)

    begun_s = time.time()
    token = run_virtual(track).resume_token()
    assert tokens.decode(token).not_before >= begun_s + 60


async def test_closing_returns_begun_operations_while_others_are_queued() -> None:
    """Queued initial requests are not sent after the close; the operations that have begun are returned."""
    arm = FakeARM(default=Script(duration_s=5), limits=None, latency_s=3)
    started: list[azpoll.AsyncOperation[httpx.Response]] = []
    refused: list[azpoll.TrackerClosed] = []

    async def begin(tracker: azpoll.Tracker[httpx.Response], number: int) -> None:
        try:
            started.append(await tracker.begin("PUT", THING.replace("/t?", f"/t{number}?")))
        except azpoll.TrackerClosed as error:
            refused.append(error)

    async with (
        client_of(arm) as client,
        anyio.create_task_group() as tasks,
        azpoll.Tracker(client, max_in_flight=2, on_exit="stop") as tracker,
    ):
        for number in range(4):
            tasks.start_soon(begin, tracker, number)
        await anyio.sleep(1)
    assert (len(started), len(refused)) == (2, 2)
    assert len(arm.requests) == 2
    assert all(operation.resume_token() for operation in started)
