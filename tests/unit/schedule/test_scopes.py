"""`ScopeQueues`: the queue of a URL, turns of scopes, and the effect of answers on the buckets."""

from __future__ import annotations

import sys
import tracemalloc
from itertools import count
from typing import TYPE_CHECKING

import pytest

from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.protocol.throttling import ThrottleLevel
from azpoll.schedule.budget import Budget
from azpoll.schedule.job import Priority
from azpoll.schedule.scopes import COLLECTIONS_KEPT, PROVIDER_QUEUES_KEPT, ScopeQueues
from tests.support.jobs import COLLECTION, HOST, answer, job

if TYPE_CHECKING:
    from types import FrameType

    from azpoll.schedule.scope_queue import ProviderQueue
    from azpoll.tracking.record import OperationRecord

ONE_A_SECOND = Budget(rate=1.0, max_rate=1.0, burst=1.0, increase_per_s=0.0)
OPERATIONS = "providers/Microsoft.Fake/locations/west/operations"


def queues_of(budget: Budget | None = ONE_A_SECOND) -> ScopeQueues[OperationRecord]:
    return ScopeQueues(budget, count(1))


def add(scope_queues: ScopeQueues[OperationRecord], url: str, *names: str) -> ProviderQueue[OperationRecord]:
    """Queue jobs in the scope of a URL."""
    provider_queue = scope_queues.queue_for(url, 0.0)
    for name in names:
        scope_queues.add(job(name), provider_queue, 0.0)
    return provider_queue


def taken(scope_queues: ScopeQueues[OperationRecord], now_s: float) -> list[str]:
    names: list[str] = []
    while (one := scope_queues.take(now_s)) is not None:
        names.append(one[0].label or "")
    return names


