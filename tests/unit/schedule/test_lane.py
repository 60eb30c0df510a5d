"""The lane of one scope: the reads of its meters, turns of owners, ranks."""

from __future__ import annotations

import math
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

import pytest

from azpoll.schedule.budget import Budget
from azpoll.schedule.scope import Scope
from azpoll.schedule.scope_queue import COVERED_EVERY, HEAD_START_S, Priority, ProviderQueue, ScopeQueue

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azpoll.schedule.budget import TokenBucket

SCOPE = Scope("https://host", "s", "")
NUMBERS = count(1)


class Job:
    """A due job."""

    def __init__(self, name: object = None, owner: Hashable = None, priority: Priority = Priority.NORMAL) -> None:
        self.name = name
        self.heap_entry = 0
        self.due_s = 0.0
        self.priority_time = 0.0
        self.priority = priority
        self.owner = owner


def bucket(rate: float, burst: float = 1.0) -> TokenBucket:
    return Budget(rate=rate, max_rate=rate, burst=burst, increase_per_s=0.0).bucket(0.0)


def lane_of(gives: TokenBucket | None = None) -> tuple[ScopeQueue[Job], ProviderQueue[Job]]:
    scope_queue: ScopeQueue[Job] = ScopeQueue(SCOPE, gives)
    return scope_queue, ProviderQueue(scope_queue, "", None)


def add(provider_queue: ProviderQueue[Job], *jobs: Job) -> None:
    for job in jobs:
        provider_queue.scope_queue.add(job, provider_queue, next(NUMBERS))


def taken(scope_queue: ScopeQueue[Job], now_s: float) -> list[object]:
    names: list[object] = []
    while (job := scope_queue.take(now_s)) is not None:
        assert job.heap_entry == 0
        names.append(job.name)
    return names


def test_an_empty_lane_gives_nothing_ever() -> None:
    scope_queue, _ = lane_of(bucket(1))
    assert scope_queue.take(1e9) is None
    assert scope_queue.next_s(0.0) == math.inf


def test_without_a_meter_all_leave_at_once_in_their_order() -> None:
    scope_queue, provider_queue = lane_of()
    jobs = [Job(name) for name in range(5)]
    jobs[3].priority_time = -1.0
    add(provider_queue, *jobs)
    assert (scope_queue.waiting, scope_queue.next_s(7.0)) == (5, 7.0)
    assert taken(scope_queue, 7.0) == [3, 0, 1, 2, 4]
    assert (scope_queue.waiting, scope_queue.reads) == (0, 5)
    assert scope_queue.lateness.quantile(0.5) == pytest.approx(7, rel=0.1)


def test_reads_are_given_at_the_rate_of_the_meter() -> None:
    """Two a second, and the lane says when the next one is."""
    scope_queue, provider_queue = lane_of(bucket(2))
    add(provider_queue, *(Job(name) for name in range(4)))
    assert taken(scope_queue, 0.0) == [0]
    assert scope_queue.next_s(0.0) == pytest.approx(0.5)
    assert taken(scope_queue, 0.4) == []
    assert taken(scope_queue, 0.5) == [1]
    assert taken(scope_queue, 1.0) == [2]


def test_owners_of_1_10_and_100_jobs_share_the_reads_evenly() -> None:
    """Each is within 10 % of its share for as long as it has jobs; the small ones are done first."""
    scope_queue, provider_queue = lane_of()
    for owner, jobs in (("large", 1000), ("middle", 100), ("small", 10)):
        add(provider_queue, *(Job(owner, owner) for _ in range(jobs)))
    names = taken(scope_queue, 0.0)
    assert Counter(names[:30]) == {"large": 10, "middle": 10, "small": 10}
    shares = Counter(names[30:210])
    assert shares["large"] == pytest.approx(90, rel=0.1)
    assert shares["middle"] == pytest.approx(90, rel=0.1)
    assert set(names[210:]) == {"large"}


def test_an_owner_that_comes_and_goes_gets_no_more_than_its_share() -> None:
    """Arriving with one job at a time is not a way to the front."""
    scope_queue, provider_queue = lane_of()
    add(provider_queue, *(Job(owner, owner) for owner in "abcd" for _ in range(100)))
    names: list[object] = []
    for _ in range(100):
        add(provider_queue, Job("guest", "guest"))
        job = scope_queue.take(0.0)
        assert job is not None
        names.append(job.name)
    assert Counter(names)["guest"] == pytest.approx(20, abs=2)


