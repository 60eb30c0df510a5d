"""Initial requests: their concurrency, their rate, and their retries."""

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
from tests.support.operations import put

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from azpoll.options import Method
    from azpoll.testing import Step

pytestmark = pytest.mark.anyio

ORIGIN = "https://management.azure.com"
SHORT = Script(duration_s=0, retry_after=1)
REFUSED = Reply(429, {"error": {"code": "SubscriptionRequestsThrottled"}}, retry_after=17)


def thing(number: object, subscription: str = "s") -> str:
    return f"/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Test/things/t{number}?api-version=1"


def answering(*steps: Step) -> FakeARM:
    """Return a service with the given answers to the first initial requests; later ones start operations."""
    scripts = chain((Script(initial=step) for step in steps), repeat(SHORT))
    return FakeARM(default=lambda _request: next(scripts), log_size=10_000)


def initials(arm: FakeARM, method: str = "PUT") -> list[float]:
    """Return the times of the initial requests."""
    return [request.at_s for request in arm.requests if request.method == method]


async def begin_all(tracker: azpoll.Tracker[Any], count: int, method: Method = "PUT", **tracking: Any) -> None:
    async def begin(number: int) -> None:
        await tracker.begin(method, thing(number), **tracking)

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(begin, number)


# Concurrency and rate


@pytest.mark.slow
async def test_a_thousand_initial_requests_keep_the_write_limit_of_arm() -> None:
    """A burst of 100, then 10 per second, so ARM refuses none."""
    arm = FakeARM(default=SHORT, limits=Limits(), log_size=10_000)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        await begin_all(tracker, 1000)
        assert anyio.current_time() == pytest.approx(90, abs=2)
    assert len(initials(arm)) == 1000
    assert arm.statistics().throttled == 0


async def test_deletes_have_their_own_limit() -> None:
    arm = FakeARM(default=SHORT, log_size=10_000)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        for number in range(100):
            await tracker.begin("PUT", thing(number))
            await tracker.begin("DELETE", thing(number + 100))
    assert max(*initials(arm, "PUT"), *initials(arm, "DELETE")) < 1


@pytest.mark.slow
@pytest.mark.parametrize("budget", [None, azpoll.Budget(write_rate=None)])
async def test_without_a_limit_all_initial_requests_are_sent_immediately(budget: azpoll.Budget | None) -> None:
    arm = FakeARM(default=SHORT, limits=None, log_size=10_000)
    async with client_of(arm) as client, azpoll.Tracker(client, budget=budget) as tracker:
        await begin_all(tracker, 300)
    assert initials(arm)[-1] == 0


async def test_max_in_flight_limits_initial_requests() -> None:
    arm = FakeARM(default=Script(duration_s=0, retry_after=1, initial=Delay(10)))
    async with client_of(arm, timeout=None) as client, azpoll.Tracker(client, max_in_flight=4) as tracker:
        await begin_all(tracker, 10)
    assert Counter(initials(arm)) == {0: 4, 10: 4, 20: 2}


async def test_queued_initial_requests_are_counted() -> None:
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


