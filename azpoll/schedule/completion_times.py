"""The completion times of one kind of operations: recorded ones at first, then those that were learned."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from azpoll.schedule.histogram import Histogram, bucket_of, upper_s
from azpoll.schedule.polling_schedule import SHARES, Quantiles, time_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LEAST_SAMPLES = 20
"""A kind is learned once as many operations have ended."""

MOST_SAMPLES = 1_000
"""When as many operations of a kind have ended, their counts are halved: newer operations count more."""

RECORDED_WEIGHT = 5.0
"""The recorded times of a kind count as much as five operations that ended here."""

_RECORDED_POINTS = 20


class CompletionTimes:
    """The completion times of one kind.

    Attributes:
        learned: the operations that ended here.
    """

    __slots__ = ("_learned_s", "_quantiles", "_recorded", "_shares", "_stale_at", "learned")

    def __init__(self, recorded: Quantiles) -> None:
        self.learned = Histogram()
        self._recorded = self._quantiles = recorded
        self._learned_s: list[float] = []
        self._shares: list[float] = []
        self._stale_at = 1.0

    def add(self, seconds: float) -> None:
        """Count an operation that ended `seconds` after it began."""
        self.learned.add(seconds)
        if self.learned.total >= MOST_SAMPLES:
            self.learned.halve()
            self._stale_at = 0.0

    @property
    def is_learned(self) -> bool:
        """Whether enough operations ended here to compare this kind with others."""
        return self.learned.total >= LEAST_SAMPLES

    @property
    def quantiles(self) -> Quantiles:
        """The quantiles of recorded and learned times together."""
        if self.learned.total >= self._stale_at:
            self._renew()
        return self._quantiles

    def even_delay(self, age_s: float) -> float:
        """Return the seconds in which half of the learned operations ended that ran at `age_s`; 0 if all had ended."""
        if self.learned.total >= self._stale_at:
            self._renew()
        number = bisect_right(self._learned_s, age_s)
        ended = self._shares[number - 1] if number else 0.0
        if number == len(self._learned_s):
            return 0.0
        return self._learned_s[bisect_left(self._shares, (1.0 + ended) / 2, hi=len(self._shares) - 1)] - age_s

    def _renew(self) -> None:
        """Compute all anew: at each of the first operations, then after every tenth more."""
        total = self.learned.total
        self._stale_at = 1.1 * total + 1
        buckets = self.learned.buckets()
        self._learned_s = [upper_s(bucket) for bucket, _ in buckets]
        self._shares = [passed / total for passed in accumulate(count for _, count in buckets)]
        weights = {bucket: float(count) for bucket, count in buckets}
        for number in range(_RECORDED_POINTS):
            bucket = bucket_of(time_of(self._recorded, (number + 0.5) / _RECORDED_POINTS))
            weights[bucket] = weights.get(bucket, 0.0) + RECORDED_WEIGHT / _RECORDED_POINTS
        p10, p25, p50, p75, p90 = _times_of(weights)
        self._quantiles = (p10, p25, p50, p75, p90)


def _times_of(weights: Mapping[int, float]) -> Iterator[float]:
    """Yield the time of each share in `SHARES`, of weighted buckets."""
    buckets = iter(sorted(weights))
    total, passed, bucket = sum(weights.values()), 0.0, 0
    for share in SHARES:
        while passed < share * total:
            bucket = next(buckets)
            passed += weights[bucket]
        yield upper_s(bucket)
