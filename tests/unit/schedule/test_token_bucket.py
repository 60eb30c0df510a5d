"""`TokenBucket`: rate, burst, and the effect of 429s and remaining reads."""

from __future__ import annotations

import math

import pytest

from azpoll.schedule.budget import Budget
from azpoll.schedule.token_bucket import DEFAULT_BACKOFF_S, RECOVERY_S, TokenBucket


def steady(rate: float = 20.0, burst: float = 125.0) -> TokenBucket:
    """Return a bucket with a constant rate."""
    return Budget(rate=rate, burst=burst, increase_per_s=0.0).bucket(0.0)


def reads_in_a_minute(bucket: TokenBucket, start_s: float) -> int:
    """Return how many tokens a bucket gives from `start_s` on if each is taken at once."""
    now_s, reads = start_s, 0
    while (now_s := bucket.available_at(now_s)) <= start_s + 60.0:
        bucket.consume()
        reads += 1
    return reads


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    """125 reads immediately; the 126th a twentieth of a second later."""
    bucket = steady()
    for _ in range(125):
        assert bucket.available_at(0.0) == 0.0
        bucket.consume()
    assert bucket.available_at(0.0) == pytest.approx(1 / 20)


def test_no_window_has_more_than_its_rate_and_the_burst() -> None:
    """Over ten minutes of reading as fast as allowed: 125 + 600 s x 25/s."""
    bucket = Budget().bucket(0.0)
    now_s, reads = 0.0, 0
    while (available_at := bucket.available_at(now_s)) <= 600.0:
        now_s = max(available_at, now_s)
        bucket.consume()
        reads += 1
    assert 14_900 < reads <= 125 + 600 * 25


def test_a_level_above_the_burst_is_the_burst() -> None:
    """No caller waits for more than can be saved up."""
    bucket = steady(rate=1.0, burst=2.0)
    assert bucket.available_at(0.0, 100.0) == 0.0
    bucket.consume()
    assert bucket.available_at(0.0, 100.0) == pytest.approx(1.0)


def test_a_long_sleep_fills_the_bucket_once() -> None:
    """After a suspend of a day there is one burst, not a day's reads (rule 37)."""
    bucket = Budget().bucket(0.0)
    bucket.consume()
    bucket.available_at(86_400.0)
    assert bucket.tokens == bucket.burst


def test_an_earlier_time_gives_no_tokens() -> None:
    """Answers may be processed out of order."""
    bucket = steady(rate=1.0, burst=1.0)
    assert bucket.available_at(10.0) == 10.0
    bucket.consume()
    assert bucket.available_at(10.0) > 10.0
    assert bucket.available_at(5.0) == pytest.approx(6.0)
    assert bucket.available_at(10.0) == pytest.approx(11.0)


def test_the_rate_rises_to_its_maximum_while_no_429_comes() -> None:
    """Half a read per second in each second, from 20 to 25."""
    bucket = Budget().bucket(0.0)
    bucket.available_at(4.0)
    assert bucket.rate == pytest.approx(22.0)
    bucket.available_at(100.0)
    assert bucket.rate == 25.0


def test_a_burst_of_429s_closes_the_bucket_and_decreases_the_rate_once() -> None:
    """No token is available before the Retry-After has passed."""
    bucket = steady()
    for _ in range(8):
        bucket.back_off(1.0, 10.0, 0.7)
    assert bucket.rate == pytest.approx(14.0)
    assert bucket.available_at(2.0) >= 11.0


def test_the_longest_retry_after_of_a_burst_counts() -> None:
    bucket = steady()
    for retry_after_s in (10.0, 60.0, 1.0):
        bucket.back_off(0.0, retry_after_s, 0.7)
    assert bucket.available_at(0.0) >= 60.0


def test_a_429_without_a_retry_after_closes_the_bucket_for_ten_seconds() -> None:
    bucket = steady()
    bucket.back_off(0.0, None, 0.7)
    assert bucket.available_at(0.0) >= DEFAULT_BACKOFF_S


def test_429s_without_end_leave_a_rate_which_recovers() -> None:
    """The rate never falls below one read per second, so that polls find the end of the throttling."""
    bucket = Budget().bucket(0.0)
    for now_s in range(0, 2000, 20):
        bucket.back_off(float(now_s), 10.0, 0.7)
    assert bucket.rate >= 1.0
    bucket.available_at(5000.0)
    assert bucket.rate == 25.0


def test_the_rate_does_not_rise_while_the_bucket_is_closed() -> None:
    bucket = Budget(increase_per_s=1.0).bucket(0.0)
    bucket.back_off(0.0, 100.0, 0.5)
    bucket.available_at(100.0)
    assert (bucket.rate, bucket.tokens) == (10.0, 0.0)
    bucket.available_at(105.0)
    assert bucket.rate == pytest.approx(15.0)


