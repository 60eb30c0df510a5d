"""Rules 39, 40 and 43 as a whole: awaiting, leaving and canceling an operation through its handle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import anyio
import httpx
import pytest

import azpoll
from azpoll.testing import FakeARM, run_virtual
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azpoll.options import Method

ORIGIN = "https://management.azure.com"
THING = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Test/things/t?api-version=2024-01-01"

Operation = azpoll.AsyncOperation[httpx.Response]
Backend = Literal["asyncio", "trio"]
on_both = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def track(
    arm: FakeARM,
    backend: Backend,
    use: Callable[[Operation], Awaitable[object]],
    method: Method = "PUT",
    **options: Any,
) -> azpoll.Statistics:
    """Begin an operation in virtual time, pass it to `use`, and return the tracker's statistics after its end."""

    async def main() -> azpoll.Statistics:
        async with (
            client_of(arm) as client,
            azpoll.Tracker(client) as tracker,
        ):
            await use(await tracker.begin(method, THING, **options))
        return tracker.statistics()

    return run_virtual(main, backend=backend)


async def outcome_of(operation: Operation) -> object:
    """Return the result, or the exception that awaiting raises."""
    try:
        return await operation
    except azpoll.AzpollError as error:
        return error


@on_both
@pytest.mark.parametrize(("outcome", "objects"), [("Succeeded", 1), ("Failed", 8)])
def test_rule_39_awaiters_share_the_loop_and_the_result_but_no_exception(
    outcome: Literal["Succeeded", "Failed"], objects: int, backend: Backend
) -> None:
    """Eight awaiters, five of them after the end, cost as many requests as one: polls after 10, 20 and 30 s."""
    arm = FakeARM()
    arm.operation("DELETE", duration_s=25, retry_after=10, outcome=outcome)
    outcomes: list[object] = []

    async def use(operation: Operation) -> None:
        async def wait() -> None:
            outcomes.append(await outcome_of(operation))

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(wait)
        for _ in range(5):
            await wait()

    track(arm, backend, use, "DELETE")
    assert arm.statistics().reads == 3
    assert len({id(each) for each in outcomes}) == objects


@on_both
def test_rule_40_a_canceled_awaiter_harms_neither_the_poll_nor_other_awaiters(backend: Backend) -> None:
    """One of two awaiters leaves at 13 s, when the poll that was sent at 12 s is still unanswered."""
    arm = FakeARM(latency_s=2)
    arm.operation("DELETE", duration_s=5, retry_after=10)
    results: list[int] = []

    async def use(operation: Operation) -> None:
        async def wait() -> None:
            results.append((await operation).status_code)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            scope = anyio.CancelScope(deadline=anyio.current_time() + 11)
            with scope:
                await operation
            assert scope.cancelled_caught

    track(arm, backend, use, "DELETE")
    assert results == [200]
    assert [(request.method, request.status) for request in arm.requests] == [("DELETE", 202), ("GET", 200)]


@on_both
@pytest.mark.parametrize("named", [False, True])
def test_rule_43_cancel_asks_the_service_and_polling_goes_on(named: bool, backend: Backend) -> None:  # noqa: FBT001 - a row
    """At the monitor's URL with `:cancel`, or at the caller's `cancel_url`; canceling takes the service 15 s."""
    arm = FakeARM()
    fake = arm.operation("POST", pattern="operation-location", duration_s=600, retry_after=10, cancel_takes_s=15)
    cancel_url = f"{ORIGIN}{THING.partition('?')[0]}/cancel?api-version=2024-01-01" if named else None
    ended: list[object] = []

    async def use(operation: Operation) -> None:
        assert await operation.cancel()
        assert not operation.done()
        ended.append(await outcome_of(operation))

    track(arm, backend, use, "POST", cancel_url=cancel_url)
    monitor, _, query = fake.monitor_url.partition("?")
    posts = [request.url for request in arm.requests if request.method == "POST"]
    assert posts[1:] == [cancel_url or f"{monitor}:cancel?{query}"]
    assert isinstance(ended[0], azpoll.OperationCanceled)
    assert arm.statistics().reads == 2


@on_both
def test_rule_43_stop_tracking_sends_nothing(backend: Backend) -> None:
    """The local stop differs from `cancel`: awaiters get `TrackerClosed` with a resume token."""
    arm = FakeARM()
    arm.operation("PUT", duration_s=60, retry_after=10)

    async def use(operation: Operation) -> None:
        operation.stop_tracking()
        error = await outcome_of(operation)
        assert isinstance(error, azpoll.TrackerClosed)
        assert error.resume_token

    track(arm, backend, use)
    assert len(arm.requests) == 1
