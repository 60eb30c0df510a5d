"""Read budgets: the token bucket, and what the service makes of it."""

from __future__ import annotations

import math

import pytest

from azpoll.schedule.budget import Budget


@pytest.mark.parametrize(
    "settings",
    [
        {"rate": 0.0},
        {"rate": math.nan},
        {"rate": 30.0, "ceiling": 25.0},
        {"burst": 0.0},
        {"backoff": 1.0},
        {"rise": -1.0},
        {"providers": {"Microsoft.Storage": 0.0}},
    ],
)
def test_a_budget_that_can_never_be_right_is_refused(settings: dict[str, float]) -> None:
    """Rates above 0, rate <= ceiling, a burst of 1 or more, a backoff between 0 and 1."""
    with pytest.raises(ValueError, match="a budget needs"):
        Budget(**settings)  # type: ignore[arg-type]  # wrong on purpose


def test_a_meter_gives_its_burst_at_once_and_then_its_rate() -> None:
    """125 reads at once; the 126th a twentieth of a second later."""
    meter = Budget(rise=0.0).meter(0.0)
    for _ in range(125):
        assert meter.ready_s(0.0) == 0.0
        meter.take(0.0)
    assert meter.ready_s(0.0) == pytest.approx(1 / 20)


def test_a_long_sleep_fills_the_bucket_once() -> None:
    """After a suspend of a day there is one burst, not a day's reads (rule 37)."""
    meter = Budget().meter(0.0)
    meter.take(0.0)
    meter.ready_s(86_400.0)
    assert meter.tokens == meter.burst


def test_the_rate_rises_while_all_is_quiet_up_to_its_ceiling() -> None:
    """Half a read per second in each second, from 20 to 25."""
    meter = Budget().meter(0.0)
    meter.ready_s(4.0)
    assert meter.rate == pytest.approx(22.0)
    meter.ready_s(100.0)
    assert meter.rate == 25.0


def test_a_429_closes_the_scope_for_its_time_and_takes_the_rate_down_once() -> None:
    """The answers of one storm count once; nothing is given out before the time told."""
    meter = Budget(rise=0.0).meter(0.0)
    for _ in range(8):
        meter.throttled(1.0, 10.0, 0.7)
    assert meter.rate == pytest.approx(14.0)
    assert meter.ready_s(2.0) >= 11.0


@pytest.mark.parametrize("reads", [0, 1, 30, 60, 10**9])
def test_remaining_reads_only_ever_slow(reads: int) -> None:
    """A hostile or generous number never hastens a scope (T15)."""
    told, quiet = Budget(rise=0.0, burst=1.0).meter(0.0), Budget(rise=0.0, burst=1.0).meter(0.0)
    told.remaining(reads)
    for meter in (told, quiet):
        meter.take(0.0)
    assert told.ready_s(0.0) >= quiet.ready_s(0.0)


def test_a_provider_named_in_the_budget_has_its_own_rate_in_any_case() -> None:
    """Storage grants 800 reads in five minutes."""
    budget = Budget(providers={"Microsoft.Storage": 800 / 300})
    assert budget.provider_meter("microsoft.storage/westeurope", 0.0).rate == pytest.approx(800 / 300)
    assert budget.provider_meter("microsoft.compute/westeurope", 0.0).rate == 25.0
