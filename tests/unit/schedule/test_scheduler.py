"""The scheduler, seen through a tracker: what is asked, when, and in which order."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import anyio
import pytest
import trio
from trio.testing import MockClock

import azpoll
from azpoll.testing import Delay, Drop, FakeARM, Reply, Script, status_monitor
from tests.support.clients import client_of

if TYPE_CHECKING:
    import httpx

    from azpoll.testing import IncomingRequest

pytestmark = pytest.mark.anyio


def path_of(number: int) -> str:
    return f"/subscriptions/s/resourceGroups/g/things/t{number}"


def number_of(request: IncomingRequest) -> int:
    return int(request.path.rpartition("/t")[2])


def polls_of(arm: FakeARM) -> list[tuple[float, str | None]]:
    """Return when which operation was polled."""
    return [(request.at_s, request.operation) for request in arm.requests if request.method == "GET"]


async def test_the_earliest_due_is_asked_first_whatever_came_first() -> None:
    arm = FakeARM(default=lambda request: Script(duration_s=0, retry_after=100 - number_of(request)), latency_s=0.1)
    async with client_of(arm) as client, azpoll.Tracker(client, max_in_flight=1) as tracker:
        for number in (3, 1, 4, 0, 2):
            await tracker.begin("DELETE", path_of(number))
    ids = list(arm.operations)
    assert [operation for _, operation in polls_of(arm)] == [ids[provider_queue] for provider_queue in (2, 0, 4, 1, 3)]
    arm.no_early_polls()


async def test_an_operation_that_is_due_sooner_wakes_the_sleeping_worker(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    def script(request: IncomingRequest) -> Script:
        return Script(duration_s=0, retry_after=number_of(request))

    fake_arm.default = script
    async with azpoll.Tracker(client) as tracker:
        await tracker.begin("DELETE", path_of(1000))
        await anyio.sleep(10)
        sooner = await tracker.begin("DELETE", path_of(5))
        await sooner
        assert anyio.current_time() == pytest.approx(15, abs=0.01)
    assert [round(time) for time, _ in polls_of(fake_arm)] == [15, 1000]


async def test_those_due_at_the_same_time_go_in_the_order_they_came(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = Script(duration_s=0, retry_after=10)
    initial = [await client.delete(path_of(number)) for number in range(20)]
    async with azpoll.Tracker(client, max_in_flight=1) as tracker:
        for response in initial:
            tracker.track(response)
    assert [operation for _, operation in polls_of(fake_arm)] == list(fake_arm.operations)


async def test_a_poll_that_hangs_holds_up_nothing_but_itself() -> None:
    arm = FakeARM(
        default=lambda request: Script(
            retry_after=5, polls=[Delay(1000) if number_of(request) == 0 else status_monitor("Succeeded")]
        )
    )
    async with (
        client_of(arm) as client,
        azpoll.Tracker(client, max_in_flight=2, on_exit="stop") as tracker,
    ):
        operations = [await tracker.begin("DELETE", path_of(number)) for number in range(20)]
        for operation in operations[1:]:
            await operation
        assert anyio.current_time() < 6
        assert not operations[0].done()


async def test_a_poll_that_hangs_is_given_up_after_30_s_and_asked_again() -> None:
    """Rule 38: each poll has a limit of its own."""
    arm = FakeARM()
    arm.operation("DELETE", retry_after=5, polls=[Delay(1000), status_monitor("Succeeded")])
    async with client_of(arm, timeout=None) as client, azpoll.Tracker(client, max_in_flight=1) as tracker:
        await (await tracker.begin("DELETE", path_of(0)))
        assert anyio.current_time() == pytest.approx(36, abs=0.2)
    assert [round(time) for time, _ in polls_of(arm)] == [5, 36]


@pytest.mark.parametrize("fault", [Reply(503), Reply(500), Reply(429), Reply(408), Drop(), Drop(reset=True)])
async def test_what_fails_goes_back_into_the_schedule_with_a_longer_wait(
    client: httpx.AsyncClient, fake_arm: FakeARM, fault: Reply | Drop
) -> None:
    """Rule 25: no inner retry loop."""
    fake_arm.operation("DELETE", retry_after=5, polls=[fault] * 5 + [status_monitor("Succeeded")])
    async with azpoll.Tracker(client, budget=None) as tracker:
        await (await tracker.begin("DELETE", path_of(0)))
    waits = [later - earlier for (earlier, _), (later, _) in pairwise(polls_of(fake_arm))]
    for wait, expected in zip(waits, [1, 2, 4, 8, 16], strict=True):
        assert expected <= wait <= expected * 1.1001


async def test_the_servers_retry_after_on_a_failure_is_kept(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """Rule 25: max(RA, backoff)."""
    polls = [Reply(503, retry_after=40), Reply(503, retry_after=1), Reply(429, retry_after=33)]
    fake_arm.operation("DELETE", retry_after=5, polls=[*polls, status_monitor("Succeeded")])
    async with azpoll.Tracker(client) as tracker:
        await (await tracker.begin("DELETE", path_of(0)))
    first, second, third = [later - earlier for (earlier, _), (later, _) in pairwise(polls_of(fake_arm))]
    assert first == pytest.approx(40, abs=0.001)
    assert 2 <= second <= 2.21
    assert 33 <= third < 33.1  # and for the next read of its scope
    fake_arm.no_early_polls()


@pytest.mark.slow
async def test_a_fleet_behind_a_budget_is_never_early_and_never_throttled(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    def script(request: IncomingRequest) -> Script:
        return Script(duration_s=30 + number_of(request) % 60, retry_after=10)

    fake_arm.default = script
    initial: list[httpx.Response] = []
    for number in range(600):
        initial.append(await client.delete(path_of(number)))
        await anyio.sleep(0.1)
    async with azpoll.Tracker(client) as tracker:
        for response in initial:
            tracker.track(response)
    assert tracker.statistics().succeeded == 600
    assert fake_arm.statistics().throttled == 0
    fake_arm.no_early_polls()
    fake_arm.one_request_at_a_time()


async def test_each_operation_is_polled_alike() -> None:
    """Nobody starves while there is work for all."""
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


# Operations that share a polling URL


async def test_one_answer_does_for_all_that_wait_for_the_same_url(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("DELETE", duration_s=95, retry_after=10)
    initial = await client.delete(path_of(0))
    async with azpoll.Tracker(client) as tracker:
        operations = [tracker.track(initial) for _ in range(10)]
        assert {(await operation).status_code for operation in operations} == {200}
    assert len(polls_of(fake_arm)) <= 11
    fake_arm.no_early_polls()
    fake_arm.one_request_at_a_time()


async def test_stopping_one_of_those_that_share_a_url_does_not_stop_the_others() -> None:
    arm = FakeARM(latency_s=3)
    arm.operation("DELETE", duration_s=45, retry_after=10)
    async with client_of(arm) as client:
        initial = await client.delete(path_of(0))
        async with azpoll.Tracker(client) as tracker:
            first, second, third = [tracker.track(initial) for _ in range(3)]
            await anyio.sleep(11)
            first.stop_tracking()
            assert (await second).status_code == (await third).status_code == 200
            assert isinstance(first.exception(), azpoll.TrackerClosed)


async def two_on_one_resource(
    arm: FakeARM, tracker: azpoll.Tracker[httpx.Response], answer_takes_s: float, retry_after: int
) -> tuple[azpoll.AsyncOperation[httpx.Response], azpoll.AsyncOperation[httpx.Response]]:
    """Begin a PUT whose one poll leaves at 5 s and tells its end, and at 8 s another that is polled at the same URL."""
    succeeded = Reply(200, {"properties": {"provisioningState": "Succeeded"}})
    arm.operation("PUT", pattern="body", retry_after=5, polls=[Delay(answer_takes_s, succeeded)])
    first = await tracker.begin("PUT", path_of(0))
    await anyio.sleep(8)
    arm.operation("PUT", pattern="body", retry_after=retry_after, duration_s=100)
    return first, await tracker.begin("PUT", path_of(0))


async def test_an_answer_asked_for_before_an_operation_began_says_nothing_of_it() -> None:
    """Two PUTs on one resource are polled at the same URL; the first one's end is not the second one's."""
    arm = FakeARM()
    async with client_of(arm, timeout=None) as client, azpoll.Tracker(client) as tracker:
        first, second = await two_on_one_resource(arm, tracker, 6, 20)  # the first is asked from 5 to 11
        await first
        assert anyio.current_time() == pytest.approx(11, abs=0.1)
        assert not second.done()
        await second
        assert anyio.current_time() >= 108


async def test_an_answer_asked_for_before_an_operation_began_says_nothing_of_it_when_it_comes_due_meanwhile(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    async with azpoll.Tracker(client) as tracker:
        first, second = await two_on_one_resource(fake_arm, tracker, 20, 10)  # the first is asked from 5 to 25
        await first
        await second
        assert anyio.current_time() >= 108


async def test_an_operation_that_is_stopped_while_it_waits_for_anothers_answer_is_not_asked_again() -> None:
    arm = FakeARM()
    async with client_of(arm, timeout=None) as client, azpoll.Tracker(client) as tracker:
        first, second = await two_on_one_resource(arm, tracker, 20, 10)  # the first is asked from 5 to 25
        await anyio.sleep(12)  # the second came due at 18
        second.stop_tracking()
        await first
    assert isinstance(second.exception(), azpoll.TrackerClosed)
    assert len(polls_of(arm)) == 1


async def test_who_shares_a_url_is_asked_after_the_cancel_of_another_and_not_beside_it() -> None:
    """At most one request of an operation is under way, and a cancel is one."""
    arm = FakeARM(latency_s=3)
    arm.operation("DELETE", duration_s=45, retry_after=10)
    async with client_of(arm) as client:
        initial = await client.delete(path_of(0))
        async with azpoll.Tracker(client) as tracker:
            first, second = [tracker.track(initial, cancel_url=f"{path_of(0)}/cancel") for _ in range(2)]
            await anyio.sleep(9)
            assert await first.cancel()
            assert anyio.current_time() == pytest.approx(15, abs=0.1)  # the second came due at 13
            for operation in (first, second):
                with pytest.raises(azpoll.OperationCanceled):
                    await operation
    assert [round(time) for time, _ in polls_of(arm)] == [15]
    arm.no_early_polls()
    arm.one_request_at_a_time()
