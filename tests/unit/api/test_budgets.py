"""Read budgets of a tracker, checked by the token bucket of the service."""

from __future__ import annotations

import anyio
import httpx
import pytest

import azpoll
from azpoll.protocol.throttling import PROVIDER_REMAINING, REMAINING
from azpoll.testing import FakeARM, Limits, Ordinary, Rate, Reply, Script
from azpoll.testing.rate_limits import TokenBucket
from tests.support.clients import client_of
from tests.support.marks import ASYNCIO

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


LEFT = "x-ms-ratelimit-remaining-subscription-resource-requests"


class ProviderLimit(httpx.AsyncBaseTransport):
    """Limits the reads of the provider `Microsoft.Slow`, in front of a `FakeARM`; each answer takes 0.2 s.

    Attributes:
        refused: number of 429s.
        least: the smallest number of reads left in any answer.
    """

    def __init__(self, arm: FakeARM, rate: Rate) -> None:
        self.refused = 0
        self.least = rate.capacity
        self._arm = arm.transport("httpx")
        self._bucket = TokenBucket(rate, 0.0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.1)
        if request.method != "GET" or "Microsoft.Slow" not in request.url.path:
            return await self._arm.handle_async_request(request)
        if self._bucket.consume(anyio.current_time()):
            self.refused += 1
            return httpx.Response(429, headers={LEFT: "0", "Retry-After": "10"})
        left = self._bucket.remaining
        self.least = min(self.least, left)
        response = await self._arm.handle_async_request(request)
        response.headers[LEFT] = str(left)
        await anyio.sleep(0.1)
        return response


@pytest.mark.parametrize(
    ("operations", "rate"),
    [
        pytest.param(1000, Rate(250, 1.0), marks=pytest.mark.slow),
        pytest.param(300, Rate(100, 100 / 300), marks=pytest.mark.slow),
        (50, Rate(20, 0.5)),
    ],
)
async def test_rule_54_a_provider_that_runs_out_of_reads_sends_no_429(operations: int, rate: Rate) -> None:
    """Its polls come at the rate of its limit, and the polls of another provider are on time."""
    arm = FakeARM(default=Script(pattern="body", duration_s=60, retry_after=17), limits=None)
    limit = ProviderLimit(arm, rate)
    finished_s: list[float] = []

    async def track(tracker: azpoll.Tracker[httpx.Response], provider: str, number: int) -> None:
        url = widget(str(number)).replace("Microsoft.Test", provider)
        begun_s = anyio.current_time()
        await (await tracker.begin("PUT", url, result="status"))
        if provider == "Microsoft.Fast":
            finished_s.append(anyio.current_time() - begun_s)

    async with client_of(arm, transport=limit) as client:
        budget = azpoll.Budget(write_rate=None)
        async with azpoll.Tracker(client, budget=budget) as tracker, anyio.create_task_group() as tasks:
            for number in range(operations):
                tasks.start_soon(track, tracker, "Microsoft.Slow", number)
            await anyio.sleep(100)
            for number in range(10):
                tasks.start_soon(track, tracker, "Microsoft.Fast", number)
    assert limit.refused == 0
    assert limit.least <= 5
    assert max(finished_s) < 4 * 17 + 2
    counts = arm.statistics()
    assert (counts.told, counts.early_polls) == (operations + 10, 0)


REFUSED = Reply(429, {"error": {"code": "TooManyRequests"}}, {"Retry-After": "31536000000"})


async def test_rule_35_a_retry_after_of_centuries_delays_polls_for_an_hour() -> None:
    """The scope waits, and so does the operation itself."""
    arm = FakeARM(default=Script(duration_s=5, retry_after=5), limits=None)
    path = widget("refused").partition("?")[0]
    arm.operation("PUT", path, duration_s=5, retry_after=5, polls=[REFUSED, Ordinary()])
    begun_s = anyio.current_time()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        for name in ("refused", "neighbour"):
            await tracker.begin("PUT", widget(name))
            await anyio.sleep(6)
    assert 3600 < anyio.current_time() - begun_s < 3700


