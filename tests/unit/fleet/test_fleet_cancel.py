"""`Fleet.cancel`: any process asks, and the worker of the operation sends the request."""

from __future__ import annotations

import pytest

from azpoll.fleet import Fleet
from azpoll.operation_state import OperationState
from azpoll.testing import FakeARM
from tests.support.fleet_work import quick_arm, responses_of, service, working
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio


def cancels(arm: FakeARM) -> int:
    """Return the number of cancel requests that the service received."""
    return len([record for record in arm.requests if record.method == "POST"])


async def test_another_process_cancels_an_operation(dsn: str, fleet: Fleet) -> None:
    arm = quick_arm(duration_s=30.0, pattern="operation-location")
    async with service(arm) as client:
        ids = await fleet.submit(await responses_of(client, 2))
        async with working(fleet, client), Fleet.connect(dsn) as other:
            await eventually(lambda: len(arm.requests) > 4)
            assert await other.cancel(ids[0])
            (canceled,) = await other.wait(ids[:1], timeout=20)
            assert await other.cancel(ids[0]) is False
            assert await other.get(ids[1]) is None
    assert canceled.state is OperationState.CANCELED
    assert cancels(arm) == 1


async def test_an_operation_is_canceled_that_no_worker_has_yet(fleet: Fleet) -> None:
    async with service(quick_arm(duration_s=30.0, pattern="operation-location")) as client:
        ids = await fleet.submit(await responses_of(client, 1))
        assert await fleet.cancel(ids[0])
        async with working(fleet, client):
            (canceled,) = await fleet.wait(ids, timeout=20)
    assert canceled.state is OperationState.CANCELED


async def test_a_refused_cancellation_is_a_problem_and_may_be_repeated(fleet: Fleet) -> None:
    arm = FakeARM(limits=None, floor_s=0.0)
    arm.operation("PUT", "/subscriptions/s/x", duration_s=30.0, retry_after=0)
    async with service(arm) as client:
        response = await client.put("/subscriptions/s/x?api-version=1", json={})
        ids = await fleet.submit([response], cancel_url="/subscriptions/s/nowhere?api-version=1")
        async with working(fleet, client):
            assert await fleet.cancel(ids[0])
            await eventually(lambda: has_problem(fleet, ids[0]))
            assert cancels(arm) == 1
            assert await fleet.cancel(ids[0])
            await eventually(lambda: cancels(arm) == 2)
            assert await fleet.get(ids[0]) is None


async def has_problem(fleet: Fleet, operation_id: str) -> bool:
    """Whether an operation has a problem."""
    return operation_id in await fleet.problems()
