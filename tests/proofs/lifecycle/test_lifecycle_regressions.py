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


@pytest.mark.parametrize("seconds", [0.5, 5.0])
async def test_resuming_during_a_poll_waits_for_its_answer_and_retry_after(
    seconds: float,
) -> None:
    """The answer belongs to the stopped handle, but its Retry-After applies to the resumed one."""
    arm = slow_second_poll(seconds)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        await anyio.sleep(34.2)
        assert tracker.statistics().in_flight == 1
        operation.stop_tracking()
        resumed = tracker.resume(operation.resume_token())
        await anyio.sleep(seconds + 2)
        token = resumed.resume_token()  # it has the Retry-After too
        resumed.stop_tracking()
        assert (await tracker.resume(token)).status_code == 200
    arm.no_early_polls()
    arm.one_request_at_a_time()
    arm.no_requests_after_end()


async def test_a_second_handle_made_during_a_poll_waits_for_its_answer() -> None:
    arm = slow_second_poll(5)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        await anyio.sleep(34.2)
        again = tracker.resume(operation.resume_token())
        assert (await operation).status_code == (await again).status_code == 200
    arm.no_early_polls()
    arm.one_request_at_a_time()


async def test_a_deadline_before_the_retry_after_of_another_poll_ends_on_time() -> None:
    arm = slow_second_poll(5)
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        operation = await tracker.begin("DELETE", THING)
        await anyio.sleep(34.2)
        operation.stop_tracking()
        resumed = tracker.resume(operation.resume_token(), timeout=10)
        with pytest.raises(azpoll.OperationTimeout):
            await resumed
        assert anyio.current_time() == pytest.approx(44.25, abs=0.1)
    arm.no_early_polls()


async def test_a_cancel_request_waits_for_the_poll_of_another_handle() -> None:
    """The cancel request is sent as soon as the poll of the first handle is answered."""
    arm = slow_second_poll(5)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        await anyio.sleep(34.2)
        operation.stop_tracking()
        resumed = tracker.resume(operation.resume_token(), cancel_url=CANCEL)
        assert await resumed.cancel()
        with pytest.raises(azpoll.OperationCanceled):
            await resumed
    [cancel] = [request for request in arm.requests if request.method == "POST"]
    assert cancel.at_s == pytest.approx(34.15 + 5, abs=0.1)
    arm.no_early_polls()


async def test_cancel_requests_of_two_handles_are_sent_one_after_the_other() -> None:
    arm = FakeARM(limits=None, latency_s=3)
    arm.operation("DELETE", duration_s=300, retry_after=17, cancel_takes_s=100)
    async with (
        client_of(arm) as client,
        azpoll.Tracker(client) as tracker,
        anyio.create_task_group() as tasks,
    ):
        operation = await tracker.begin("DELETE", THING, cancel_url=CANCEL)
        again = tracker.resume(operation.resume_token(), cancel_url=CANCEL)
        tasks.start_soon(operation.cancel)
        tasks.start_soon(again.cancel)
        for each in (operation, again):
            with pytest.raises(azpoll.OperationCanceled):
                await each
    first, second = (request.at_s for request in arm.requests if request.method == "POST")
    assert second - first >= 3
    arm.no_early_polls()
    arm.one_request_at_a_time()


async def test_a_token_keeps_a_retry_after_beyond_the_deadline() -> None:
    """A deadline ends the tracking; it does not allow an earlier poll."""
    arm = FakeARM(limits=None, latency_s=LATENCY_S)
    arm.operation("DELETE", duration_s=100, retry_after=60)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING, timeout=20)
        operation.stop_tracking()
        assert (await tracker.resume(operation.resume_token())).status_code == 200
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
