"""`Budget`: its settings, and the buckets it makes."""

from __future__ import annotations

import math

import pytest

from azpoll.schedule.budget import Budget


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
def test_a_budget_with_a_setting_out_of_range_is_rejected(settings: dict[str, float]) -> None:
    """Rates above 0, rate <= max_rate, a burst of 1 or more, a decrease_factor between 0 and 1."""
    with pytest.raises(ValueError, match="a budget needs"):
        Budget(**settings)  # type: ignore[arg-type]  # - wrong type on purpose


def test_a_source_of_a_budget_has_the_methods_of_a_token_source() -> None:
    with pytest.raises(TypeError, match="must have lease, back_off, limit, which int lacks"):
        Budget(source=5)  # type: ignore[arg-type]  # - wrong type on purpose


def test_replace_checks_the_settings() -> None:
    assert Budget()._replace(burst=3.0) == Budget(burst=3.0)
    with pytest.raises(ValueError, match="rates above 0"):
        Budget()._replace(rate=-1.0)


def test_a_provider_in_the_budget_has_a_fixed_rate() -> None:
    """Storage grants 800 reads in five minutes. Other providers have no bucket. Case does not matter."""
    budget = Budget(providers={"Microsoft.Storage": 800 / 300})
    bucket = budget.provider_bucket("microsoft.storage/westeurope", 0.0)
    assert bucket is not None
    bucket.available_at(1000.0)
    assert bucket.rate == pytest.approx(800 / 300)
    assert budget.provider_bucket("microsoft.compute/westeurope", 0.0) is None


def test_a_provider_whose_limit_shows_starts_at_the_maximum_of_its_scope() -> None:
    """It is slowed by its own limit alone, and recovers to the rate at which the scope's bucket is the limit."""
    bucket = Budget().discovered_bucket(0.0)
    bucket.back_off(0.0, 10.0, 0.7)
    assert bucket.rate == pytest.approx(17.5)
    bucket.available_at(1000.0)
    assert bucket.rate == 25.0


def test_writes_have_a_constant_rate_and_no_provider_limits() -> None:
    """The budget of initial requests is made of `write_rate` and `write_burst`."""
    writes = Budget(write_rate=3.0, write_burst=7.0, providers={"Microsoft.Storage": 1.0}).of_writes()
    assert writes is not None
    assert (writes.rate, writes.max_rate, writes.burst, dict(writes.providers)) == (3.0, 3.0, 7.0, {})
    assert Budget(write_rate=None).of_writes() is None
