"""Read budgets of a tracker, checked by the token bucket of the service."""

from __future__ import annotations

import pytest

import azpoll
from azpoll.testing import FakeARM, Limits, Ordinary, Rate, Reply, Script
from tests.support.clients import client_of

pytestmark = pytest.mark.anyio

ARM = "https://management.azure.com"
PLENTY = Rate(1_000_000, 1e6)


def limited() -> FakeARM:
    return FakeARM(
        default=Script(duration_s=60, retry_after=17),
        limits=Limits(reads=Rate(250, 25), writes=PLENTY, deletes=PLENTY, retry_after_s=10),
    )


def widget(name: str, subscription: str = "s") -> str:
    return f"/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Test/widgets/{name}?api-version=1"


@pytest.mark.slow
async def test_a_fleet_above_the_limit_gets_no_429_and_loses_no_operation() -> None:
    """1,000 operations with a demand of 59 reads per second stay within 25 per second, and no poll is early."""
    arm = limited()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        for number in range(1000):
            await tracker.begin("PUT", widget(str(number)), result="status")
    counts = arm.statistics()
    assert (counts.throttled, counts.told, counts.early_polls) == (0, 1000, 0)
    arm.no_requests_after_end()


async def test_a_429_delays_only_its_own_scope() -> None:
    """While a 429 delays one subscription for a minute, another is polled on time."""
    arm = FakeARM(default=Script(duration_s=20, retry_after=5), limits=None)
    refused = Reply(429, {"error": {"code": "SubscriptionRequestsThrottled"}}, retry_after=60)
    arm.operation(
        "PUT", widget("x", "closed").partition("?")[0], duration_s=20, retry_after=5, polls=[refused, Ordinary()]
    )
    events: list[azpoll.Event] = []
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        tracker.subscribe(events.append)
        closed = await tracker.begin("PUT", widget("x", "closed"))
        neighbour = await tracker.begin("PUT", widget("y", "closed"), interval=7)
        free = await tracker.begin("PUT", widget("z", "free"))
        await free
        assert not closed.done()
        assert not neighbour.done()
        await closed
        scopes = {scope.scope.rpartition(" ")[2]: scope for scope in tracker.statistics().scopes}
    assert scopes["closed"].throttled == 1
    assert scopes["free"].throttled == 0
    assert [type(event) for event in events].count(azpoll.ScopeThrottled) == 1
    arm.no_early_polls()


async def test_a_lock_delays_only_its_own_operation() -> None:
    """RetryableErrorDueToAnotherOperation does not delay the scope."""
    arm = FakeARM(default=Script(duration_s=5, retry_after=2), limits=None)
    locked = Reply(429, {"error": {"code": "RetryableErrorDueToAnotherOperation"}}, retry_after=60)
    arm.operation("PUT", widget("x").partition("?")[0], duration_s=5, retry_after=2, polls=[locked, Ordinary()])
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        slow = await tracker.begin("PUT", widget("x"))
        await (await tracker.begin("PUT", widget("y")))
        assert not slow.done()


@pytest.mark.slow
async def test_owners_alternate() -> None:
    """A group of 5 operations does not wait for 500 that began before it."""
    arm = limited()
    budget = azpoll.Budget(rate=5, max_rate=5, burst=1)
    async with client_of(arm) as client, azpoll.Tracker(client, budget=budget, on_exit="stop") as tracker:
        for number in range(500):
            await tracker.begin("PUT", widget(f"many{number}"), result="status", owner="many")
        few = [await tracker.begin("PUT", widget(f"few{n}"), result="status", owner="few") for n in range(5)]
        for operation in few:
            await operation.wait(timeout=120)
