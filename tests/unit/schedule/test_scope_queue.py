"""`ScopeQueue`: tokens of its buckets, turns of owners, priorities."""

from __future__ import annotations

import math
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

import pytest

from azpoll.schedule.budget import Budget
from azpoll.schedule.job import Priority
from azpoll.schedule.scope_queue import BACKGROUND_EVERY, NORMAL_EVERY, ProviderQueue, ScopeQueue
from tests.support.jobs import QueuedRequest

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azpoll.schedule.token_bucket import TokenBucket

SCOPE = "https://host s"
NUMBERS = count(1)


class Job(QueuedRequest):
    """A due request with a name."""

    def __init__(self, name: object = None, owner: Hashable = None, priority: Priority = Priority.NORMAL) -> None:
        super().__init__(owner, priority)
        self.name = name


def bucket(rate: float, burst: float = 1.0) -> TokenBucket:
    return Budget(rate=rate, max_rate=rate, burst=burst, increase_per_s=0.0).bucket(0.0)


def queues_of(limit: TokenBucket | None = None) -> tuple[ScopeQueue[Job], ProviderQueue[Job]]:
    scope_queue: ScopeQueue[Job] = ScopeQueue(SCOPE, limit)
    return scope_queue, ProviderQueue(scope_queue, None)


def add(provider_queue: ProviderQueue[Job], *jobs: Job) -> None:
    for job in jobs:
        provider_queue.scope_queue.add(job, provider_queue, next(NUMBERS))


def take(scope_queue: ScopeQueue[Job], now_s: float) -> Job | None:
    taken = scope_queue.take(now_s)
    if taken is None:
        return None
    job, provider_queue = taken
    assert job.heap_entry == 0
    assert provider_queue.scope_queue is scope_queue
    return job


def taken(scope_queue: ScopeQueue[Job], now_s: float) -> list[object]:
    names: list[object] = []
    while (job := take(scope_queue, now_s)) is not None:
        names.append(job.name)
    return names


def test_an_empty_queue_has_no_request_at_any_time() -> None:
    scope_queue, _ = queues_of(bucket(1))
    assert scope_queue.take(1e9) is None
    assert scope_queue.next_s(0.0) == math.inf


def test_without_a_bucket_all_leave_immediately_by_priority_time() -> None:
    scope_queue, provider_queue = queues_of()
    jobs = [Job(name) for name in range(5)]
    jobs[3].priority_time = -1.0
    add(provider_queue, *jobs)
    assert (scope_queue.waiting, scope_queue.next_s(7.0)) == (5, 7.0)
    assert taken(scope_queue, 7.0) == [3, 0, 1, 2, 4]
    assert (scope_queue.waiting, scope_queue.reads) == (0, 5)
    assert scope_queue.lateness.quantile(0.5) == pytest.approx(7, rel=0.1)


def test_requests_leave_at_the_rate_of_the_bucket() -> None:
    """Two per second; `next_s` is the time of the next token."""
    scope_queue, provider_queue = queues_of(bucket(2))
    add(provider_queue, *(Job(name) for name in range(4)))
    assert taken(scope_queue, 0.0) == [0]
    assert scope_queue.next_s(0.0) == pytest.approx(0.5)
    assert taken(scope_queue, 0.4) == []
    assert taken(scope_queue, 0.5) == [1]
    assert taken(scope_queue, 1.0) == [2]


def test_owners_of_1_10_and_100_jobs_share_the_reads_evenly() -> None:
    """Each is within 10 % of its share while it has jobs, so the small ones finish first."""
    scope_queue, provider_queue = queues_of()
    for owner, jobs in (("large", 1000), ("middle", 100), ("small", 10)):
        add(provider_queue, *(Job(owner, owner) for _ in range(jobs)))
    names = taken(scope_queue, 0.0)
    assert Counter(names[:30]) == {"large": 10, "middle": 10, "small": 10}
    shares = Counter(names[30:210])
    assert shares["large"] == pytest.approx(90, rel=0.1)
    assert shares["middle"] == pytest.approx(90, rel=0.1)
    assert set(names[210:]) == {"large"}


def test_an_owner_that_comes_and_goes_gets_no_more_than_its_share() -> None:
    """It gains nothing by adding one job at a time."""
    scope_queue, provider_queue = queues_of()
    add(provider_queue, *(Job(owner, owner) for owner in "abcd" for _ in range(100)))
    names: list[object] = []
    for _ in range(100):
        add(provider_queue, Job("guest", "guest"))
        job = take(scope_queue, 0.0)
        assert job is not None
        names.append(job.name)
    assert Counter(names)["guest"] == pytest.approx(20, abs=2)