def throttled(reach: ThrottleLevel) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a 429 with a Retry-After of ten seconds."""
    provider = {"x-ms-ratelimit-remaining-resource": "Microsoft.Fake/Get;0"} if reach is ThrottleLevel.PROVIDER else {}
    body = b'{"error":{"code":"RetryableErrorDueToAnotherOperation"}}' if reach is ThrottleLevel.OPERATION else b""
    return {"retry-after": "10", **provider}, body


def test_urls_of_a_collection_share_a_queue() -> None:
    scope_queues = queues_of()
    provider_queue = scope_queues.queue_for(f"{HOST}/subscriptions/s/{OPERATIONS}/1?api-version=1", 0.0)
    assert scope_queues.queue_for(f"{HOST}/subscriptions/s/{OPERATIONS}/2?t=/a/b", 0.0) is provider_queue
    assert scope_queues.queue_for(f"{HOST}/SUBSCRIPTIONS/S/{OPERATIONS}/3", 0.0) is provider_queue
    elsewhere = scope_queues.queue_for(
        f"{HOST}/subscriptions/s/providers/Microsoft.Fake/locations/east/operations/1", 0.0
    )
    assert elsewhere is not provider_queue
    assert elsewhere.scope_queue is provider_queue.scope_queue


@pytest.mark.parametrize("collection", ["subscriptions", "subscriptions/s/providers"])
def test_urls_of_a_collection_that_names_scopes_have_separate_queues(collection: str) -> None:
    scope_queues = queues_of()
    first, second = (scope_queues.queue_for(f"{HOST}/{collection}/{name}", 0.0) for name in "ab")
    assert first is not second


def test_any_number_of_collections_have_the_right_queue() -> None:
    """Also those that fell out of the cache."""
    scope_queues = queues_of()
    provider_queue = scope_queues.queue_for(f"{COLLECTION}/a/b", 0.0)
    for number in range(COLLECTIONS_KEPT + 1):
        assert scope_queues.queue_for(f"{COLLECTION}/{number}/b", 0.0) is provider_queue


def test_idle_scopes_are_dropped() -> None:
    """A scope with a waiting job or a bucket that is not full is kept."""
    scope_queues = queues_of()
    add(scope_queues, f"{HOST}/subscriptions/waits/x", "first", "second")
    assert taken(scope_queues, 0.0) == ["first"]
    for number in range(3 * PROVIDER_QUEUES_KEPT):
        scope_queues.queue_for(f"{HOST}/subscriptions/{number}/x", 0.0)
    scopes = [scope.scope for scope in scope_queues.statistics(0.0)]
    assert len(scopes) <= PROVIDER_QUEUES_KEPT + 1
    assert scopes[0] == f"{HOST} waits"
    assert taken(scope_queues, 1.0) == ["second"]


def test_a_scope_that_waits_for_reads_delays_no_other() -> None:
    scope_queues = queues_of()
    add(scope_queues, f"{HOST}/subscriptions/a/x", "a1", "a2", "a3")
    add(scope_queues, f"{HOST}/subscriptions/b/x", "b1", "b2")
    assert taken(scope_queues, 0.0) == ["a1", "b1"]
    assert scope_queues.waiting == 3
    assert scope_queues.next_s() == pytest.approx(1.0)
    assert taken(scope_queues, 1.0) == ["a2", "b2"]


def test_a_429_of_the_subscription_closes_all_its_queues_and_no_other_scope() -> None:
    scope_queues = queues_of(Budget())
    provider_queue = add(scope_queues, f"{HOST}/subscriptions/a/{OPERATIONS}/1", "a1")
    add(scope_queues, f"{HOST}/subscriptions/a/resourceGroups/g/x", "a2")
    add(scope_queues, f"{HOST}/subscriptions/b/{OPERATIONS}/1", "b1")
    throttle = scope_queues.on_answer(provider_queue, answer(429, *throttled(ThrottleLevel.SCOPE)), 0.0)
    assert throttle is not None
    assert (throttle.level, throttle.retry_after_s) == (ThrottleLevel.SCOPE, 10.0)
    assert taken(scope_queues, 9.9) == ["b1"]
    assert sorted(taken(scope_queues, 11.0)) == ["a1", "a2"]
    first, second = scope_queues.statistics(0.0)
    assert (first.throttled, second.throttled) == (1, 0)
    assert first.rate == pytest.approx(14.5)  # 0.7 of 20, and one second without a 429


def test_a_429_of_a_provider_closes_only_its_own_queue_for_the_retry_after() -> None:
    """The provider gets a bucket of its own beneath that of the subscription."""
    scope_queues = queues_of(Budget())
    provider_queue = add(scope_queues, f"{HOST}/subscriptions/a/{OPERATIONS}/1", "west1", "west2")
    add(scope_queues, f"{HOST}/subscriptions/a/{OPERATIONS.replace('west', 'east')}/1", "east")
    for _ in range(2):
        scope_queues.on_answer(provider_queue, answer(429, *throttled(ThrottleLevel.PROVIDER)), 0.0)
    assert taken(scope_queues, 9.9) == ["east"]
    assert taken(scope_queues, 11.0) == ["west1", "west2"]
    (scope,) = scope_queues.statistics(11.0)
    assert (scope.throttled, scope.rate) == (2, 25.0)


@pytest.mark.parametrize("level", [ThrottleLevel.SCOPE, ThrottleLevel.PROVIDER])
def test_rule_35_a_429_closes_a_scope_or_a_provider_for_at_most_1_h(level: ThrottleLevel) -> None:
    """The limit holds for any `Retry-After`: the operation itself waits no longer either."""
    scope_queues = queues_of(Budget())
    provider_queue = add(scope_queues, f"{HOST}/subscriptions/a/{OPERATIONS}/1", "a1")
    headers, body = throttled(level)
    scope_queues.on_answer(provider_queue, answer(429, {**headers, "retry-after": "2592000"}, body), 0.0)
    assert taken(scope_queues, 3599.0) == []
    assert taken(scope_queues, 3601.0) == ["a1"]


@pytest.mark.parametrize("level", [ThrottleLevel.SCOPE, ThrottleLevel.PROVIDER])
def test_rule_54_one_sender_closes_a_scope_or_a_provider_again_for_a_minute_at_most(level: ThrottleLevel) -> None:
    """A service that always answers 429 to one operation does not stop the others for hours."""
    headers, body = throttled(level)
    throttle = answer(429, {**headers, "retry-after": "3000"}, body)
    hostile, other = object(), object()
    scope_queues, at_s = queues_of(Budget()), 0.0
    provider_queue = add(scope_queues, f"{HOST}/subscriptions/a/{OPERATIONS}/1")
    for sender, closed_s in ((hostile, 3000), (hostile, 60), (hostile, 60), (other, 3000), (hostile, 3000)):
        scope_queues.on_answer(provider_queue, throttle, at_s, sender=sender)
        add(scope_queues, f"{HOST}/subscriptions/a/{OPERATIONS}/1", "waiting")
        assert taken(scope_queues, at_s + closed_s - 0.1) == []
        at_s += closed_s + 1.0
        assert taken(scope_queues, at_s) == ["waiting"]


def test_rule_50_the_shortage_is_that_of_the_provider_or_of_the_scope() -> None:
    """The greater of the two; without a budget there is none."""
    scope_queues = queues_of(Budget())
    url = f"{HOST}/subscriptions/a/{OPERATIONS}/1"
    provider_queue, other = scope_queues.queue_for(url, 0.0), scope_queues.queue_for(f"{HOST}/subscriptions/a/x", 0.0)
    assert provider_queue.shortage(0.0) == other.shortage(0.0) == 0.0
    scope_queues.on_answer(provider_queue, answer(429, *throttled(ThrottleLevel.PROVIDER)), 0.0)
    assert (provider_queue.shortage(1.0), other.shortage(1.0)) == (1.0, 0.0)
    scope_queues.on_answer(other, answer(429, *throttled(ThrottleLevel.SCOPE)), 1.0)
    assert other.shortage(2.0) == 1.0
    assert queues_of(None).queue_for(url, 0.0).shortage(0.0) == 0.0


def test_a_429_of_a_lock_closes_nothing() -> None:
    scope_queues = queues_of(Budget())
    provider_queue = add(scope_queues, f"{HOST}/subscriptions/a/x", "first", "second")
    scope_queues.on_answer(provider_queue, answer(429, *throttled(ThrottleLevel.OPERATION)), 0.0)
    assert taken(scope_queues, 0.0) == ["first", "second"]
    (scope,) = scope_queues.statistics(0.0)
    assert (scope.throttled, scope.rate) == (1, 20.0)


@pytest.mark.parametrize("reach", list(ThrottleLevel))
def test_without_a_budget_429s_are_counted_and_close_nothing(reach: ThrottleLevel) -> None:
    """Each operation waits for its own Retry-After. Numbers of remaining reads have no effect."""
    scope_queues = queues_of(None)
    provider_queue = add(scope_queues, COLLECTION, "first", "second")
    headers, body = throttled(reach)
    headers["x-ms-ratelimit-remaining-subscription-reads"] = "0"
    scope_queues.on_answer(provider_queue, answer(429, headers, body), 0.0)
    assert taken(scope_queues, 0.0) == ["first", "second"]
    (scope,) = scope_queues.statistics(0.0)
    assert (scope.throttled, scope.rate, scope.tokens, scope.reads) == (1, None, None, 2)


def test_few_remaining_reads_slow_their_scope() -> None:
    """15 remaining reads of 60 mean a quarter of the rate. Answers without the header change nothing."""
    scope_queues = queues_of()
    provider_queue = add(scope_queues, COLLECTION, "first", "second")
    assert taken(scope_queues, 0.0) == ["first"]
    scope_queues.on_answer(provider_queue, answer(headers={"x-ms-ratelimit-remaining-subscription-reads": "15"}), 0.0)
    scope_queues.on_answer(provider_queue, answer(), 0.0)
    scope_queues.on_answer(provider_queue, RequestFailure(FailureKind.TIMEOUT, "no answer", 0.0), 0.0)
    assert taken(scope_queues, 3.9) == []
    assert taken(scope_queues, 4.1) == ["second"]


LEFT = "x-ms-ratelimit-remaining-subscription-resource-requests"


def test_rule_54_few_requests_left_slow_their_provider_alone() -> None:
    """None left close it for ten seconds, which a 429 would have done. Other providers keep their reads."""
    scope_queues = queues_of(Budget(rate=4.0, max_rate=4.0, burst=4.0))
    west = add(scope_queues, f"{HOST}/subscriptions/a/{OPERATIONS}/1", "west1")
    assert taken(scope_queues, 0.0) == ["west1"]
    scope_queues.on_answer(west, answer(headers={LEFT: "0"}), 0.0)
    add(scope_queues, f"{HOST}/subscriptions/a/{OPERATIONS}/1", "west2", "west3")
    add(scope_queues, f"{HOST}/subscriptions/a/{OPERATIONS.replace('west', 'east')}/1", "east1", "east2", "east3")
    assert taken(scope_queues, 0.0) == ["east1", "east2", "east3"]
    assert taken(scope_queues, 9.9) == []
    assert taken(scope_queues, 3600.0) == ["west2", "west3"]
    (scope,) = scope_queues.statistics(3600.0)
    assert (scope.throttled, scope.rate) == (0, 4.0)


@pytest.mark.parametrize(("left", "wait_s"), [("15", 1.0), ("30", 0.5), ("60", 0.25), ("9999", 0.25)])
def test_rule_54_a_provider_slows_in_proportion_to_the_requests_left(left: str, wait_s: float) -> None:
    """Below 60. A number replaces the one before it."""
    scope_queues = queues_of(Budget(rate=4.0, max_rate=4.0, burst=1.0))
    provider_queue = add(scope_queues, COLLECTION, "1", "2")
    for number in ("1", left):
        scope_queues.on_answer(provider_queue, answer(headers={LEFT: number}), 0.0)
    assert taken(scope_queues, 0.0) == ["1"]
    assert scope_queues.next_s() == pytest.approx(wait_s)


def test_rule_54_requests_in_flight_are_taken_off_those_left() -> None:
    """The service may not have counted them yet: 5 left and 3 others in flight mean 2 more."""
    scope_queues = queues_of(Budget())
    provider_queue = add(scope_queues, COLLECTION, "1", "2", "3", "4")
    assert len(taken(scope_queues, 0.0)) == 4
    scope_queues.on_answer(provider_queue, answer(headers={LEFT: "5"}), 0.0)
    add(scope_queues, COLLECTION, "5", "6", "7")
    assert taken(scope_queues, 0.0) == ["5", "6"]


def test_rule_54_a_number_of_queued_operations_slows_no_poll() -> None:
    """`VmssQueuedVMOperations;0` is its normal value."""
    scope_queues = queues_of(Budget())
    provider_queue = add(scope_queues, COLLECTION, "1", "2")
    scope_queues.on_answer(
        provider_queue, answer(headers={"x-ms-ratelimit-remaining-resource": "A/VmssQueuedVMOperations;0"}), 0.0
    )
    assert taken(scope_queues, 0.0) == ["1", "2"]


def test_a_scope_whose_only_job_is_withdrawn_has_no_next_time() -> None:
    scope_queues = queues_of()
    provider_queue = scope_queues.queue_for(COLLECTION, 0.0)
    alone = job("alone")
    scope_queues.add(alone, provider_queue, 0.0)
    scope_queues.withdraw(alone, provider_queue)
    assert scope_queues.waiting == 0
    assert scope_queues.take(0.0) is None
    assert scope_queues.next_s() is None


def test_a_429_sets_no_next_time_for_an_empty_scope() -> None:
    scope_queues = queues_of()
    provider_queue = add(scope_queues, COLLECTION, "alone")
    assert taken(scope_queues, 0.0) == ["alone"]
    scope_queues.on_answer(provider_queue, answer(429, *throttled(ThrottleLevel.SCOPE)), 0.0)
    assert scope_queues.next_s() is None


def test_a_hint_moves_a_waiting_job_between_the_priorities() -> None:
    scope_queues = queues_of(Budget(rate=1.0, max_rate=1.0, burst=4.0, increase_per_s=0.0))
    provider_queue = scope_queues.queue_for(COLLECTION, 0.0)
    jobs = [job(name) for name in range(4)]
    for one in jobs:
        scope_queues.add(one, provider_queue, 0.0)
    jobs[0].priority = Priority.LOW
    scope_queues.move(jobs[0], provider_queue, Priority.NORMAL, 0.0)
    assert taken(scope_queues, 0.0) == ["1", "2", "3"]
    assert scope_queues.next_s() == pytest.approx(2.6)
    assert taken(scope_queues, 2.6) == ["0"]
    assert scope_queues.next_s() is None


def test_moving_a_job_without_end_does_not_make_the_heap_of_scopes_grow() -> None:
    scope_queues = queues_of()
    provider_queue = add(scope_queues, COLLECTION, "first", "second")
    assert taken(scope_queues, 0.0) == ["first"]
    moved = job("moved")
    scope_queues.add(moved, provider_queue, 0.0)
    tracemalloc.start()
    try:
        for number in range(5000):
            before, moved.priority = moved.priority, (Priority.LOW, Priority.NORMAL)[number % 2]
            scope_queues.move(moved, provider_queue, before, 0.0)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 100_000
    assert taken(scope_queues, 1.0) == ["second"]


def test_scopes_with_tokens_take_turns() -> None:
    scope_queues = queues_of(None)
    add(scope_queues, f"{HOST}/subscriptions/a/x", "a1", "a2", "a3")
    add(scope_queues, f"{HOST}/subscriptions/b/x", "b1", "b2")
    assert taken(scope_queues, 0.0) == ["a1", "b1", "a2", "b2", "a3"]


def test_a_provider_whose_limit_becomes_known_keeps_its_waiting_jobs_and_their_order() -> None:
    """The jobs of all providers without a limit wait together; the others are then not delayed by it."""
    queues = queues_of(Budget(rate=100.0, max_rate=100.0, burst=1.0, increase_per_s=0.0))
    limited = add(queues, f"{HOST}/subscriptions/s/{OPERATIONS}/o", "a", "b", "c")
    add(queues, f"{HOST}/subscriptions/s/providers/Microsoft.Other/locations/west/operations/o", "x", "y")
    withdrawn = job("z")
    queues.add(withdrawn, limited, 0.0)
    headers, body = throttled(ThrottleLevel.PROVIDER)
    limited.in_flight += 1
    queues.on_answer(limited, answer(429, headers, body), 0.0)
    limited.in_flight -= 1
    queues.withdraw(withdrawn, limited)
    names = [name for at_s in range(9) for name in taken(queues, 1.0 + at_s)]
    assert names == ["x", "y"]
    assert queues.waiting == 3
    assert [name for at_s in range(9) for name in taken(queues, 11.0 + at_s)] == ["a", "b", "c"]
    assert queues.waiting == 0


@pytest.mark.parametrize("budget", [Budget(), Budget(burst=1.0, rate=0.1, max_rate=0.1), None])
def test_5000_providers_with_locations_of_their_own_cost_as_little_as_one(budget: Budget | None) -> None:
    """The number of looks at a token bucket grows with the number of jobs, and not with its square."""
    looks: dict[int, int] = {}
    for size in (500, 1000, 2000):
        queues = queues_of(budget)
        calls = 0

        def count_call(_frame: FrameType, event: str, _argument: object) -> None:
            nonlocal calls
            calls += event == "call"

        sys.setprofile(count_call)
        try:
            for number in range(size):
                add(queues, f"{HOST}/subscriptions/s/providers/P{number}.X/locations/l{number}/operations/o", "a")
            found = sum(len(taken(queues, at_s)) for at_s in range(0, size * 11, max(size // 100, 1)))
        finally:
            sys.setprofile(None)
        assert found == size or (budget is not None and budget.rate < 1)
        looks[size] = calls
    assert looks[2000] < 2.5 * looks[1000] < 6.5 * looks[500]