@pytest.mark.slow
async def test_owners_alternate() -> None:
    """One initial request of a small group does not wait for 400 of a large group."""
    arm = FakeARM(default=SHORT, log_size=10_000)
    async with (
        client_of(arm) as client,
        azpoll.Tracker(client) as tracker,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(partial(begin_all, tracker, 400, owner="large"))
        await anyio.sleep(5)
        await tracker.begin("PUT", thing("small"), owner="small")
        assert anyio.current_time() < 5.5
        tasks.cancel_scope.cancel()


@pytest.mark.slow
async def test_an_initial_request_whose_caller_is_cancelled_is_not_sent() -> None:
    arm = FakeARM(default=SHORT, log_size=10_000)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        with anyio.move_on_after(20):
            await begin_all(tracker, 400)
        sent = len(initials(arm))
        assert sent == pytest.approx(300, abs=2)
        await anyio.sleep(100)
        assert len(initials(arm)) == sent
        assert tracker.statistics().starting == 0
        await tracker.begin("PUT", thing("another"))


async def test_a_closing_tracker_sends_no_more_initial_requests() -> None:
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


# A 429 was not executed, so the request is repeated


async def test_a_429_of_an_initial_request_is_repeated_after_its_retry_after() -> None:
    arm = answering(REFUSED)
    events: list[azpoll.Event] = []
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        tracker.subscribe(events.append)
        assert (await (await tracker.begin("PUT", thing(1)))).status_code == 200
    assert initials(arm) == [0, pytest.approx(17, abs=0.2)]
    [throttled] = [event for event in events if isinstance(event, azpoll.ScopeThrottled)]
    assert throttled.retry_after_s == 17


async def test_a_429_delays_only_initial_requests_of_its_subscription() -> None:
    arm = answering(REFUSED)
    async with (
        client_of(arm) as client,
        azpoll.Tracker(client) as tracker,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(put, tracker, thing(1))
        await anyio.sleep(1)
        await tracker.begin("PUT", thing(2, "other"))
        await tracker.begin("DELETE", thing(3))
        assert anyio.current_time() < 1.1
        await tracker.begin("PUT", thing(4))
        assert anyio.current_time() == pytest.approx(17, abs=0.5)


@pytest.mark.slow
async def test_no_initial_request_is_lost_beside_another_client_of_the_principal() -> None:
    """The other client uses 6 of the 10 writes per second; the rest is used without many 429s."""
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
        assert anyio.current_time() < 240  # at best (600 - 200) / 4 s
        tasks.cancel_scope.cancel()
    assert tracker.statistics().succeeded == 600
    assert arm.statistics().throttled < 0.02 * len(initials(arm))


async def test_a_lock_delays_only_its_own_initial_request() -> None:
    arm = answering(Reply(429, {"error": {"code": "RetryableErrorDueToAnotherOperation"}}, retry_after=60))
    async with (
        client_of(arm) as client,
        azpoll.Tracker(client) as tracker,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(put, tracker, thing(1))
        await anyio.sleep(1)
        await tracker.begin("PUT", thing(2))
        assert anyio.current_time() < 1.1
    assert initials(arm)[-1] == pytest.approx(60, abs=0.5)


async def test_an_initial_request_fails_after_ten_tries_and_ten_minutes(
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


async def test_a_streamed_body_is_not_repeated(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    fake_arm.default = Script(initial=REFUSED)
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="429"):
            await tracker.begin("PUT", thing(1), content=chunks())
    assert len(initials(fake_arm)) == 1


async def test_a_closing_tracker_does_not_wait_for_a_repetition(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(initial=REFUSED)
    async with anyio.create_task_group() as tasks:

        async def begin() -> None:
            with pytest.raises(azpoll.InitialRequestFailed, match="429"):
                await tracker.begin("PUT", thing(1))

        async with azpoll.Tracker(client) as tracker:
            tasks.start_soon(begin)
            await anyio.sleep(1)
    assert anyio.current_time() == pytest.approx(1)


# Any other request may have been executed

UNSURE: list[Step] = [Reply(503), Reply(500), Reply(408), Drop()]


@pytest.mark.parametrize(("method", "idempotent"), [("PUT", False), ("POST", None), ("PATCH", None)])
@pytest.mark.parametrize("outcome", UNSURE, ids=["503", "500", "408", "drop"])
async def test_an_initial_request_that_may_have_been_executed_is_not_repeated(
    client: httpx.AsyncClient, fake_arm: FakeARM, outcome: Step, method: Method, *, idempotent: bool | None
) -> None:
    fake_arm.default = Script(initial=outcome)
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin(method, thing(1), idempotent=idempotent)
    assert len(initials(fake_arm, method)) == 1


@pytest.mark.parametrize("outcome", UNSURE, ids=["503", "500", "408", "drop"])
async def test_an_idempotent_initial_request_is_repeated(outcome: Step) -> None:
    arm = answering(outcome, outcome)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        assert (await (await tracker.begin("PUT", thing(1)))).status_code == 200
    assert initials(arm) == [0, pytest.approx(1, abs=0.2), pytest.approx(3, abs=0.4)]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412])
async def test_a_refusal_is_final_even_for_an_idempotent_request(
    client: httpx.AsyncClient, fake_arm: FakeARM, status: int
) -> None:
    fake_arm.default = Script(initial=Reply(status, {"error": {"code": "No"}}))
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin("PUT", thing(1), idempotent=True)
    assert len(initials(fake_arm)) == 1


async def test_idempotent_is_a_flag(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(TypeError, match="idempotent must be True, False or None, not str"):
            await tracker.begin("PUT", thing(1), idempotent="yes")  # type: ignore[call-overload]  # - the wrong type is tested
    assert not fake_arm.requests
