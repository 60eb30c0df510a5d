"""The tracker begins, tracks and polls operations."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Literal, get_args

import anyio
import httpx
import pytest

import azpoll
from azpoll.testing import FakeARM, IncomingRequest, Ordinary, Pattern, Reply, RetryAfter, Script, status_monitor
from tests.support.clients import ORIGIN, Library, client_of
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import GROUP, THING, delete, error_of, path_of, polls_of, until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

pytestmark = pytest.mark.anyio

PATTERNS: tuple[Pattern, ...] = get_args(Pattern)


@EACH_LIBRARY
@pytest.mark.parametrize("pattern", PATTERNS)
async def test_a_put_of_each_pattern_ends_with_the_resource(pattern: Pattern, library: Library) -> None:
    arm = FakeARM()
    arm.operation("PUT", pattern=pattern, duration_s=60, retry_after=20)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, json={"location": "westeurope"})
        assert operation.state is azpoll.OperationState.RUNNING
        response = await operation
        assert response.json()["properties"]["provisioningState"] == "Succeeded"
        assert response.json()["location"] == "westeurope"
        assert type(response).__module__.partition(".")[0] == library
        assert set(response.request.headers) == {"host"}
        response.raise_for_status()
    arm.no_early_polls()
    arm.one_request_at_a_time()
    arm.no_requests_after_end()
    arm.no_requests_elsewhere(ORIGIN)


async def test_polling_starts_when_tracked_and_not_when_awaited(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """`Tracker.track` starts the polling immediately."""
    fake_arm.operation("PUT", duration_s=30, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        operation = tracker.track(await client.put(THING))
        assert polls_of(fake_arm) == []
        await until(1000)
        assert operation.done()
        requests = fake_arm.statistics().requests
        assert (await operation).status_code == 200
        assert fake_arm.statistics().requests == requests


@pytest.mark.parametrize("origin", [f"{ORIGIN}:8443", ORIGIN.replace("https", "http"), f"{ORIGIN}.evil.example"])
async def test_an_operation_trusts_only_its_own_origin(
    client: httpx.AsyncClient, fake_arm: FakeARM, origin: str
) -> None:
    """Rule 9."""
    async with azpoll.Tracker(client, on_exit="stop") as tracker:

        def tracked(url: str) -> azpoll.AsyncOperation[httpx.Response]:
            headers = {"Location": f"{ORIGIN}/poll", "Retry-After": "60"}
            return tracker.track(httpx.Response(202, headers=headers, request=httpx.Request("POST", url)))

        tracked(f"{ORIGIN}{THING}")
        assert isinstance(await error_of(tracked(f"{origin}{THING}")), azpoll.UntrustedPollingURL)
    assert fake_arm.requests == ()


@pytest.mark.parametrize("told", [17, RetryAfter(17, "imf-date"), RetryAfter(17.5, "retry-after-ms")])
async def test_the_first_poll_waits_for_the_initial_retry_after(
    client: httpx.AsyncClient, fake_arm: FakeARM, told: float | RetryAfter
) -> None:
    """Rule 34."""
    fake_arm.operation("PUT", duration_s=5, retry_after=told)
    async with azpoll.Tracker(client) as tracker:
        initial = await client.put(THING)
        await anyio.sleep(3)
        tracker.track(initial)
    told_s = told.seconds if isinstance(told, RetryAfter) else told
    first = polls_of(fake_arm)[0]
    assert told_s <= first <= told_s + 3.5
    fake_arm.no_early_polls()


async def test_a_retry_after_has_no_jitter(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """Rule 36."""
    fake_arm.default = Script(duration_s=100, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        for number in range(20):
            await tracker.begin("DELETE", path_of(number))
    times = polls_of(fake_arm)
    assert len(times) == 20 * 10
    assert max(time % 10 for time in times) < 0.001
    fake_arm.no_early_polls()


async def test_without_durations_delays_double_to_30_s_with_jitter_that_only_adds(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """Rule 36."""
    fake_arm.default = Script(duration_s=130)
    waits: list[list[float]] = []
    for number in range(10):
        async with azpoll.Tracker(client, durations=None) as tracker:
            begun = anyio.current_time()
            await tracker.begin("DELETE", path_of(number))
        times = [begun, *(time for time in polls_of(fake_arm) if time > begun)]
        waits.append([later - earlier for earlier, later in itertools.pairwise(times)])
    for expected, column in zip([1, 2, 4, 8, 16, 30, 30, 30], zip(*waits, strict=False), strict=False):
        assert expected <= min(column)
        assert max(column) < expected * 1.1001
        assert len(set(column)) == len(column)


async def test_rule_50_the_checking_schedule_is_the_default(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """Dense polls at first, then fewer, never before the floor, and at most 60 s apart.

    A type that was not recorded has the times of its method.
    """
    fake_arm.default = Script(duration_s=20_000)
    async with azpoll.Tracker(client) as tracker:
        await tracker.begin("DELETE", path_of(1))
    fake_arm.no_early_polls()
    times = [0.0, *polls_of(fake_arm)]
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits[0] == pytest.approx(math.sqrt(2 * 0.17 / 0.105), rel=0.11)
    assert min(waits) >= 1
    assert max(waits) <= 60.0001
    assert waits[-100:] == pytest.approx([60] * 100, abs=0.001)


async def test_rule_50_polls_become_fewer_as_reads_run_short(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """From half of the burst on, the price of a poll rises from 1 s to 5 s."""
    fake_arm.default = Script(duration_s=2_000)
    burst = 60.0
    budget = azpoll.Budget(rate=1e-6, max_rate=1e-6, burst=burst, increase_per_s=0.0)
    async with azpoll.Tracker(client, budget=budget) as tracker:
        await tracker.begin("DELETE", path_of(1), result="status")
    times = polls_of(fake_arm)
    prices: list[float] = []
    for polls, (age_s, next_s) in enumerate(itertools.pairwise(times), 1):
        if age_s > 300:  # beyond the quantiles of all recorded deletions
            prices.append(1 + 4 * max(0.0, 1 - 2 * (burst - polls) / burst))
            best_s = math.sqrt(2 * prices[-1] * age_s)
            assert min(best_s, 60) <= next_s - age_s <= min(1.1 * best_s, 60) + 0.001
    assert prices[0] == 1.0
    assert prices[-1] > 2.0


async def test_rule_50_completion_times_of_the_caller_are_learned(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """And used in place of the recorded ones, also by a tracker that loads them."""
    fake_arm.default = Script(duration_s=100)
    durations = azpoll.Durations()
    async with azpoll.Tracker(client, durations=durations) as tracker:
        for number in range(200):
            await tracker.begin("DELETE", path_of(number))
    p10, *_, p90 = azpoll.Durations.load(durations.save()).of("DELETE", f"{ORIGIN}{path_of(1)}").quantiles
    assert 80 < p10 <= p90 < 120


@pytest.mark.parametrize("durations", ["recorded", None])
async def test_rule_36_the_initial_retry_after_alone_is_the_least_first_step(
    client: httpx.AsyncClient, fake_arm: FakeARM, durations: Literal["recorded"] | None
) -> None:
    """Both schedules have this limit."""
    running = status_monitor("Running")
    fake_arm.operation("DELETE", retry_after=40, duration_s=100, polls=[running, running, Ordinary()])
    async with azpoll.Tracker(client, durations=durations) as tracker:
        await tracker.begin("DELETE", THING)
    first, second, *_ = polls_of(fake_arm)
    assert first == pytest.approx(40, abs=0.001)
    assert 80 <= second <= 84.1


async def test_a_fixed_interval_replaces_the_schedule_but_not_a_retry_after(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """Rule 36."""
    fake_arm.operation(
        "DELETE", polls=[status_monitor("Running"), status_monitor("Running", retry_after=60), Ordinary()]
    )
    async with azpoll.Tracker(client, interval=5, timeout=300) as tracker:
        operation = await tracker.begin("DELETE", THING)
        await operation.wait()
    first, second, third = polls_of(fake_arm)
    assert 5 <= first <= 5.51
    assert 5 <= second - first <= 5.51
    assert 60 <= third - second < 60.001


@pytest.mark.parametrize(("min_interval", "least"), [(1.0, 1.0), (0.25, 0.25), (90.0, 90.0)])
async def test_min_interval_is_the_floor_of_every_delay(min_interval: float, least: float) -> None:
    """Rule 35."""
    arm = FakeARM(floor_s=min_interval)
    arm.operation("DELETE", duration_s=4 * least, retry_after=0)
    async with client_of(arm) as client, azpoll.Tracker(client, min_interval=min_interval, interval=0) as tracker:
        await tracker.begin("DELETE", THING)
    times = [0.0, *polls_of(arm)]
    assert all(least <= later - earlier < least + 0.001 for earlier, later in itertools.pairwise(times))
    arm.no_early_polls()


async def test_with_both_intervals_0_polls_follow_immediately() -> None:
    """`interval` and `min_interval` may be 0 for servers without a limit."""
    arm = FakeARM(floor_s=0, latency_s=0.5)
    arm.operation("DELETE", duration_s=10)
    async with client_of(arm) as client, azpoll.Tracker(client, interval=0, min_interval=0) as tracker:
        await tracker.begin("DELETE", THING)
    assert 18 <= len(polls_of(arm)) <= 21


@pytest.mark.parametrize("most", [1, 3, 16])
async def test_no_more_requests_are_in_flight_than_allowed(most: int) -> None:
    arm = FakeARM(default=Script(duration_s=20, retry_after=10), latency_s=2)
    flying = 0
    peak = 0

    async def left(request: httpx.Request) -> None:
        nonlocal flying, peak
        if request.method == "GET":
            flying += 1
            peak = max(peak, flying)
            assert tracker.statistics().in_flight == flying

    async def back(response: httpx.Response) -> None:
        nonlocal flying
        flying -= response.request.method == "GET"

    hooks: dict[str, list[Callable[..., Awaitable[None]]]] = {"request": [left], "response": [back]}
    async with (
        client_of(arm, event_hooks=hooks) as client,
        azpoll.Tracker(client, max_in_flight=most) as tracker,
        anyio.create_task_group() as tasks,
    ):
        for number in range(40):
            tasks.start_soon(delete, tracker, path_of(number))
    assert peak == most
    assert arm.statistics().told == 40
    arm.one_request_at_a_time()
    arm.no_early_polls()


async def test_a_slow_answer_never_causes_a_second_request() -> None:
    """Rule 38."""
    arm = FakeARM(latency_s=20)
    arm.operation("PUT", duration_s=100, retry_after=2)
    async with client_of(arm, timeout=60) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(operation.wait)
    arm.one_request_at_a_time()
    arm.no_early_polls()


@pytest.mark.slow
async def test_a_thousand_concurrent_operations() -> None:
    arm = FakeARM(
        default=lambda request: Script(duration_s=int(request.path.rpartition("t")[2]) % 50, retry_after=7), limits=None
    )
    async with client_of(arm) as client, azpoll.Tracker(client, max_in_flight=64) as tracker:
        operations = [tracker.track(await client.put(path_of(number))) for number in range(1000)]
        assert tracker.statistics().running == 1000
    assert {operation.result().status_code for operation in operations} == {200}
    assert tracker.statistics().succeeded == 1000
    assert tracker.statistics().in_flight == tracker.statistics().waiting == 0
    assert len({operation.id for operation in operations}) == 1000
    arm.no_early_polls()
    arm.one_request_at_a_time()
    arm.no_requests_after_end()


def counts_of(tracker: azpoll.Tracker[httpx.Response]) -> tuple[int, ...]:
    found = tracker.statistics()
    ended = (found.succeeded, found.failed, found.canceled, found.unknown)
    return (found.tracked, found.running, found.waiting, found.in_flight, found.polls, *ended)


async def test_statistics_count_each_outcome(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    scripts = [Script(outcome=word, duration_s=5, retry_after=10) for word in ("Succeeded", "Failed", "Canceled")]
    scripts.append(Script(duration_s=1000, retry_after=10))

    def script(request: IncomingRequest) -> Script:
        return scripts[int(request.path[-1])]

    fake_arm.default = script
    async with azpoll.Tracker(client, on_exit="stop") as tracker:
        operations = [await tracker.begin("DELETE", path_of(number)) for number in range(4)]
        assert counts_of(tracker) == (4, 4, 4, 0, 0, 0, 0, 0, 0)
        await until(25)
        assert counts_of(tracker) == (4, 1, 1, 0, 5, 1, 1, 1, 0)
        operations[3].stop_tracking()
        assert counts_of(tracker) == (4, 0, 0, 0, 5, 1, 1, 1, 1)
        [scope] = tracker.statistics().scopes
        assert (scope.scope, scope.reads) == (f"{ORIGIN} s1", 5)
    assert counts_of(tracker) == (4, 0, 0, 0, 5, 1, 1, 1, 1)


# Deadlines (rule 38)


async def test_one_last_poll_is_sent_at_the_deadline(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("DELETE", duration_s=1000)
    async with azpoll.Tracker(client, interval=40) as tracker:
        operation = await tracker.begin("DELETE", THING, timeout=100)
        error = await error_of(operation)
        assert anyio.current_time() == pytest.approx(100, abs=0.001)
    assert isinstance(error, azpoll.OperationTimeout)
    assert isinstance(error, TimeoutError)
    assert error.resume_token
    assert polls_of(fake_arm)[-1] == pytest.approx(100, abs=0.001)
    assert operation.state is azpoll.OperationState.UNKNOWN


async def test_the_answer_to_the_last_poll_at_the_deadline_counts(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("DELETE", duration_s=90)
    async with azpoll.Tracker(client, interval=80, timeout=100) as tracker:
        assert (await (await tracker.begin("DELETE", THING))).status_code == 200
    assert polls_of(fake_arm)[-1] == pytest.approx(100, abs=0.001)


async def test_no_last_poll_is_sent_before_the_retry_after(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("DELETE", duration_s=10, retry_after=60)
    async with azpoll.Tracker(client, timeout=50) as tracker:
        operation = await tracker.begin("DELETE", THING)
        assert isinstance(await error_of(operation), azpoll.OperationTimeout)
        assert anyio.current_time() == pytest.approx(50, abs=0.001)
    assert polls_of(fake_arm) == []


async def test_a_poll_in_flight_at_the_deadline_is_awaited() -> None:
    arm = FakeARM(latency_s=4)
    arm.operation("DELETE", duration_s=1, retry_after=3)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = tracker.track(await client.delete(THING), timeout=5)
        await operation
        assert anyio.current_time() == pytest.approx(11, abs=0.001)


async def test_a_timeout_of_0_ends_immediately_and_none_overrides_the_tracker(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    fake_arm.default = Script(duration_s=50, retry_after=10)
    async with azpoll.Tracker(client, timeout=20) as tracker:
        at_once = await tracker.begin("DELETE", path_of(0), timeout=0)
        assert at_once.done()
        assert isinstance(at_once.exception(), azpoll.OperationTimeout)
        never = await tracker.begin("DELETE", path_of(1), timeout=None)
        assert (await never).status_code == 200
        assert anyio.current_time() == pytest.approx(50, abs=0.01)


# The initial request


async def test_begin_sends_its_arguments_and_polls_repeat_the_request_id() -> None:
    """Rule 45."""
    arm = FakeARM()
    arm.operation("POST", duration_s=5, retry_after=10)
    async with (
        client_of(arm, headers={"User-Agent": "me"}, cookies={"c": "1"}) as client,
        azpoll.Tracker(client) as tracker,
    ):
        operation = await tracker.begin(
            "POST",
            GROUP,
            params={"api-version": "2024-01-01"},
            headers={"x-once": "1"},
            json={"a": 1},
            label="mine",
        )
        assert operation.label == "mine"
        assert repr(operation) == f"<AsyncOperation {operation.id} 'mine' running>"
    initial, *others = arm.requests
    assert initial.url == f"{ORIGIN}{GROUP}?api-version=2024-01-01"
    assert initial.headers["x-once"] == "1"
    assert initial.headers["content-type"] == "application/json"
    for request in arm.requests:
        assert request.headers["x-ms-client-request-id"] == initial.headers["x-ms-client-request-id"]
        assert request.headers["user-agent"] == "me"
        assert request.headers["cookie"] == "c=1"
        assert request.headers["accept-encoding"] == "identity"
    assert len(others) == 2
    assert all("x-once" not in request.headers for request in others)


async def test_a_client_request_id_of_the_caller_is_kept(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """Rule 45."""
    fake_arm.default = Script(duration_s=5, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        await tracker.begin("DELETE", path_of(0), headers={"X-MS-Client-Request-ID": "mine-1"})
        tracker.track(await client.delete(path_of(1), headers={"x-ms-client-request-id": "mine-2"}))
        tracker.track(await client.delete(path_of(2)))
    polls = [request.headers.get("x-ms-client-request-id") for request in fake_arm.requests if request.method == "GET"]
    assert polls == ["mine-1", "mine-2", None]


@EACH_LIBRARY
async def test_rule_45_default_parameters_that_a_polling_url_lacks_are_appended(library: Library) -> None:
    """Nothing else in a URL is rewritten (rule 12)."""
    arm = FakeARM()
    polling_url = f"{ORIGIN}/operationStatuses/1?t=a%2Fb%20c&sig=x==&empty=&api-version=2020-01-01"
    arm.operation("DELETE", initial=Reply(202, headers={"Location": polling_url}))
    async with (
        client_of(arm, library, params={"api-version": "2024-01-01", "x": "y z"}) as client,
        azpoll.Tracker(client, interval=1, on_exit="stop") as tracker,
    ):
        await tracker.begin("DELETE", GROUP)
        await anyio.sleep(3)
    initial, poll, *_ = arm.requests
    assert initial.url == f"{ORIGIN}{GROUP}?api-version=2024-01-01&x=y%20z".replace("%20", "+")
    assert poll.url == f"{polling_url}&x=y%20z".replace("y%20z", "y+z")


async def test_a_refused_initial_request_is_not_tracked(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """Rule 7."""
    error = {"code": "Conflict", "message": "It exists.", "target": "t", "details": [{"code": "Inner"}]}
    fake_arm.operation("PUT", initial=Reply(409, {"error": error}))
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(
            azpoll.InitialRequestFailed,
            match=r"PUT https://management.azure.com/.*/t\?api-version=\*\*\* .*Conflict: It exists",
        ) as begun:
            await tracker.begin("PUT", THING)
        with pytest.raises(azpoll.InitialRequestFailed) as tracked:
            tracker.track(await client.put(THING))
        for caught in (begun, tracked):
            found = caught.value
            assert (found.code, found.message, found.target, found.status_code) == ("Conflict", "It exists.", "t", 409)
            assert found.details[0].code == "Inner"
            assert found.response is not None
            assert found.response.status_code == 409
            assert found.resume_token is None
        assert tracker.statistics().tracked == 0


async def test_a_terminal_initial_answer_needs_no_poll(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """Rule 5."""
    fake_arm.operation("DELETE", initial=Reply(204))
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("DELETE", THING)
        assert operation.done()
        assert operation.result().status_code == 204
        assert operation.snapshot().polls == 0
        with pytest.raises(ValueError, match="nothing to resume"):
            operation.resume_token()
    assert polls_of(fake_arm) == []


# Results


async def test_decode_converts_the_result_once(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=5)
    calls = 0

    def decode(response: httpx.Response) -> str:
        nonlocal calls
        calls += 1
        return str(response.json()["properties"]["provisioningState"])

    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, decode=decode)
        assert calls == 0
        assert [await operation, await operation, operation.result()] == ["Succeeded"] * 3
    assert calls == 1


async def test_an_error_in_decode_reaches_only_the_awaiter(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=5)
    async with azpoll.Tracker(client) as tracker:
        broken = await tracker.begin("DELETE", path_of(0), decode=lambda _: 1 // 0)
        sound = await tracker.begin("DELETE", path_of(1))
        with pytest.raises(ZeroDivisionError):
            await broken
        assert broken.state is azpoll.OperationState.SUCCEEDED
        assert broken.exception() is None
        assert (await sound).status_code == 200


async def test_result_status_omits_the_final_get(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """Rule 33."""
    fake_arm.operation("PUT", duration_s=5, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        response = await (await tracker.begin("PUT", THING, result="status"))
        assert response.json()["status"] == "Succeeded"
    assert len(polls_of(fake_arm)) == 1


async def test_final_state_via_and_terminal_words_reach_the_protocol(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """Rules 16 and 30."""
    fake_arm.operation("POST", duration_s=5, retry_after=10, outcome="Done", location=True)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin(
            "POST",
            f"{GROUP}/do",
            terminal_words={" DONE ": "succeeded"},
            final_state_via="azure-async-operation",
        )
        assert (await operation).json()["status"] == "Done"


async def test_wait_awaits_one_operation_without_a_tracker(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=30, retry_after=10)
    response = await azpoll.wait(client, await client.put(THING))
    assert response.json()["properties"]["provisioningState"] == "Succeeded"
    size = await azpoll.wait(client, await client.put(THING), decode=lambda found: len(found.content))
    assert size == len(response.content)
    with pytest.raises(azpoll.OperationTimeout):
        await azpoll.wait(client, await client.put(THING), timeout=15)
    assert not client.is_closed
    fake_arm.no_early_polls()


async def test_wait_raises_the_failure_itself(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(duration_s=30, retry_after=10, outcome="Failed")
    with pytest.raises(azpoll.OperationFailed, match="OperationFailed"):
        await azpoll.wait(client, await client.put(THING))


# The client's own auth


class Renewing(httpx.Auth):
    """Sends a token; after a 401 it gets a new one and repeats the request, as credentials do."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.renewals = 0

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = f"Bearer {self.tokens[0]}"
        response = yield request
        if response.status_code == 401:
            self.renewals += 1
            if len(self.tokens) > 1:
                del self.tokens[0]
            request.headers["Authorization"] = f"Bearer {self.tokens[0]}"
            yield request


async def test_a_credential_that_expires_is_renewed_by_the_clients_auth() -> None:
    """Rule 26."""
    arm = FakeARM(default=Script(duration_s=50, retry_after=10))
    arm.require_token("first")
    auth = Renewing("first", "second")
    async with client_of(arm, auth=auth) as client, azpoll.Tracker(client) as tracker:
        operations = [await tracker.begin("PUT", path_of(number)) for number in range(5)]
        await until(25)
        arm.rotate_token("second")
    assert all(operation.result().status_code == 200 for operation in operations)
    assert auth.renewals == 1


async def test_a_refused_credential_is_renewed_once() -> None:
    """Rule 26."""
    arm = FakeARM(default=Script(duration_s=50, retry_after=10))
    arm.require_token("first")
    async with client_of(arm, headers={"Authorization": "Bearer first"}) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        await until(5)
        arm.rotate_token("second")
        error = await error_of(operation)
        assert isinstance(error, azpoll.AuthenticationFailed)
        assert error.status_code == 401
        assert len(polls_of(arm)) == 2
        client.headers["Authorization"] = "Bearer second"
        assert error.resume_token is not None
        assert (await tracker.resume(error.resume_token)).status_code == 200
