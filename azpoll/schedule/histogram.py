"""Histograms of durations with logarithmic buckets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BUCKETS_PER_DOUBLING = 8
"""So a bucket of a histogram is 9 % wide."""

LEAST_S = 1e-3
"""Shorter durations share the first bucket of a histogram."""


def quantile_of(ascending: Sequence[float], share: float) -> float | None:
    """Return the least value that `share` (0..1) of the values do not exceed; None if there are none."""
    return ascending[max(math.ceil(share * len(ascending)) - 1, 0)] if ascending else None


class Histogram:
    """Counts of durations in seconds, with logarithmic buckets: small, and exact to a few per cent."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.total = 0

    def add(self, seconds: float) -> None:
        """Count one duration; negative ones count as 0."""
        bucket = 0 if seconds <= LEAST_S else bucket_of(seconds)
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.total += 1

    def remove(self, seconds: float) -> None:
        """Count one duration no longer, which `add` has counted."""
        bucket = bucket_of(seconds)
        self._counts[bucket] -= 1
        self.total -= 1

    def quantile(self, share: float) -> float | None:
        """Return the duration that `share` (0..1) of all do not exceed; None when there are none."""
        if not self.total:
            return None
        left = share * self.total
        for bucket in sorted(self._counts):
            left -= self._counts[bucket]
            if left <= 0:
                return upper_s(bucket)
        return upper_s(max(self._counts))

    def buckets(self) -> list[tuple[int, int]]:
        """Return each bucket and its count, in the order of the buckets."""
        return sorted(self._counts.items())

    def restore(self, buckets: Iterable[tuple[int, int]]) -> None:
        """Replace all counts by those that `buckets` returned."""
        self._counts = dict(buckets)
        self.total = sum(self._counts.values())

    def halve(self) -> None:
        """Halve each count, rounded up."""
        self.restore([(bucket, (count + 1) // 2) for bucket, count in self._counts.items()])


def bucket_of(seconds: float) -> int:
    """Return the number of the bucket of a duration."""
    return 0 if seconds <= LEAST_S else math.ceil(math.log2(seconds / LEAST_S) * BUCKETS_PER_DOUBLING)


def upper_s(bucket: int) -> float:
    """Return the longest duration of a bucket in seconds."""
    return LEAST_S * math.exp2(bucket / BUCKETS_PER_DOUBLING)
