"""The scheduler, driven by a tracker: which polls are sent, when, and in which order."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
import trio
from trio.testing import MockClock

import azpoll
from azpoll.testing import Delay, Drop, FakeARM, Reply, Script, status_monitor

if TYPE_CHECKING:
    from azpoll.testing import IncomingRequest

pytestmark = pytest.mark.anyio


def client_of(arm: FakeARM) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=arm.transport(), base_url="https://management.azure.com", timeout=None)  # noqa: S113 - virtual time


def path_of(number: int) -> str:
    return f"/subscriptions/s/resourceGroups/g/things/t{number}"


def number_of(request: IncomingRequest) -> int:
    return int(request.path.rpartition("/t")[2])


def polls_of(arm: FakeARM) -> list[tuple[float, str | None]]:
    """Return time and operation of each poll."""
    return [(request.at_s, request.operation) for request in arm.requests if request.method == "GET"]


async def test_the_operation_with_the_earliest_due_time_is_polled_first() -> None:
    arm = FakeARM(default=lambda request: Script(duration_s=0, retry_after=100 - number_of(request)), latency_s=0.1)
    async with client_of(arm) as client, azpoll.Tracker(client, max_in_flight=1) as tracker:
        for number in (3, 1, 4, 0, 2):
            await tracker.begin("DELETE", path_of(number))
    ids = list(arm.operations)
    assert [operation for _, operation in polls_of(arm)] == [ids[number] for number in (2, 0, 4, 1, 3)]
    arm.no_early_polls()


async def test_an_operation_that_is_due_sooner_wakes_the_sleeping_worker() -> None:
    arm = FakeARM(default=lambda request: Script(duration_s=0, retry_after=number_of(request)))
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        await tracker.begin("DELETE", path_of(1000))
        await anyio.sleep(10)
        sooner = await tracker.begin("DELETE", path_of(5))
        await sooner
        assert anyio.current_time() == pytest.approx(15, abs=0.01)
    assert [round(time) for time, _ in polls_of(arm)] == [15, 1000]


async def test_an_operation_that_expires_before_its_next_poll_wakes_the_sleeping_worker() -> None:
    """Its Retry-After of 60 s ends after the poll at 50 s that the worker waits for, its deadline before."""
    arm = FakeARM(default=lambda request: Script(duration_s=100, retry_after=number_of(request)))
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        await tracker.begin("DELETE", path_of(50))
        expiring = await tracker.begin("DELETE", path_of(60), timeout=20)
        with pytest.raises(azpoll.OperationTimeout):
            await expiring
        assert anyio.current_time() == pytest.approx(20, abs=0.01)


async def test_operations_with_the_same_due_time_are_polled_in_the_order_of_arrival() -> None:
    arm = FakeARM(default=Script(duration_s=0, retry_after=10))
    async with client_of(arm) as client:
        initial = [await client.delete(path_of(number)) for number in range(20)]
        async with azpoll.Tracker(client, max_in_flight=1) as tracker:
            for response in initial:
                tracker.track(response)
    assert [operation for _, operation in polls_of(arm)] == list(arm.operations)


async def test_a_poll_that_hangs_delays_no_other_operation() -> None:
    arm = FakeARM(
        default=lambda request: Script(
            retry_after=5, polls=[Delay(1000) if number_of(request) == 0 else status_monitor("Succeeded")]
        )
    )
    async with client_of(arm) as client, azpoll.Tracker(client, max_in_flight=2, on_exit="stop") as tracker:
        operations = [await tracker.begin("DELETE", path_of(number)) for number in range(20)]
        for operation in operations[1:]:
            await operation
        assert anyio.current_time() < 6
        assert not operations[0].done()


async def test_a_poll_that_hangs_is_given_up_after_120_s_and_sent_again() -> None:
    """Rule 38: each poll has a time limit of its own."""
    arm = FakeARM()
    arm.operation("DELETE", retry_after=5, polls=[Delay(1000), status_monitor("Succeeded")])
    async with client_of(arm) as client, azpoll.Tracker(client, max_in_flight=1) as tracker:
        await (await tracker.begin("DELETE", path_of(0)))
        assert anyio.current_time() == pytest.approx(126, abs=0.2)
    assert [round(time) for time, _ in polls_of(arm)] == [5, 126]


@pytest.mark.parametrize("fault", [Reply(503), Reply(500), Reply(429), Reply(408), Drop(), Drop(reset=True)])
async def test_a_failed_poll_goes_back_into_the_queue_with_a_longer_delay(fault: Reply | Drop) -> None:
    """Rule 25: no inner retry loop."""
    arm = FakeARM()
    arm.operation("DELETE", retry_after=5, polls=[fault] * 5 + [status_monitor("Succeeded")])
    async with client_of(arm) as client, azpoll.Tracker(client, budget=None) as tracker:
        await (await tracker.begin("DELETE", path_of(0)))
    waits = [later - earlier for (earlier, _), (later, _) in pairwise(polls_of(arm))]
    for wait, expected in zip(waits, [1, 2, 4, 8, 16], strict=True):
        assert expected <= wait <= expected * 1.1001


async def test_the_servers_retry_after_on_a_failure_is_kept() -> None:
    """Rule 25: the longer of Retry-After and backoff."""
    arm = FakeARM()
    polls = [Reply(503, retry_after=40), Reply(503, retry_after=1), Reply(429, retry_after=33)]
    arm.operation("DELETE", retry_after=5, polls=[*polls, status_monitor("Succeeded")])
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        await (await tracker.begin("DELETE", path_of(0)))
    first, second, third = [later - earlier for (earlier, _), (later, _) in pairwise(polls_of(arm))]
    assert first == pytest.approx(40, abs=0.001)
    assert 2 <= second <= 2.21
    assert 33 <= third < 33.1  # and until the next token of its scope
    arm.no_early_polls()


@pytest.mark.slow
async def test_a_fleet_behind_a_budget_is_never_early_and_never_throttled() -> None:
    arm = FakeARM(default=lambda request: Script(duration_s=30 + number_of(request) % 60, retry_after=10))
    async with client_of(arm) as client:
        initial: list[httpx.Response] = []
        for number in range(600):
            initial.append(await client.delete(path_of(number)))
            await anyio.sleep(0.1)
        async with azpoll.Tracker(client) as tracker:
            for response in initial:
                tracker.track(response)
    assert tracker.statistics().succeeded == 600
    assert arm.statistics().throttled == 0
    arm.no_early_polls()
    arm.one_request_at_a_time()


async def test_each_operation_is_polled_equally_often() -> None:
    """No operation starves while the limit is reached."""
    arm = FakeARM(default=Script(duration_s=200, retry_after=2, polls=[Delay(1)]), limits=None)
    async with client_of(arm) as client:
        initial = [await client.delete(path_of(number)) for number in range(40)]
        async with azpoll.Tracker(client, max_in_flight=4, budget=None) as tracker:
            for response in initial:
                tracker.track(response)
    counts = Counter(operation for _, operation in polls_of(arm))
    assert max(counts.values()) - min(counts.values()) <= 2


def test_after_a_jump_of_the_clock_overdue_polls_are_spread_over_the_budget() -> None:
    """Rule 37: after a suspend nothing bursts."""
    clock = MockClock(autojump_threshold=0)
    arm = FakeARM(default=lambda request: Script(duration_s=9000, retry_after=600 + number_of(request)), limits=None)

    async def main() -> None:
        async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
            for number in range(400):
                await tracker.begin("DELETE", path_of(number))
            await trio.sleep(1)
            clock.jump(7200)
            await trio.sleep(30)
            assert tracker.statistics().polls == 400

    trio.run(main, clock=clock)
    times = [time for time, _ in polls_of(arm)]
    first = times[0]
    assert sum(time < first + 1 for time in times) <= 125 + 25
    assert sum(first + 1 <= time < first + 2 for time in times) <= 26
