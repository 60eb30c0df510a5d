"""A caller sees failed polls, the times of an operation and the ids of its initial answer (rules 41, 55)."""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import Delay, Drop, FakeARM, Reply, html_page, status_monitor
from tests.support.clients import client_of
from tests.support.marks import ASYNCIO
from tests.support.operations import THING, error_of, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from azpoll.testing import Step

pytestmark = pytest.mark.anyio

RUNNING = status_monitor("Running", retry_after=10)
DONE = Reply(200, {"status": "Succeeded"})
CORRELATION = "x-ms-correlation-request-id"


async def test_rule_55_an_event_says_why_a_poll_failed_and_how_long_it_took(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    polls: list[Step] = [Delay(2, html_page(503)), Reply(404), RUNNING, DONE]
    fake_arm.operation("PUT", polls=polls, retry_after=5)
    events: list[azpoll.Event] = []
    async with azpoll.Tracker(client) as tracker:
        tracker.subscribe(events.append)
        await (await tracker.begin("PUT", THING))
    answered = [event for event in events if isinstance(event, azpoll.PollAnswered)]
    assert [event.reason for event in answered] == ["HTTP 503 from a proxy (HTML)", "HTTP 404", None, None, None]
    assert [round(event.duration_s, 3) for event in answered] == [2, 0, 0, 0, 0]


async def test_rule_55_a_snapshot_has_the_last_error_while_polls_fail(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("DELETE", polls=[Reply(503), Drop(), RUNNING, DONE], retry_after=1)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        seen = [(each.failures, each.last_error) async for each in operation.snapshots()]
    assert seen == [
        (0, None),
        (1, "HTTP 503"),
        (2, "the connection failed: RemoteProtocolError"),
        (0, None),
        (0, None),
    ]


async def test_the_snapshot_after_giving_up_has_the_last_error(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("DELETE", polls=[Reply(400)])
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        await error_of(operation)
    assert (operation.snapshot().failures, operation.snapshot().last_error) == (1, "HTTP 400")


async def test_rule_41_a_snapshot_says_when_tracking_began_and_ended(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.operation("DELETE", polls=[RUNNING, DONE], retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        begun_s = anyio.current_time()
        await until(begun_s + 4)
        first = operation.snapshot()
        assert first.started_at.tzinfo is UTC
        assert first.ended_at is None
        assert first.elapsed_s == pytest.approx(4)
        await operation
        await until(begun_s + 50)
    last = operation.snapshot()
    assert last.ended_at is not None
    assert last.ended_at - last.started_at == pytest.approx(timedelta(seconds=20), abs=timedelta(seconds=0.01))
    assert last.elapsed_s == pytest.approx(20, abs=0.01)


@pytest.mark.parametrize("stopped", [True, False])
async def test_the_end_of_tracking_without_an_answer_has_its_time(
    client: httpx.AsyncClient, fake_arm: FakeARM, *, stopped: bool
) -> None:
    """Tracking ends at 30 s: it is stopped, or the deadline passes before the service's Retry-After."""
    fake_arm.operation("DELETE", polls=[status_monitor("Running", retry_after=100)] * 2, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING, timeout=None if stopped else 30)
        await until(anyio.current_time() + 30)
        if stopped:
            operation.stop_tracking()
        await operation.wait()
        await until(anyio.current_time() + 30)
        assert operation.exception()
    assert operation.snapshot().elapsed_s == pytest.approx(30, abs=0.01)


@pytest.mark.parametrize(
    "initial",
    [
        Reply(202, headers={CORRELATION: "initial", "Azure-AsyncOperation": "{poll_url}"}),
        Reply(202, headers={CORRELATION: "initial", "Location": "{poll_url}"}),
        Reply(200, {"done": True}, {CORRELATION: "initial"}),
    ],
    ids=["monitor", "location", "immediate"],
)
async def test_rule_41_the_correlation_id_of_the_initial_answer_stays(
    client: httpx.AsyncClient, fake_arm: FakeARM, initial: Reply
) -> None:
    fake_arm.operation("POST", initial=initial, polls=[Reply(200, {"status": "Succeeded"}, {CORRELATION: "later"})])
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("POST", THING)
        await operation
    assert operation.snapshot().initial_correlation_id == "initial"


# A tracker that is dropped


class Dropped(azpoll.Tracker["httpx.Response"]):
    """A tracker whose session can be closed without it."""

    def closing(self) -> Callable[[], Awaitable[None]]:
        return self._any_session().close


async def test_a_tracker_that_is_dropped_without_being_closed_warns(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    del fake_arm
    tracker = Dropped(client)
    await tracker.__aenter__()
    closing = tracker.closing()
    held = [tracker]
    del tracker
    with pytest.warns(ResourceWarning, match="never closed: use `async with"):
        held.clear()
    await closing()


async def test_a_tracker_that_was_closed_or_never_entered_does_not_warn(client: httpx.AsyncClient) -> None:
    async with azpoll.Tracker(client):
        pass
    azpoll.Tracker(client)
    with pytest.raises(TypeError):
        azpoll.Tracker(object())  # type: ignore[arg-type]  # - a wrong client
    gc.collect()


# Awaiting in task groups


async def test_a_task_group_waits_for_an_operation(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("DELETE", polls=[DONE])
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(operation.wait)
        assert operation.result().status_code == 200


@ASYNCIO
async def test_asyncio_makes_a_task_of_an_operation() -> None:
    """`ensure_future` gives its result; `wait` is a coroutine for the calls that insist on one."""
    arm = FakeARM()
    arm.operation("DELETE", polls=[DONE])
    async with client_of(arm) as client, azpoll.Tracker(client, min_interval=0, interval=0) as tracker:
        operation = await tracker.begin("DELETE", THING)
        future = asyncio.ensure_future(operation)
        done, _ = await asyncio.wait([future])
        assert (await done.pop()).status_code == 200
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(operation.wait())
        assert waiting.result() is operation
        (response,) = await asyncio.gather(operation)
        assert response.status_code == 200
        assert (await asyncio.wait_for(operation, 5)).status_code == 200