def test_hinted_jobs_come_first() -> None:
    scope_queue, provider_queue = lane_of()
    add(provider_queue, Job("plain"), Job("hinted", priority=Priority.HIGH))
    assert taken(scope_queue, 0.0) == ["hinted", "plain"]


def test_hinted_jobs_hold_nobody_up_for_ever() -> None:
    """With a hint for every read there is, a plain job is asked after a minute all the same."""
    scope_queue, provider_queue = lane_of(bucket(1))
    add(provider_queue, Job("plain"))
    for second in range(200):
        hinted = Job("hinted", priority=Priority.HIGH)
        hinted.priority_time = float(second)
        add(provider_queue, hinted)
        job = scope_queue.take(float(second))
        assert job is not None
        if job.name == "plain":
            assert second == pytest.approx(HEAD_START_S, abs=2)
            return
    raise AssertionError("the plain job starved")


def test_covered_jobs_are_asked_with_reads_to_spare_alone() -> None:
    """Only while the meter holds half its burst."""
    scope_queue, provider_queue = lane_of(bucket(1, burst=10))
    add(provider_queue, *(Job("covered", priority=Priority.LOW) for _ in range(20)))
    assert len(taken(scope_queue, 0.0)) == 6
    assert scope_queue.next_s(0.0) == pytest.approx(1.0)
    add(provider_queue, *(Job("plain") for _ in range(20)))
    assert scope_queue.next_s(0.0) == 0.0
    assert set(taken(scope_queue, 0.0)) == {"plain"}


def test_one_read_in_many_goes_to_a_covered_job_all_the_same() -> None:
    """What covers it may be wrong: it must not wait for ever behind those that are not."""
    scope_queue, provider_queue = lane_of(bucket(1))
    add(provider_queue, Job("covered", priority=Priority.LOW))
    for second in range(2 * COVERED_EVERY):
        add(provider_queue, Job("plain"))
        job = scope_queue.take(float(second))
        assert job is not None
        if job.name == "covered":
            assert scope_queue.reads == COVERED_EVERY
            return
    raise AssertionError("the covered job starved")


def test_a_provider_that_is_closed_delays_no_other() -> None:
    """The sub-scope's jobs wait for its own meter, the rest of the scope for the scope's."""
    scope_queue, open_place = lane_of(bucket(10, burst=10))
    closed = bucket(1)
    closed.throttled(0.0, 100.0, 0.7)
    closed_place: ProviderQueue[Job] = ProviderQueue(scope_queue, "microsoft.x/", closed)
    add(closed_place, Job("closed"), Job("closed", priority=Priority.LOW))
    assert scope_queue.next_s(0.0) >= 100.0
    add(open_place, Job("open"))
    assert scope_queue.next_s(0.0) == 0.0
    assert taken(scope_queue, 0.0) == ["open"]
    assert scope_queue.next_s(0.0) >= 100.0
    assert taken(scope_queue, 110.0) == ["closed"]


def test_an_owner_with_jobs_of_two_providers_has_one_share() -> None:
    scope_queue, first = lane_of()
    second: ProviderQueue[Job] = ProviderQueue(scope_queue, "microsoft.x/", None)
    for provider_queue in (first, second):
        add(provider_queue, *(Job("both", "both") for _ in range(50)))
    add(first, *(Job("one", "one") for _ in range(50)))
    assert Counter(taken(scope_queue, 0.0)[:40]) == {"both": 20, "one": 20}


def test_a_job_that_is_withdrawn_leaves_the_rest_as_they_were() -> None:
    scope_queue, provider_queue = lane_of()
    jobs = [Job(name, owner=name % 2) for name in range(4)]
    add(provider_queue, *jobs)
    jobs[0].heap_entry = 0
    scope_queue.withdraw(jobs[0], provider_queue, jobs[0].priority)
    assert scope_queue.waiting == 3
    assert taken(scope_queue, 0.0) == [2, 1, 3]


def test_a_lane_tells_when_an_arrival_may_change_its_next_time() -> None:
    """Only the first job of a kind at a place can: so a thousand arrivals cost little."""
    scope_queue, provider_queue = lane_of()
    jobs = [Job(), Job(), Job(priority=Priority.LOW)]
    assert [scope_queue.add(job, provider_queue, next(NUMBERS)) for job in jobs] == [True, False, True]
