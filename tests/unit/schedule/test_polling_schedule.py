"""The checking schedule: delays and orders from five quantiles."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.schedule.polling_schedule import HAZARDS, SHARES, Quantiles, checking_delay, time_of

ALL: Quantiles = (0.3, 1.9, 10.0, 66.0, 270.0)

TIMES = st.lists(st.floats(0.001, 1e6), min_size=5, max_size=5).map(lambda times: tuple(sorted(times)))


@pytest.mark.parametrize(
    ("age_s", "price_s", "delay_s"),
    [
        (0.0, 1.0, math.sqrt(2 * 0.3 / 0.105)),
        (0.3, 1.0, math.sqrt(2 * 1.6 / 0.182)),
        (5.0, 1.0, math.sqrt(2 * 8.1 / 0.405)),
        (5.0, 4.0, 2 * math.sqrt(2 * 8.1 / 0.405)),
        (66.0, 1.0, math.sqrt(2 * 204 / 0.916)),
        (269.0, 100.0, 1.0),
        (270.0, 1.0, math.sqrt(540)),
        (0.0, 1e6, 66.0),
        (5.0, 1e6, 265.0),
    ],
)
def test_rule_50_the_delay_balances_detection_against_polls(age_s: float, price_s: float, delay_s: float) -> None:
    """The last three rows: the tail has the hazard 1 / age, and no delay goes further than three quantiles ahead."""
    assert checking_delay(ALL, age_s, price_s) == pytest.approx(delay_s)


def test_the_hazards_are_those_of_the_shares() -> None:
    before = 0.0
    for share, hazard in zip(SHARES, HAZARDS, strict=True):
        assert hazard == pytest.approx(math.log((1 - before) / (1 - share)), abs=6e-4)
        before = share


@given(TIMES, st.floats(0, 1e7), st.floats(0.001, 1e4))
def test_rule_50_each_delay_is_finite_and_positive(times: Quantiles, age_s: float, price_s: float) -> None:
    """Also where quantiles are equal; the age is 0 only before the first of them."""
    assert 0 < checking_delay(times, age_s, price_s) < math.inf


def test_times_between_and_beyond_the_quantiles_are_log_linear() -> None:
    for share, time_s in zip(SHARES, ALL, strict=True):
        assert time_of(ALL, share) == pytest.approx(time_s)
    assert time_of(ALL, 0.625) == pytest.approx(math.sqrt(10 * 66))
    assert time_of(ALL, 0.975) == pytest.approx(270 * math.sqrt(270 / 66))
    assert time_of(ALL, 0.025) == pytest.approx(0.3 * math.sqrt(0.3 / 1.9))
