"""Starting operations: how many at once, how fast, and when an initial request is sent again."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import azpoll
from azpoll.testing import Delay, Drop, FakeARM, Limits, Reply, Script
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from azpoll.testing import Step

pytestmark = pytest.mark.anyio

ORIGIN = "https://management.azure.com"
SHORT = Script(duration_s=0, retry_after=1)
REFUSED = Reply(429, {"error": {"code": "SubscriptionRequestsThrottled"}}, retry_after=17)


def thing(number: object, subscription: str = "s") -> str:
    return f"/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Test/things/t{number}?api-version=1"


def answering(*steps: Step) -> FakeARM:
    """Return a service that answers the first initial requests so, and starts operations at all later ones."""
    scripts = chain((Script(initial=step) for step in steps), repeat(SHORT))
    return FakeARM(default=lambda _request: next(scripts), log_size=10_000)


def initials(arm: FakeARM, method: str = "PUT") -> list[float]:
    """Return when initial requests were sent."""
    return [request.at_s for request in arm.requests if request.method == method]


async def begin_all(tracker: azpoll.Tracker[Any], count: int, method: str = "PUT", **tracking: Any) -> None:
    async def begin(number: int) -> None:
        await tracker.begin(method, thing(number), **tracking)

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(begin, number)


# How many, and how fast


@pytest.mark.slow
async def test_a_thousand_starts_keep_to_the_write_limit_of_arm() -> None:
    """100 at once, then 10 a second: ARM never has to refuse one."""
    arm = FakeARM(default=SHORT, limits=Limits(), log_size=10_000)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        await begin_all(tracker, 1000)
        assert anyio.current_time() == pytest.approx(90, abs=2)
    assert len(initials(arm)) == 1000
    assert arm.statistics().throttled == 0


async def test_deletes_have_a_limit_of_their_own() -> None:
    arm = FakeARM(default=SHORT, log_size=10_000)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        for number in range(100):
            await tracker.begin("PUT", thing(number))
            await tracker.begin("DELETE", thing(number + 100))
    assert max(*initials(arm, "PUT"), *initials(arm, "DELETE")) < 1


@pytest.mark.slow
@pytest.mark.parametrize("budget", [None, azpoll.Budget(write_rate=None)])
async def test_without_a_limit_all_are_sent_at_once(budget: azpoll.Budget | None) -> None:
    arm = FakeARM(default=SHORT, limits=None, log_size=10_000)
    async with client_of(arm) as client, azpoll.Tracker(client, budget=budget) as tracker:
        await begin_all(tracker, 1000)
    assert initials(arm)[-1] == 0


async def test_few_are_under_way_at_once() -> None:
    arm = FakeARM(default=Script(duration_s=0, retry_after=1, initial=Delay(10)))
    async with client_of(arm, timeout=None) as client, azpoll.Tracker(client, max_in_flight=4) as tracker:
        await begin_all(tracker, 10)
    assert Counter(initials(arm)) == {0: 4, 10: 4, 20: 2}


async def test_those_that_wait_are_counted() -> None:
    arm = FakeARM(default=Script(duration_s=0, retry_after=1, initial=Delay(10)))
    async with (
        client_of(arm, timeout=None) as client,
        azpoll.Tracker(client, max_in_flight=4) as tracker,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(begin_all, tracker, 10)
        await anyio.sleep(5)
        assert tracker.statistics().starting == 6
        await anyio.sleep(10)
        assert tracker.statistics().starting == 2


async def test_owners_take_turns() -> None:
    """One start of a small group is not held up by the thousand of a large one."""
    arm = FakeARM(default=SHORT, log_size=10_000)
    async with (
        client_of(arm) as client,
        azpoll.Tracker(client) as tracker,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(partial(begin_all, tracker, 1000, owner="large"))
        await anyio.sleep(5)
        await tracker.begin("PUT", thing("small"), owner="small")
        assert anyio.current_time() < 5.5
        tasks.cancel_scope.cancel()


async def test_a_start_that_nobody_waits_for_any_more_is_not_sent() -> None:
    arm = FakeARM(default=SHORT, log_size=10_000)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        with anyio.move_on_after(20):
            await begin_all(tracker, 1000)
        sent = len(initials(arm))
        assert sent == pytest.approx(300, abs=2)
        await anyio.sleep(100)
        assert len(initials(arm)) == sent
        assert tracker.statistics().starting == 0
        await tracker.begin("PUT", thing("another"))


async def test_a_tracker_that_closes_sends_nothing_more_and_says_so() -> None:
    arm = FakeARM(default=SHORT, log_size=10_000)
    refused: list[azpoll.TrackerClosed] = []

    async def begin(number: int) -> None:
        try:
            await tracker.begin("PUT", thing(number))
        except azpoll.TrackerClosed as error:
            refused.append(error)

    async with (
        client_of(arm) as client,
        anyio.create_task_group() as tasks,
        azpoll.Tracker(client, on_exit="stop") as tracker,
    ):
        for number in range(150):
            tasks.start_soon(begin, number)
        await anyio.sleep(0.05)
    assert len(initials(arm)) == 100
    assert len(refused) == 50
    assert "nothing was sent" in str(refused[0])


# 429: not executed, so sent again


async def test_a_start_refused_with_429_is_sent_again_after_its_retry_after() -> None:
    arm = answering(REFUSED)
    events: list[azpoll.Event] = []
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        tracker.subscribe(events.append)
        assert (await (await tracker.begin("PUT", thing(1)))).status_code == 200
    assert initials(arm) == [0, pytest.approx(17, abs=0.2)]
    [throttled] = [event for event in events if isinstance(event, azpoll.ScopeThrottled)]
    assert throttled.retry_after_s == 17


async def test_a_429_sets_the_starts_of_its_subscription_aside_and_no_others() -> None:
    arm = answering(REFUSED)
    async with (
        client_of(arm) as client,
        azpoll.Tracker(client) as tracker,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(tracker.begin, "PUT", thing(1))
        await anyio.sleep(1)
        await tracker.begin("PUT", thing(2, "other"))
        await tracker.begin("DELETE", thing(3))
        assert anyio.current_time() < 1.1
        await tracker.begin("PUT", thing(4))
        assert anyio.current_time() == pytest.approx(17, abs=0.5)


@pytest.mark.slow
async def test_beside_another_tool_that_uses_the_same_principal_no_start_is_lost() -> None:
    """It takes 6 of the 10 writes a second; what is left is shared without a storm of 429s."""
    arm = FakeARM(default=SHORT, limits=Limits(), log_size=10_000)

    async def other_tool() -> None:
        while True:
            await client.put(thing("other"))
            await anyio.sleep(1 / 6)

    async with (
        client_of(arm) as client,
        azpoll.Tracker(client) as tracker,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(other_tool)
        await begin_all(tracker, 600)
        assert anyio.current_time() < 240  # at the best (600 - 200) / 4 s
        tasks.cancel_scope.cancel()
    assert tracker.statistics().succeeded == 600
    assert arm.statistics().throttled < 0.02 * len(initials(arm))


async def test_a_lock_holds_up_its_own_start_alone() -> None:
    arm = answering(Reply(429, {"error": {"code": "RetryableErrorDueToAnotherOperation"}}, retry_after=60))
    async with (
        client_of(arm) as client,
        azpoll.Tracker(client) as tracker,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(tracker.begin, "PUT", thing(1))
        await anyio.sleep(1)
        await tracker.begin("PUT", thing(2))
        assert anyio.current_time() < 1.1
    assert initials(arm)[-1] == pytest.approx(60, abs=0.5)


async def test_a_start_is_refused_for_good_after_ten_tries_and_ten_minutes(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = Script(initial=REFUSED)
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed) as caught:
            await tracker.begin("PUT", thing(1))
    assert caught.value.status_code == 429
    assert caught.value.code == "SubscriptionRequestsThrottled"
    assert len(initials(fake_arm)) >= 10
    assert 600 <= initials(fake_arm)[-1] < 680


async def test_a_streamed_body_cannot_be_sent_again(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    fake_arm.default = Script(initial=REFUSED)
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="429"):
            await tracker.begin("PUT", thing(1), content=chunks())
    assert len(initials(fake_arm)) == 1


async def test_a_closing_tracker_does_not_wait_for_a_start_to_be_sent_again(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = Script(initial=REFUSED)
    async with anyio.create_task_group() as tasks:

        async def begin() -> None:
            with pytest.raises(azpoll.InitialRequestFailed, match="429"):
                await tracker.begin("PUT", thing(1))

        async with azpoll.Tracker(client) as tracker:
            tasks.start_soon(begin)
            await anyio.sleep(1)
    assert anyio.current_time() == pytest.approx(1)


# Anything else may have been executed

UNSURE: list[Step] = [Reply(503), Reply(500), Reply(408), Drop()]


@pytest.mark.parametrize("outcome", UNSURE, ids=["503", "500", "408", "drop"])
async def test_a_start_that_may_have_been_executed_is_not_sent_again(
    client: httpx.AsyncClient, fake_arm: FakeARM, outcome: Step
) -> None:
    fake_arm.default = Script(initial=outcome)
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin("PUT", thing(1))
    assert len(initials(fake_arm)) == 1


@pytest.mark.parametrize("outcome", UNSURE, ids=["503", "500", "408", "drop"])
async def test_unless_the_caller_says_that_it_may_be_executed_twice(outcome: Step) -> None:
    arm = answering(outcome, outcome)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        assert (await (await tracker.begin("PUT", thing(1), idempotent=True))).status_code == 200
    assert initials(arm) == [0, pytest.approx(1, abs=0.2), pytest.approx(3, abs=0.4)]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412])
async def test_a_refusal_is_final_whatever_the_caller_says(
    client: httpx.AsyncClient, fake_arm: FakeARM, status: int
) -> None:
    fake_arm.default = Script(initial=Reply(status, {"error": {"code": "No"}}))
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin("PUT", thing(1), idempotent=True)
    assert len(initials(fake_arm)) == 1


async def test_idempotent_is_a_flag(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(TypeError, match="idempotent must be True or False, not str"):
            await tracker.begin("PUT", thing(1), idempotent="yes")  # type: ignore[call-overload]
    assert not fake_arm.requests