async def test_rule_35_a_retry_after_of_centuries_delays_begin_for_an_hour() -> None:
    """The next initial request of the scope is sent after an hour."""
    arm = FakeARM(default=Script(duration_s=5, retry_after=5), limits=None)
    arm.operation("PUT", widget("refused").partition("?")[0], initial=REFUSED)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        begun_s = anyio.current_time()
        with anyio.move_on_after(6):
            await tracker.begin("PUT", widget("refused"))
        await tracker.begin("PUT", widget("neighbour"))
        assert 3600 <= anyio.current_time() - begun_s < 3610


FAR_DATES = ["31536000000", "Fri, 31 Dec 9999 23:59:59 GMT", "9" * 100, "3601"]


@pytest.mark.parametrize("asked", FAR_DATES)
@pytest.mark.parametrize("code", [429, 503])
async def test_rule_35_a_far_retry_after_delays_many_scopes_for_an_hour(asked: str, code: int) -> None:
    """20 subscriptions answer so to the first poll."""
    refused = Reply(code, {"error": {"code": "SubscriptionRequestsThrottled"}}, {"Retry-After": asked})
    arm = FakeARM(default=Script(duration_s=5, retry_after=5, polls=[refused, Ordinary()]), limits=None)
    begun_s = anyio.current_time()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        for number in range(20):
            await tracker.begin("PUT", widget("x", f"s{number}"), result="status")
    assert 3600 < anyio.current_time() - begun_s < 3700


@pytest.mark.parametrize("asked", FAR_DATES)
async def test_rule_35_a_429_to_a_hint_delays_polls_for_an_hour(asked: str) -> None:
    listed = f"{ARM}/subscriptions/s/resourceGroups/g/deployments/d/operations"
    arm = FakeARM(default=Script(duration_s=5, retry_after=5), limits=None)
    inner = arm.transport("httpx")

    answers = [httpx.Response(429, headers={"Retry-After": asked}), httpx.Response(200, json={"value": []})]

    def answer(request: httpx.Request) -> httpx.Response | None:
        return answers.pop(0) if "/deployments/" in request.url.path and answers else None

    class Transport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return answer(request) or await inner.handle_async_request(request)

    begun_s = anyio.current_time()
    async with client_of(arm, transport=Transport()) as client, azpoll.Tracker(client) as tracker:
        tracker.add_hints(azpoll.DeploymentOperations(listed, every_s=9000))
        await (await tracker.begin("PUT", widget("x")))
    assert 3600 <= anyio.current_time() - begun_s < 3700


EVERY_LIMIT = (
    *(name for names in REMAINING.values() for name in names),
    *sorted(PROVIDER_REMAINING),
)


@ASYNCIO
@pytest.mark.parametrize("name", EVERY_LIMIT)
async def test_rule_54_a_remaining_0_of_any_limit_is_over_within_an_hour(name: str) -> None:
    """One answer says so; an hour later 25 reads per second are sent again."""
    arm = FakeARM(default=Script(duration_s=3700, retry_after=3600), limits=None)
    none_left = Reply(200, {"status": "InProgress"}, {name: "0", "Retry-After": "3600"})
    arm.operation("PUT", widget("x").partition("?")[0], duration_s=3700, retry_after=1, polls=[none_left, Ordinary()])
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        await tracker.begin("PUT", widget("x"), result="status")
        for number in range(5):
            await tracker.begin("PUT", widget(f"other{number}"), result="status")
        await anyio.sleep(3650)
        [scope] = tracker.statistics().scopes
        assert scope.rate == 25.0
        begun_s = anyio.current_time()
        for number in range(100):
            await tracker.begin("PUT", widget(f"late{number}"), result="status")
        assert anyio.current_time() - begun_s < 10