def test_high_priority_comes_first() -> None:
    scope_queue, provider_queue = queues_of()
    add(provider_queue, Job("normal"), Job("high", priority=Priority.HIGH))
    assert taken(scope_queue, 0.0) == ["high", "normal"]


def test_high_priority_comes_before_jobs_that_were_due_long_before() -> None:
    """In a burst of thousands all others have been due for minutes."""
    scope_queue, provider_queue = queues_of()
    late = Job("high", priority=Priority.HIGH)
    late.priority_time = 1000.0
    add(provider_queue, *(Job("normal") for _ in range(5)), late)
    assert taken(scope_queue, 1000.0)[0] == "high"


def test_one_read_in_128_goes_to_a_normal_job_in_any_case() -> None:
    """With a hint for each read, the others keep a share."""
    scope_queue, provider_queue = queues_of(bucket(1))
    add(provider_queue, *(Job("normal") for _ in range(100)))
    names: list[object] = []
    for second in range(5 * NORMAL_EVERY):
        add(provider_queue, Job("high", priority=Priority.HIGH))
        job = take(scope_queue, float(second))
        assert job is not None
        names.append(job.name)
    assert Counter(names)["normal"] == 5


def test_hints_give_an_owner_no_larger_share() -> None:
    """Priorities count among the jobs of one owner, whose turns stay the same."""
    scope_queue, provider_queue = queues_of()
    add(provider_queue, *(Job("hinted", "hinted", Priority.HIGH) for _ in range(50)))
    add(provider_queue, *(Job("plain", "plain") for _ in range(50)))
    assert Counter(taken(scope_queue, 0.0)[:40]) == {"hinted": 20, "plain": 20}


def test_reads_are_saved_for_the_next_hints_for_a_minute_after_a_hint() -> None:
    """A scope that has no hints spends all its reads at once."""
    scope_queue, provider_queue = queues_of(bucket(1, burst=10))
    scope_queue.note_hint(0.0)
    add(provider_queue, *(Job("normal") for _ in range(20)))
    assert taken(scope_queue, 0.0) == ["normal"] * 2
    assert scope_queue.next_s(0.0) == pytest.approx(1.0)
    assert not scope_queue.consume(Job("alone"), provider_queue, 0.0)
    add(provider_queue, *(Job("high", priority=Priority.HIGH) for _ in range(8)))
    assert taken(scope_queue, 0.0) == ["high"] * 8
    assert taken(scope_queue, 60.0) == ["normal"] * 10


def test_no_reads_are_saved_for_hints_among_several_owners() -> None:
    """Hints give an owner no larger share."""
    scope_queue, provider_queue = queues_of(bucket(1, burst=10))
    scope_queue.note_hint(0.0)
    add(provider_queue, *(Job(owner, owner) for owner in ("hinted", "other") for _ in range(20)))
    assert Counter(taken(scope_queue, 0.0)) == {"hinted": 5, "other": 5}


def test_background_jobs_leave_also_at_the_turn_of_the_normal_ones() -> None:
    scope_queue, provider_queue = queues_of()
    add(provider_queue, *(Job("background", priority=Priority.LOW) for _ in range(NORMAL_EVERY)))
    assert len(taken(scope_queue, 0.0)) == NORMAL_EVERY


def test_background_jobs_are_sent_only_with_reads_to_spare() -> None:
    """While the bucket holds at least nine tenths of its burst."""
    scope_queue, provider_queue = queues_of(bucket(1, burst=10))
    add(provider_queue, *(Job("background", priority=Priority.LOW) for _ in range(20)))
    assert len(taken(scope_queue, 0.0)) == 2
    assert scope_queue.next_s(0.0) == pytest.approx(1.0)
    add(provider_queue, *(Job("normal") for _ in range(20)))
    assert scope_queue.next_s(0.0) == 0.0
    assert set(taken(scope_queue, 0.0)) == {"normal"}


def test_one_read_in_64_goes_to_a_background_job_in_any_case() -> None:
    """The hint that it runs may be wrong, so it must not wait without limit."""
    scope_queue, provider_queue = queues_of(bucket(1))
    add(provider_queue, Job("background", priority=Priority.LOW))
    for second in range(2 * BACKGROUND_EVERY):
        add(provider_queue, Job("normal"))
        job = take(scope_queue, float(second))
        assert job is not None
        if job.name == "background":
            assert scope_queue.reads == BACKGROUND_EVERY
            return
    raise AssertionError("the background job starved")