@pytest.mark.parametrize("reads", [0, 1, 30, 60, 10**9, 10**99])
def test_remaining_reads_only_ever_slow(reads: int) -> None:
    """A hostile or generous number never raises the rate (T15)."""
    limited, other = steady(burst=1.0), steady(burst=1.0)
    limited.limit_to(reads, 0.0)
    for bucket in (limited, other):
        bucket.consume()
    assert math.inf > limited.available_at(0.0) >= other.available_at(0.0)


def test_few_remaining_reads_slow_in_proportion_until_there_are_more() -> None:
    """15 remaining reads of 60 mean a quarter of the rate."""
    bucket = steady(burst=1.0)
    bucket.consume()
    bucket.limit_to(15, 0.0)
    assert bucket.available_at(0.0) == pytest.approx(4 / 20)
    bucket.limit_to(200, 0.0)
    assert bucket.available_at(0.0) == pytest.approx(1 / 20)


def test_rule_50_reads_are_short_below_half_of_the_burst() -> None:
    """From there the shortage rises evenly, to 1 without a token. A refill ends it."""
    bucket, shortages = steady(rate=10.0, burst=4.0), list[float]()
    for _ in range(4):
        shortages.append(bucket.shortage(0.0))
        bucket.consume()
    assert [*shortages, bucket.shortage(0.0)] == [0.0, 0.0, 0.0, 0.5, 1.0]
    assert bucket.shortage(0.15) == pytest.approx(0.25)
    assert bucket.shortage(1.0) == 0.0
    bucket.back_off(1.0, 10.0, 0.5)
    assert bucket.shortage(5.0) == 1.0


def test_rule_54_no_more_is_saved_up_than_the_service_has_left() -> None:
    """3 of 125 saved reads remain; the fourth comes at 3/60 of the rate."""
    bucket = steady()
    bucket.limit_to(3, 0.0)
    for _ in range(3):
        assert bucket.available_at(0.0) == 0.0
        bucket.consume()
    assert bucket.available_at(0.0) == pytest.approx(20 / 20)


def test_rule_54_an_overtaken_number_does_not_raise_the_rate() -> None:
    """30 left is older than 1 left if its request was sent before that number came."""
    bucket = steady(burst=1.0)
    bucket.consume()
    bucket.limit_to(1, 0.0, sent_s=-2.0)
    bucket.limit_to(30, 0.0, sent_s=-1.0)
    assert bucket.available_at(0.0) == pytest.approx(60 / 20)
    bucket.limit_to(30, 0.0, sent_s=0.0)
    assert bucket.available_at(0.0) == pytest.approx(2 / 20)


def test_rule_54_one_sender_cannot_slow_a_bucket_twice_in_a_row() -> None:
    """Its higher numbers count, and a lower one counts again after that of another sender."""
    bucket, hostile, other = steady(burst=1.0), object(), object()

    def wait_s(remaining: int, sender: object) -> float:
        bucket.tokens = 0.0
        bucket.limit_to(remaining, 0.0, sender=sender)
        return bucket.available_at(0.0)

    assert wait_s(30, hostile) == pytest.approx(2 / 20)
    assert wait_s(0, hostile) == pytest.approx(2 / 20)
    assert wait_s(1000, hostile) == pytest.approx(1 / 20)
    assert wait_s(0, hostile) == pytest.approx(1 / 20)
    assert wait_s(20, other) == pytest.approx(3 / 20)
    assert wait_s(15, hostile) == pytest.approx(4 / 20)


@pytest.mark.parametrize("budget", [Budget(), Budget(increase_per_s=0.0), Budget(increase_per_s=1e-9)])
@pytest.mark.parametrize("how", ["a 429", "many 429s", "no reads left"])
def test_rule_54_a_rate_is_back_at_its_maximum_within_an_hour(budget: Budget, how: str) -> None:
    """An hour after the wait of the last 429 or the last number, the bucket gives as much as one never slowed."""
    slowed, never_slowed = budget.bucket(0.0), budget.bucket(0.0)
    for _ in range(100 if how == "many 429s" else 1):
        if how == "no reads left":
            slowed.limit_to(0, 0.0)
        else:
            slowed.back_off(slowed.available_at(0.0), 0.0, 0.7)
    at_s = slowed.available_at(0.0, 0.0) + RECOVERY_S
    assert reads_in_a_minute(slowed, at_s) == reads_in_a_minute(never_slowed, at_s)


def test_rule_54_a_fixed_rate_recovers_too() -> None:
    """The rate of a provider that the budget names does not rise, but it comes back."""
    bucket = Budget(providers={"A.A": 5.0}).provider_bucket("a.a/west", 0.0)
    assert bucket is not None
    bucket.back_off(0.0, 10.0, 0.5)
    assert bucket.rate == 2.5
    bucket.available_at(RECOVERY_S)
    assert bucket.rate == 5.0


def test_rule_54_a_slow_bucket_is_not_as_good_as_new() -> None:
    """It may not be dropped for a new one."""
    bucket = steady(burst=1.0)
    bucket.limit_to(1, 0.0)
    assert not bucket.is_recovered(60.0)
    assert bucket.is_recovered(RECOVERY_S)
