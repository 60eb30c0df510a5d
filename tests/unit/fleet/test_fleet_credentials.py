"""A worker whose credential is refused leaves each operation to the others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import asyncpg
import httpx
import pytest

from azpoll.operation_state import OperationState
from azpoll.testing import Reply
from tests.support.clients import ORIGIN
from tests.support.fleet_work import FAST, quick_arm, quick_tracker, responses_of, service, working
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from azpoll.fleet import Fleet

pytestmark = pytest.mark.anyio

URL = "/subscriptions/s/resourceGroups/new?api-version=1"


@pytest.fixture(autouse=True)
def soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard that was given back can be leased again soon."""
    monkeypatch.setattr("azpoll.fleet.refusals.REFUSED_S", 0.05)


def refused_client() -> httpx.AsyncClient:
    """Return a client whose credential every service refuses."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"error": {"code": "InvalidAuthenticationToken", "message": "expired"}})

    return httpx.AsyncClient(base_url=ORIGIN, transport=httpx.MockTransport(answer))


async def have_problems(fleet: Fleet, ids: list[str]) -> bool:
    """Whether a worker has said why it leaves operations to others."""
    return set(ids) <= (await fleet.problems()).keys()


async def sent_at(dsn: str) -> list[object]:
    """Return the stored times at which the initial requests were sent."""
    connection = await asyncpg.connect(dsn)
    try:
        return [row["sent_at"] for row in await connection.fetch("SELECT sent_at FROM azpoll.operation")]
    finally:
        await connection.close()


async def mark_all_sent(dsn: str) -> None:
    """Store what a worker stores that dies between a request and its answer."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE azpoll.operation SET sent_at = now()")
    await connection.close()


async def test_operations_stay_open_until_a_worker_has_a_good_credential(fleet: Fleet) -> None:
    async with service(quick_arm()) as client, refused_client() as refused:
        ids = await fleet.submit(await responses_of(client, 3))
        async with working(fleet, refused):
            await eventually(lambda: have_problems(fleet, ids))
            assert "401" in (await fleet.problems())[ids[0]]
        counts = await fleet.statistics()
        assert (counts.running, counts.unknown) == (3, 0)
        async with working(fleet, client):
            results = await fleet.wait(ids, timeout=20)
    assert {result.state for result in results} == {OperationState.SUCCEEDED}
    assert not await fleet.problems()


async def test_a_problem_is_forgotten_when_a_worker_tracks_the_operation(fleet: Fleet) -> None:
    async with service(quick_arm(duration_s=60.0)) as client, refused_client() as refused:
        ids = await fleet.submit(await responses_of(client, 1))
        async with working(fleet, refused):
            await eventually(lambda: have_problems(fleet, ids))
        async with quick_tracker(client, fleet) as tracker:
            worker = asyncio.create_task(fleet.work(tracker))
            await eventually(lambda: has_no_problem(fleet))
            assert tracker.statistics().running == 1
        await asyncio.wait_for(worker, 20)


async def has_no_problem(fleet: Fleet) -> bool:
    """Whether no operation has a problem."""
    return not await fleet.problems()


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_request_is_sent_by_a_worker_with_a_good_credential(
    fleet: Fleet, method: Literal["PUT", "POST"]
) -> None:
    """A 401 proves that nothing was executed, so a POST may be sent again too."""
    arm = quick_arm()
    async with service(arm) as client, refused_client() as refused:
        begun = await fleet.begin(method, URL, json={})
        async with working(fleet, refused):
            await eventually(lambda: have_problems(fleet, [begun]))
        async with working(fleet, client):
            (result,) = await fleet.wait([begun], timeout=20)
    assert result.state is OperationState.SUCCEEDED


def unreachable_client() -> httpx.AsyncClient:
    """Return a client that reaches no service."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    return httpx.AsyncClient(base_url=ORIGIN, transport=httpx.MockTransport(answer))


async def test_a_worker_without_a_connection_leaves_a_request_to_the_others(fleet: Fleet) -> None:
    arm = quick_arm()
    async with service(arm) as client, unreachable_client() as unreachable:
        begun = await fleet.begin("POST", URL, json={})
        async with working(fleet, unreachable):
            await eventually(lambda: have_problems(fleet, [begun]))
            assert "Nothing was sent" in (await fleet.problems())[begun]
        async with working(fleet, client):
            (result,) = await fleet.wait([begun], timeout=20)
    assert result.state is OperationState.SUCCEEDED


async def test_a_request_that_no_worker_can_send_ends_after_a_day(dsn: str, fleet: Fleet) -> None:
    async with unreachable_client() as unreachable:
        begun = await fleet.begin("POST", URL, json={})
        connection = await asyncpg.connect(dsn)
        await connection.execute("UPDATE azpoll.operation SET created_at = now() - interval '25 hours'")
        await connection.close()
        async with working(fleet, unreachable):
            (result,) = await fleet.wait([begun], timeout=20)
    assert result.state is None
    assert "Nothing was sent" in (result.error or "")


async def test_a_request_of_a_dead_worker_still_counts_as_sent_when_its_repetition_was_not(
    dsn: str, fleet: Fleet
) -> None:
    """Else a cancellation would store that nothing was sent."""
    async with service(quick_arm()) as client, refused_client() as refused:
        begun = await fleet.begin("PUT", URL, json={})
        await mark_all_sent(dsn)
        async with working(fleet, refused):
            await eventually(lambda: have_problems(fleet, [begun]))
        assert None not in await sent_at(dsn)
        budget = fleet.budget(FAST._replace(write_rate=0.001, write_burst=1.0))
        async with quick_tracker(client, fleet, budget=budget) as tracker:
            await tracker.begin("PUT", URL, json={})  # takes the only write
            worker = asyncio.create_task(fleet.work(tracker))
            await eventually(lambda: tracker.statistics().starting == 1)
        await asyncio.wait_for(worker, 20)
        assert None not in await sent_at(dsn)


async def test_a_refused_repetition_leaves_the_state_unknown(dsn: str, fleet: Fleet) -> None:
    """The dead worker may have begun the operation that the service reports as a conflict."""
    arm = quick_arm()
    arm.operation("PUT", "/subscriptions/s/taken", initial=Reply(409, body={"error": {"code": "Taken"}}))
    async with service(arm) as client:
        begun = await fleet.begin("PUT", "/subscriptions/s/taken?api-version=1", json={})
        await mark_all_sent(dsn)
        async with working(fleet, client):
            (result,) = await fleet.wait([begun], timeout=20)
    assert (result.state, result.status_code) == (OperationState.UNKNOWN, 409)
    assert "may have executed it" in (result.error or "")
    assert "Taken" in (result.error or "")