def test_a_throttled_provider_delays_no_other() -> None:
    """Jobs of that provider wait for its own bucket, the other jobs only for the bucket of the scope."""
    scope_queue, open_queue = queues_of(bucket(10, burst=10))
    closed = bucket(1)
    closed.back_off(0.0, 100.0, 0.7)
    closed_queue: ProviderQueue[Job] = ProviderQueue(scope_queue, closed)
    add(closed_queue, Job("closed"), Job("closed", priority=Priority.LOW))
    assert scope_queue.next_s(0.0) >= 100.0
    add(open_queue, Job("open"))
    assert scope_queue.next_s(0.0) == 0.0
    assert taken(scope_queue, 0.0) == ["open"]
    assert scope_queue.next_s(0.0) >= 100.0
    assert taken(scope_queue, 110.0) == ["closed"]


def test_an_owner_with_jobs_of_two_providers_has_one_share() -> None:
    scope_queue, first = queues_of()
    second: ProviderQueue[Job] = ProviderQueue(scope_queue, None)
    for provider_queue in (first, second):
        add(provider_queue, *(Job("both", "both") for _ in range(50)))
    add(first, *(Job("one", "one") for _ in range(50)))
    assert Counter(taken(scope_queue, 0.0)[:40]) == {"both": 20, "one": 20}


def test_a_withdrawn_job_leaves_the_others_in_their_order() -> None:
    scope_queue, provider_queue = queues_of()
    jobs = [Job(name, owner=name % 2) for name in range(4)]
    add(provider_queue, *jobs)
    jobs[0].heap_entry = 0
    scope_queue.forget(provider_queue, jobs[0].priority)
    assert scope_queue.waiting == 3
    assert taken(scope_queue, 0.0) == [2, 1, 3]


def test_only_the_first_job_of_a_queue_may_change_the_next_time() -> None:
    """So a thousand arrivals cost little."""
    scope_queue, provider_queue = queues_of()
    jobs = [Job(), Job(), Job(priority=Priority.LOW)]
    assert [scope_queue.add(job, provider_queue, next(NUMBERS)) for job in jobs] == [True, False, True]


@pytest.mark.parametrize("throttled", ["scope", "provider", "low priority", None])
def test_a_job_that_is_due_alone_takes_its_tokens_directly(throttled: str | None) -> None:
    """It gets none if a bucket is empty, or if it is a background job."""
    buckets = {name: bucket(1) for name in ("scope", "provider")}
    scope_queue: ScopeQueue[Job] = ScopeQueue(SCOPE, buckets["scope"])
    provider_queue = ProviderQueue(scope_queue, buckets["provider"])
    if throttled in buckets:
        buckets[throttled].consume()
    job = Job(priority=Priority.LOW if throttled == "low priority" else Priority.NORMAL)
    assert scope_queue.consume(job, provider_queue, 0.0) is (throttled is None)
    assert scope_queue.reads == (throttled is None)
    if throttled is None:
        assert all(each.available_at(0.0) > 0.0 for each in buckets.values())


def test_the_queue_of_an_unlimited_scope_takes_a_provider_token() -> None:
    scope_queue: ScopeQueue[Job] = ScopeQueue(SCOPE, None)
    provider_queue = ProviderQueue(scope_queue, bucket(1))
    assert scope_queue.consume(Job(), provider_queue, 0.0)
    assert not scope_queue.consume(Job(), provider_queue, 0.0)


def test_without_a_bucket_background_jobs_leave_after_the_others() -> None:
    scope_queue, provider_queue = queues_of()
    add(provider_queue, Job("background", priority=Priority.LOW), Job("normal"))
    assert scope_queue.next_s(3.0) == 3.0
    assert taken(scope_queue, 3.0) == ["normal", "background"]


def test_a_queue_is_idle_once_it_is_empty_and_its_bucket_is_full() -> None:
    """Only then may it be dropped without effect on the rate."""
    scope_queue, provider_queue = queues_of(bucket(1))
    provider_queue.bucket = bucket(2)
    assert scope_queue.is_idle(0.0)
    assert provider_queue.is_idle(0.0)
    add(provider_queue, Job())
    assert not scope_queue.is_idle(0.0)
    assert not provider_queue.is_idle(0.0)
    assert taken(scope_queue, 0.0) == [None]
    assert not scope_queue.is_idle(0.1)
    assert not provider_queue.is_idle(0.1)
    assert provider_queue.is_idle(0.5)
    assert scope_queue.is_idle(1.0)
