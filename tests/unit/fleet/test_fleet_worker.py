"""`Fleet.work`: shards are leased, given back and taken over."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest

import azpoll
from azpoll.fleet import Fleet
from azpoll.operation_state import OperationState
from tests.support.clients import ORIGIN, client_of
from tests.support.fleet_work import FAST, quick_arm, quick_tracker, responses_of, service, working
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from azpoll.fleet import FleetStatistics

pytestmark = pytest.mark.anyio


async def leased(fleet: Fleet, count: int = 1) -> None:
    """Wait until workers have a number of shards."""

    async def is_so() -> bool:
        return (await fleet.statistics()).shards.leased == count

    await eventually(is_so)


async def test_a_drained_worker_ends_when_no_shard_is_left(fleet: Fleet) -> None:
    async with service(quick_arm()) as client, quick_tracker(client, fleet) as tracker:
        await fleet.submit(await responses_of(client, 3))
        await asyncio.wait_for(fleet.work(tracker, drain=True), 20)
    counts = await fleet.statistics()
    assert (counts.running, counts.succeeded) == (0, 3)
    assert counts.shards == (0, 0, 0)


async def test_two_workers_share_the_shards_and_each_result_is_stored_once(dsn: str, fleet: Fleet) -> None:
    async with service(quick_arm(duration_s=0.3)) as client, Fleet.connect(dsn) as other:
        ids: list[str] = []
        for subscription in "abcdef":
            ids += await fleet.submit(await responses_of(client, 2, subscription))
        async with working(fleet, client, shards=3), working(other, client, shards=3):
            await leased(fleet, 6)
            assert (await fleet.statistics()).shards.workers == 2
            results = await fleet.wait(ids, timeout=20)
        assert len({result.number for result in results}) == 12
    assert [result async for result in fleet.results()] == sorted(results)


async def test_every_state_has_its_result(fleet: Fleet) -> None:
    """The error says what the service reported, and an unknown operation has a token."""
    arm = quick_arm()
    error = {"code": "Conflict", "message": "it is in use"}
    arm.operation("PUT", "/subscriptions/s/failing", duration_s=0.05, retry_after=0, outcome="Failed", error=error)
    arm.operation("PUT", "/subscriptions/s/canceled", duration_s=0.05, retry_after=0, outcome="Canceled")
    async with service(arm) as client:
        urls = [f"/subscriptions/s/{name}?api-version=1" for name in ("failing", "canceled")]
        responses = [await client.put(url, json={}) for url in urls]
        ids = await fleet.submit(responses)
        async with working(fleet, client):
            failed, canceled = await fleet.wait(ids, timeout=20)
    assert (failed.state, canceled.state) == (OperationState.FAILED, OperationState.CANCELED)
    assert "Conflict" in (failed.error or "")
    assert b"it is in use" in failed.body
    assert (failed.token, canceled.token) == (None, None)
    counts = await fleet.statistics()
    assert (counts.running, counts.failed, counts.canceled) == (0, 1, 1)


async def test_a_long_result_is_cut(fleet: Fleet) -> None:
    async with service(quick_arm(result="x" * 1000)) as client, quick_tracker(client, fleet) as tracker:
        ids = await fleet.submit(await responses_of(client, 1))
        await fleet.work(tracker, drain=True, stored_body=100)
    (result,) = await fleet.wait(ids)
    assert (len(result.body), result.body_length) == (100, 1000)


async def test_a_cancelled_worker_gives_its_shards_back(dsn: str, fleet: Fleet) -> None:
    """The next worker gets them at once, long before the end of the lease."""
    async with service(quick_arm(duration_s=0.5)) as client:
        ids = await fleet.submit(await responses_of(client, 3))
        async with working(fleet, client, lease_s=60.0):
            await leased(fleet)
        counts = (await fleet.statistics()).shards
        assert (counts.queued, counts.leased) == (1, 0)
        async with Fleet.connect(dsn) as other, working(other, client, lease_s=60.0):
            results = await other.wait(ids, timeout=5)
    assert {result.state for result in results} == {OperationState.SUCCEEDED}


async def test_a_shard_is_given_back_with_the_wait_that_the_service_asked_for(fleet: Fleet) -> None:
    """A `Retry-After` that one worker received binds the next one."""
    arm = quick_arm(duration_s=60.0)
    arm.operation("PUT", "/subscriptions/s/slow", duration_s=60.0, retry_after=30)
    async with service(arm) as client:
        await fleet.submit([await client.put("/subscriptions/s/slow?api-version=1", json={})])
        for _ in range(2):
            async with working(fleet, client):
                await leased(fleet)
                await asyncio.sleep(0.1)
        assert len([record for record in arm.requests if record.method == "GET"]) == 0
        arm.no_early_polls()


async def test_a_worker_skips_operations_with_a_result(dsn: str, fleet: Fleet) -> None:
    arm = quick_arm(duration_s=0.05)
    arm.operation("PUT", "/subscriptions/s/slow", duration_s=1.0, retry_after=0)
    async with service(arm) as client:
        fast, slow = await fleet.submit(
            [*await responses_of(client, 1), await client.put("/subscriptions/s/slow?api-version=1", json={})]
        )
        async with working(fleet, client):
            (before,) = await fleet.wait([fast], timeout=20)
        async with Fleet.connect(dsn) as other, quick_tracker(client, other) as tracker:
            await other.work(tracker, drain=True)
            assert tracker.statistics().tracked == 1
        assert (await fleet.wait([fast, slow]))[0] == before


async def test_a_silent_worker_loses_its_shards(dsn: str, fleet: Fleet) -> None:
    """The other worker takes over when the lease has ended; the first one notices, and stops tracking."""
    async with service(quick_arm(duration_s=30.0)) as client, Fleet.connect(dsn) as other:
        await fleet.submit(await responses_of(client, 2))
        async with quick_tracker(client, fleet) as silent, quick_tracker(client, other) as second:
            first = asyncio.create_task(fleet.work(silent, lease_s=4.0))
            await leased(fleet)
            taking = asyncio.create_task(other.work(second, lease_s=1.0))  # too short for the heartbeats of the first
            await eventually(lambda: second.statistics().running == 2)
            await eventually(lambda: silent.statistics().running == 0)
            assert (await fleet.statistics()).shards.workers == 1
            for worker in (first, taking):
                worker.cancel()
            await asyncio.gather(first, taking, return_exceptions=True)


async def test_an_untrusted_origin_is_left_to_other_workers(fleet: Fleet) -> None:
    """The origins that a worker trusts are its own, whatever the tokens name."""
    async with service(quick_arm()) as client:
        ids = await fleet.submit(await responses_of(client, 1))
        stranger = httpx.AsyncClient(base_url="https://other.example", transport=NoTransport())
        async with stranger, working(fleet, stranger, lease_s=1.0):
            await eventually(lambda: has_problems(fleet, 1))
        assert "allowed_origins" in (await fleet.problems())[ids[0]]
        counts = await fleet.statistics()
        assert (counts.running, counts.problems, counts.shards.queued) == (1, 1, 1)
        assert await fleet.get(ids[0]) is None


async def has_problems(fleet: Fleet, count: int) -> bool:
    """Whether a number of operations has a problem, and their shard was given back."""
    counts: FleetStatistics = await fleet.statistics()
    return counts.problems == count and counts.shards.queued == 1


async def test_a_tracker_with_a_budget_of_its_own_is_refused(dsn: str, fleet: Fleet) -> None:
    async with service(quick_arm()) as client, Fleet.connect(dsn) as other:
        for budget in (FAST, other.budget()):
            async with azpoll.Tracker(client, budget=budget) as tracker:
                with pytest.raises(ValueError, match=r"fleet\.budget"):
                    await fleet.work(tracker)
        async with azpoll.Tracker(client, budget=None) as tracker:
            await fleet.work(tracker, drain=True)


@pytest.mark.parametrize(
    "options", [{"shards": 0}, {"lease_s": 0.5}, {"lease_s": float("inf")}, {"stored_body": 0}], ids=str
)
async def test_options_out_of_range_are_refused(fleet: Fleet, options: dict[str, float]) -> None:
    async with service(quick_arm()) as client, quick_tracker(client, fleet) as tracker:
        with pytest.raises(ValueError, match=next(iter(options))):
            await partial(fleet.work, tracker, **options)()  # type: ignore[arg-type]  # - numbers of either type


async def test_a_closing_tracker_ends_the_worker_and_loses_nothing(fleet: Fleet) -> None:
    async with service(quick_arm(duration_s=30.0)) as client:
        ids = await fleet.submit(await responses_of(client, 2))
        async with quick_tracker(client, fleet) as tracker:
            worker = asyncio.create_task(fleet.work(tracker))
            await eventually(lambda: tracker.statistics().running == 2)
        await asyncio.wait_for(worker, 20)
        assert await fleet.get(ids[0]) is None
        counts = (await fleet.statistics()).shards
        assert (counts.queued, counts.leased) == (1, 0)


async def test_httpx2_works_alike(fleet: Fleet) -> None:
    async with client_of(quick_arm(), "httpx2") as client:
        assert str(client.base_url).rstrip("/") == ORIGIN
        ids = await fleet.submit(await responses_of(client, 2))
        async with working(fleet, client):
            results = await fleet.wait(ids, timeout=20)
    assert {result.state for result in results} == {OperationState.SUCCEEDED}


class NoTransport(httpx.AsyncBaseTransport):
    """Fails a test that sends anything."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url.host)
