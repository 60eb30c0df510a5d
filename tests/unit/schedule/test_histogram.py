"""`Histogram`: quantiles of durations."""

from __future__ import annotations

import random

import pytest

from azpoll.schedule.histogram import Histogram, quantile_of


def test_an_empty_histogram_has_no_quantiles() -> None:
    histogram = Histogram()
    assert histogram.quantile(0.5) is None


def test_a_quantile_of_values_is_one_of_them() -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    assert [quantile_of(values, share) for share in (0.0, 0.25, 0.26, 0.5, 1.0)] == [1.0, 1.0, 2.0, 2.0, 4.0]
    assert quantile_of([], 0.5) is None


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.99, 1.0])
def test_quantiles_are_right_within_a_bucket(share: float) -> None:
    """Buckets are 9 % wide, over seven decades."""
    draw = random.Random(1)  # noqa: S311 - reproducible
    seconds = sorted(10 ** draw.uniform(-2, 5) for _ in range(5000))
    histogram = Histogram()
    for value in seconds:
        histogram.add(value)
    found = histogram.quantile(share)
    exact = seconds[min(int(share * 5000), 4999)]
    assert found == pytest.approx(exact, rel=0.1)


def test_zero_and_negative_durations_share_the_first_bucket() -> None:
    histogram = Histogram()
    for seconds in (0.0, -5.0, 1e-9):
        histogram.add(seconds)
    assert histogram.total == 3
    assert histogram.quantile(1.0) == pytest.approx(1e-3)


def test_rounding_never_leaves_a_share_without_its_duration() -> None:
    """A share slightly above 1 is the longest duration, not an error."""
    histogram = Histogram()
    histogram.add(10.0)
    assert histogram.quantile(1.0 + 1e-9) == pytest.approx(10.0, rel=0.1)


def test_a_restored_histogram_has_the_same_quantiles_and_a_halved_one_nearly() -> None:
    """Counts are rounded up, so none is lost."""
    histogram, restored = Histogram(), Histogram()
    for seconds in (1.0, 1.0, 1.0, 1.0, 100.0):
        histogram.add(seconds)
    restored.restore(histogram.buckets())
    assert restored.total == 5
    assert [restored.quantile(share) for share in (0.5, 1.0)] == [histogram.quantile(share) for share in (0.5, 1.0)]
    restored.halve()
    assert restored.total == 3
    assert [restored.quantile(share) for share in (0.5, 1.0)] == [histogram.quantile(share) for share in (0.5, 1.0)]
