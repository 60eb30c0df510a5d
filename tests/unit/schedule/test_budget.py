"""Read budgets: the token bucket, and what the service makes of it."""

from __future__ import annotations

import math

import pytest

from azpoll.schedule.budget import DEFAULT_BACKOFF_S, Budget, Meter


def steady(rate: float = 20.0, burst: float = 125.0) -> Meter:
    """Return a meter that does not rise."""
    return Budget(rate=rate, burst=burst, rise=0.0).meter(0.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"rate": 0.0},
        {"rate": math.nan},
        {"rate": 30.0, "ceiling": 25.0},
        {"ceiling": math.inf},
        {"burst": 0.0},
        {"burst": math.inf},
        {"backoff": 1.0},
        {"backoff": 0.0},
        {"rise": -1.0},
        {"rise": math.inf},
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
    meter = steady()
    for _ in range(125):
        assert meter.ready_s(0.0) == 0.0
        meter.take()
    assert meter.ready_s(0.0) == pytest.approx(1 / 20)


def test_no_window_has_more_than_its_rate_and_the_burst() -> None:
    """Over ten minutes of reading as fast as allowed: 125 + 600 s x 25/s."""
    meter = Budget().meter(0.0)
    now_s, reads = 0.0, 0
    while (ready_s := meter.ready_s(now_s)) <= 600.0:
        now_s = max(ready_s, now_s)
        meter.take()
        reads += 1
    assert 14_900 < reads <= 125 + 600 * 25


def test_a_level_above_the_burst_is_the_burst() -> None:
    """Nobody waits for more than can be saved up."""
    meter = steady(rate=1.0, burst=2.0)
    assert meter.ready_s(0.0, 100.0) == 0.0
    meter.take()
    assert meter.ready_s(0.0, 100.0) == pytest.approx(1.0)


def test_a_long_sleep_fills_the_bucket_once() -> None:
    """After a suspend of a day there is one burst, not a day's reads (rule 37)."""
    meter = Budget().meter(0.0)
    meter.take()
    meter.ready_s(86_400.0)
    assert meter.tokens == meter.burst


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """Answers may be heard of out of order: an earlier time changes nothing."""
    meter = steady(rate=1.0, burst=1.0)
    assert meter.is_ready(10.0)
    meter.take()
    assert not meter.is_ready(10.0)
    assert meter.ready_s(5.0) == pytest.approx(6.0)
    assert meter.ready_s(10.0) == pytest.approx(11.0)


def test_the_rate_rises_while_all_is_quiet_up_to_its_ceiling() -> None:
    """Half a read per second in each second, from 20 to 25."""
    meter = Budget().meter(0.0)
    meter.ready_s(4.0)
    assert meter.rate == pytest.approx(22.0)
    meter.ready_s(100.0)
    assert meter.rate == 25.0


def test_a_429_closes_the_scope_for_its_time_and_takes_the_rate_down_once() -> None:
    """The answers of one storm count once; nothing is given out before the time told."""
    meter = steady()
    for _ in range(8):
        meter.throttled(1.0, 10.0, 0.7)
    assert meter.rate == pytest.approx(14.0)
    assert meter.ready_s(2.0) >= 11.0


def test_the_longest_time_of_a_storm_counts() -> None:
    meter = steady()
    for told_s in (10.0, 60.0, 1.0):
        meter.throttled(0.0, told_s, 0.7)
    assert meter.ready_s(0.0) >= 60.0


def test_a_429_without_a_time_closes_the_scope_for_a_while() -> None:
    meter = steady()
    meter.throttled(0.0, None, 0.7)
    assert meter.ready_s(0.0) >= DEFAULT_BACKOFF_S


def test_429s_for_ever_leave_a_rate_and_quiet_brings_it_back() -> None:
    """Never below a read per second, so that the end of the storm is found."""
    meter = Budget().meter(0.0)
    for now_s in range(0, 2000, 20):
        meter.throttled(float(now_s), 10.0, 0.7)
    assert meter.rate >= 1.0
    meter.ready_s(5000.0)
    assert meter.rate == 25.0


def test_the_rate_does_not_rise_while_the_scope_is_closed() -> None:
    meter = Budget(rise=1.0).meter(0.0)
    meter.throttled(0.0, 100.0, 0.5)
    meter.ready_s(100.0)
    assert (meter.rate, meter.tokens) == (10.0, 0.0)
    meter.ready_s(105.0)
    assert meter.rate == pytest.approx(15.0)


@pytest.mark.parametrize("reads", [0, 1, 30, 60, 10**9, 10**99])
def test_remaining_reads_only_ever_slow(reads: int) -> None:
    """A hostile or generous number never hastens a scope (T15)."""
    told, quiet = steady(burst=1.0), steady(burst=1.0)
    told.remaining(reads)
    for meter in (told, quiet):
        meter.take()
    assert math.inf > told.ready_s(0.0) >= quiet.ready_s(0.0)


def test_few_remaining_reads_slow_in_proportion_and_more_end_that() -> None:
    """With 15 left of 60 it is a quarter of the rate."""
    meter = steady(burst=1.0)
    meter.take()
    meter.remaining(15)
    assert meter.ready_s(0.0) == pytest.approx(4 / 20)
    meter.remaining(200)
    assert meter.ready_s(0.0) == pytest.approx(1 / 20)


def test_a_provider_named_in_the_budget_has_its_own_rate_in_any_case() -> None:
    """Storage grants 800 reads in five minutes; nothing is known of others."""
    budget = Budget(providers={"Microsoft.Storage": 800 / 300})
    meter = budget.provider_meter("microsoft.storage/westeurope", 0.0)
    assert meter is not None
    meter.ready_s(1000.0)
    assert meter.rate == pytest.approx(800 / 300)
    assert budget.provider_meter("microsoft.compute/westeurope", 0.0) is None


def test_a_provider_found_to_have_a_limit_rises_freely_afterwards() -> None:
    """It may grant more than a scope: Compute grants 83 reads a second."""
    meter = Budget().found_meter(0.0)
    meter.throttled(0.0, 10.0, 0.7)
    assert meter.rate == pytest.approx(17.5)
    meter.ready_s(1000.0)
    assert meter.rate > 100
