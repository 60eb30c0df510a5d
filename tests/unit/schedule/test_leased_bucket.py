"""`LeasedBucket`: several processes share one bucket, whose tokens they lease."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from azpoll.schedule.budget import Budget
from azpoll.schedule.leased_bucket import LEASE_VALID_S, LeasedBucket, SharedBucket, TokenGrant
from azpoll.schedule.token_bucket import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable

READS = SharedBucket("reads https://management.azure.com s", 25.0, 25.0, 125.0, 0.0)


class OneBucket:
    """A source with one bucket, which answers immediately, or later while it `is_slow`."""

    def __init__(self) -> None:
        self.bucket = TokenBucket(25.0, 25.0, 125.0, 0.0, 0.0)
        self.now_s = 0.0
        self.is_slow = False
        self.waiting: list[tuple[int, Callable[[TokenGrant], object]]] = []
        self.calls: list[tuple[str, float, float]] = []
        self.wanted: list[int] = []

    def lease(self, bucket: SharedBucket, wanted: int, granted: Callable[[TokenGrant], object]) -> None:
        assert bucket == READS
        self.wanted.append(wanted)
        self.waiting.append((wanted, granted))
        if not self.is_slow:
            self.answer()

    def answer(self) -> None:
        for wanted, granted in self.waiting:
            at_s = self.bucket.available_at(self.now_s)
            tokens = min(wanted, int(self.bucket.tokens)) if at_s <= self.now_s else 0
            self.bucket.tokens -= tokens
            granted(TokenGrant(tokens, max(at_s - self.now_s, 0.04), self.bucket.tokens, 25.0))
        self.waiting.clear()

    def back_off(self, bucket: SharedBucket, wait_s: float, decrease_factor: float) -> None:
        assert bucket == READS
        self.calls.append(("back_off", wait_s, decrease_factor))

    def limit(self, bucket: SharedBucket, remaining: int, scarcity: float) -> None:
        assert bucket == READS
        self.calls.append(("limit", remaining, scarcity))


@pytest.fixture
def source() -> OneBucket:
    return OneBucket()


def read_all(source: OneBucket, buckets: list[LeasedBucket], until_s: float, step_s: float = 0.01) -> list[float]:
    """Return the times of all reads if each process reads as fast as it may."""
    times: list[float] = []
    for number in range(round(until_s / step_s)):
        source.now_s = now_s = number * step_s
        for bucket in buckets:
            while bucket.available_at(now_s) <= now_s:
                bucket.consume()
                times.append(now_s)
    return times


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_processes_together_have_the_burst_and_the_rate(source: OneBucket, processes: int) -> None:
    """In no window are there more than the burst, 25 reads per second, and the tokens that were just leased."""
    times = read_all(source, [LeasedBucket(source, READS, 0.0) for _ in range(processes)], 60.0)
    assert 0.95 * (125 + 60 * 25) <= len(times) <= 125 + 60 * 25
    later = [at_s for at_s in times if at_s >= 20.0]
    assert len(later) <= 40 * 25 + 20 * processes


def test_reads_are_shared_between_the_processes(source: OneBucket) -> None:
    buckets = [LeasedBucket(source, READS, 0.0) for _ in range(4)]
    counts, order = [0] * 4, random.Random(1)  # noqa: S311 - not for secrets
    for number in range(6000):
        source.now_s = now_s = number * 0.01
        for index in order.sample(range(4), 4):
            if buckets[index].available_at(now_s) <= now_s:
                buckets[index].consume()
                counts[index] += 1
    assert min(counts) > 0.5 * max(counts)


def test_a_lease_grows_while_tokens_are_consumed_in_time(source: OneBucket) -> None:
    read_all(source, [LeasedBucket(source, READS, 0.0)], 0.02)
    assert source.wanted[:5] == [2, 4, 8, 16, 20]
    assert max(source.wanted) == 20


def test_tokens_that_are_not_consumed_are_dropped(source: OneBucket) -> None:
    bucket = LeasedBucket(source, READS, 0.0)
    assert bucket.available_at(0.0) == 0.0
    assert bucket.tokens == 2
    assert bucket.shortage(LEASE_VALID_S) == 0.0
    source.is_slow = True
    assert bucket.available_at(LEASE_VALID_S) > LEASE_VALID_S
    assert bucket.tokens == 0


def test_there_is_no_token_before_the_source_answers(source: OneBucket) -> None:
    """The scheduler checks again after milliseconds, then ever later."""
    source.is_slow = True
    bucket = LeasedBucket(source, READS, 0.0)
    assert 0.0 < bucket.available_at(0.0) <= 0.005
    assert bucket.available_at(10.0) == pytest.approx(15.0)
    assert source.wanted == [2]
    source.answer()
    assert bucket.available_at(10.0) > 10.0  # the tokens of a lease that was asked for 10 s ago are too old
    source.answer()
    assert bucket.available_at(10.0) == 10.0


def test_an_empty_source_is_not_asked_before_its_time(source: OneBucket) -> None:
    source.bucket.tokens = 0.0
    bucket = LeasedBucket(source, READS, 0.0)
    assert bucket.available_at(0.0) == pytest.approx(0.04)
    assert bucket.available_at(0.01) == pytest.approx(0.04)
    assert len(source.wanted) == 1


def test_a_429_closes_here_and_in_the_source(source: OneBucket) -> None:
    bucket = LeasedBucket(source, READS, 0.0)
    bucket.available_at(0.0)
    bucket.back_off(1.0, 30.0, 0.7)
    assert bucket.available_at(1.0) == 31.0
    assert source.calls == [("back_off", 30.0, 0.7)]
    assert bucket.tokens == 0
    assert bucket.shortage(1.0) == 1.0


def test_tokens_that_were_asked_for_before_a_429_do_not_count(source: OneBucket) -> None:
    source.is_slow = True
    bucket = LeasedBucket(source, READS, 0.0)
    bucket.available_at(0.0)
    bucket.back_off(0.1, 5.0, 0.7)
    source.answer()
    assert bucket.tokens == 0


def test_few_remaining_reads_are_reported_once_a_second(source: OneBucket) -> None:
    bucket = LeasedBucket(source, READS, 0.0)
    for tenth in range(21):
        bucket.limit_to(30, tenth / 10)
    bucket.limit_to(200, 3.5)
    bucket.limit_to(200, 5.0)
    assert source.calls == [*[("limit", 30, 0.5)] * 3, ("limit", 200, 1.0)]


def test_a_number_that_does_not_count_is_not_reported(source: OneBucket) -> None:
    """One sender cannot slow the bucket twice in a row (threat T15)."""
    bucket, sender = LeasedBucket(source, READS, 0.0), object()
    bucket.limit_to(30, 1.0, sender=sender)
    bucket.limit_to(20, 3.0, sender=sender)
    assert source.calls == [("limit", 30, 0.5)]


def test_background_requests_wait_for_tokens_to_spare(source: OneBucket) -> None:
    """A level is that of the shared bucket: 62.5 of 125 tokens."""
    source.bucket.tokens = 20.0
    bucket = LeasedBucket(source, READS, 0.0)
    assert bucket.available_at(0.0) == 0.0
    assert bucket.available_at(0.0, 62.5) == pytest.approx((62.5 - 18) / 25)


def test_a_bucket_is_kept_while_it_knows_more_than_a_new_one(source: OneBucket) -> None:
    bucket = LeasedBucket(source, READS, 0.0)
    assert bucket.is_recovered(0.0)
    bucket.back_off(0.0, 5.0, 0.7)
    assert not bucket.is_recovered(4.9)
    assert bucket.is_recovered(5.0)


def test_a_budget_with_a_source_makes_leased_buckets(source: OneBucket) -> None:
    """Initial requests too, and the fixed rates of providers; limits that an answer shows stay local."""
    budget = Budget(rate=25.0, increase_per_s=0.0, providers={"Microsoft.Storage": 2.0}, source=source)
    writes = budget.of_writes()
    assert writes is not None
    assert isinstance(budget.bucket(0.0, READS.name), LeasedBucket)
    assert isinstance(writes.bucket(0.0, "writes s"), LeasedBucket)
    assert isinstance(budget.provider_bucket("microsoft.storage/westeurope", 0.0, "reads s"), LeasedBucket)
    assert type(budget.discovered_bucket(0.0)) is TokenBucket
    assert type(Budget().bucket(0.0)) is TokenBucket


def test_one_operation_that_always_gets_a_429_closes_the_bucket_briefly(source: OneBucket) -> None:
    """The second time in a row it closes it for a minute at most, as in `TokenBucket`."""
    bucket = LeasedBucket(source, READS, 0.0)
    bucket.back_off(0.0, 600.0, 0.7, 1)
    bucket.back_off(600.0, 600.0, 0.7, 1)
    assert source.calls == [("back_off", 600.0, 0.7), ("back_off", 60.0, 0.7)]
