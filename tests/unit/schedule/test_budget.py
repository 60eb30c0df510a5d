"""Read budgets: the token bucket, and what the service makes of it."""

from __future__ import annotations

import math

import pytest

from azpoll.schedule.budget import DEFAULT_BACKOFF_S, Budget, TokenBucket


def steady(rate: float = 20.0, burst: float = 125.0) -> TokenBucket:
    """Return a meter that does not rise."""
    return Budget(rate=rate, burst=burst, increase_per_s=0.0).bucket(0.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"rate": 0.0},
        {"rate": math.nan},
        {"rate": 30.0, "max_rate": 25.0},
        {"max_rate": math.inf},
        {"burst": 0.0},
        {"burst": math.inf},
        {"decrease_factor": 1.0},
        {"decrease_factor": 0.0},
        {"increase_per_s": -1.0},
        {"increase_per_s": math.inf},
        {"providers": {"Microsoft.Storage": 0.0}},
        {"write_rate": 0.0},
        {"write_rate": math.inf},
        {"write_burst": 0.0},
    ],
)
def test_a_budget_that_can_never_be_right_is_refused(settings: dict[str, float]) -> None:
    """Rates above 0, rate <= ceiling, a burst of 1 or more, a backoff between 0 and 1."""
    with pytest.raises(ValueError, match="a budget needs"):
        Budget(**settings)  # type: ignore[arg-type]  # wrong on purpose


def test_a_budget_made_of_another_is_checked_too() -> None:
    assert Budget()._replace(burst=3.0) == Budget(burst=3.0)
    with pytest.raises(ValueError, match="rates above 0"):
        Budget()._replace(rate=-1.0)


def test_a_meter_gives_its_burst_at_once_and_then_its_rate() -> None:
    """125 reads at once; the 126th a twentieth of a second later."""
    bucket = steady()
    for _ in range(125):
        assert bucket.available_at(0.0) == 0.0
        bucket.take()
    assert bucket.available_at(0.0) == pytest.approx(1 / 20)


def test_no_window_has_more_than_its_rate_and_the_burst() -> None:
    """Over ten minutes of reading as fast as allowed: 125 + 600 s x 25/s."""
    bucket = Budget().bucket(0.0)
    now_s, reads = 0.0, 0
    while (available_at := bucket.available_at(now_s)) <= 600.0:
        now_s = max(available_at, now_s)
        bucket.take()
        reads += 1
    assert 14_900 < reads <= 125 + 600 * 25


def test_a_level_above_the_burst_is_the_burst() -> None:
    """Nobody waits for more than can be saved up."""
    bucket = steady(rate=1.0, burst=2.0)
    assert bucket.available_at(0.0, 100.0) == 0.0
    bucket.take()
    assert bucket.available_at(0.0, 100.0) == pytest.approx(1.0)


def test_a_long_sleep_fills_the_bucket_once() -> None:
    """After a suspend of a day there is one burst, not a day's reads (rule 37)."""
    bucket = Budget().bucket(0.0)
    bucket.take()
    bucket.available_at(86_400.0)
    assert bucket.tokens == bucket.burst


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """Answers may be heard of out of order: an earlier time changes nothing."""
    bucket = steady(rate=1.0, burst=1.0)
    assert bucket.is_ready(10.0)
    bucket.take()
    assert not bucket.is_ready(10.0)
    assert bucket.available_at(5.0) == pytest.approx(6.0)
    assert bucket.available_at(10.0) == pytest.approx(11.0)


def test_the_rate_rises_while_all_is_quiet_up_to_its_ceiling() -> None:
    """Half a read per second in each second, from 20 to 25."""
    bucket = Budget().bucket(0.0)
    bucket.available_at(4.0)
    assert bucket.rate == pytest.approx(22.0)
    bucket.available_at(100.0)
    assert bucket.rate == 25.0


def test_a_429_closes_the_scope_for_its_time_and_takes_the_rate_down_once() -> None:
    """The answers of one storm count once; nothing is given out before the time told."""
    bucket = steady()
    for _ in range(8):
        bucket.throttled(1.0, 10.0, 0.7)
    assert bucket.rate == pytest.approx(14.0)
    assert bucket.available_at(2.0) >= 11.0


def test_the_longest_time_of_a_storm_counts() -> None:
    bucket = steady()
    for told_s in (10.0, 60.0, 1.0):
        bucket.throttled(0.0, told_s, 0.7)
    assert bucket.available_at(0.0) >= 60.0


def test_a_429_without_a_time_closes_the_scope_for_a_while() -> None:
    bucket = steady()
    bucket.throttled(0.0, None, 0.7)
    assert bucket.available_at(0.0) >= DEFAULT_BACKOFF_S


def test_429s_for_ever_leave_a_rate_and_quiet_brings_it_back() -> None:
    """Never below a read per second, so that the end of the storm is found."""
    bucket = Budget().bucket(0.0)
    for now_s in range(0, 2000, 20):
        bucket.throttled(float(now_s), 10.0, 0.7)
    assert bucket.rate >= 1.0
    bucket.available_at(5000.0)
    assert bucket.rate == 25.0


def test_the_rate_does_not_rise_while_the_scope_is_closed() -> None:
    bucket = Budget(increase_per_s=1.0).bucket(0.0)
    bucket.throttled(0.0, 100.0, 0.5)
    bucket.available_at(100.0)
    assert (bucket.rate, bucket.tokens) == (10.0, 0.0)
    bucket.available_at(105.0)
    assert bucket.rate == pytest.approx(15.0)


@pytest.mark.parametrize("reads", [0, 1, 30, 60, 10**9, 10**99])
def test_remaining_reads_only_ever_slow(reads: int) -> None:
    """A hostile or generous number never hastens a scope (T15)."""
    told, quiet = steady(burst=1.0), steady(burst=1.0)
    told.remaining(reads)
    for bucket in (told, quiet):
        bucket.take()
    assert math.inf > told.available_at(0.0) >= quiet.available_at(0.0)


def test_few_remaining_reads_slow_in_proportion_and_more_end_that() -> None:
    """With 15 left of 60 it is a quarter of the rate."""
    bucket = steady(burst=1.0)
    bucket.take()
    bucket.remaining(15)
    assert bucket.available_at(0.0) == pytest.approx(4 / 20)
    bucket.remaining(200)
    assert bucket.available_at(0.0) == pytest.approx(1 / 20)


def test_a_provider_named_in_the_budget_has_its_own_rate_in_any_case() -> None:
    """Storage grants 800 reads in five minutes; nothing is known of others."""
    budget = Budget(providers={"Microsoft.Storage": 800 / 300})
    bucket = budget.provider_bucket("microsoft.storage/westeurope", 0.0)
    assert bucket is not None
    bucket.available_at(1000.0)
    assert bucket.rate == pytest.approx(800 / 300)
    assert budget.provider_bucket("microsoft.compute/westeurope", 0.0) is None


def test_a_provider_found_to_have_a_limit_rises_freely_afterwards() -> None:
    """It may grant more than a scope: Compute grants 83 reads a second."""
    bucket = Budget().discovered_bucket(0.0)
    bucket.throttled(0.0, 10.0, 0.7)
    assert bucket.rate == pytest.approx(17.5)
    bucket.available_at(1000.0)
    assert bucket.rate > 100
