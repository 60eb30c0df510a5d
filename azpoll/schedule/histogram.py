"""A histogram of durations with logarithmic buckets: small, mergeable, and exact to a few per cent."""

from __future__ import annotations

import math

BUCKETS_PER_DOUBLING = 8
"""Each bucket is 9 % wide."""

LEAST_S = 1e-3
"""Shorter durations share the first bucket."""


class Histogram:
    """Counts of durations in seconds."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.total = 0

    def add(self, seconds: float) -> None:
        """Count one duration; negative ones count as 0."""
        bucket = _bucket(seconds)
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.total += 1

    def quantile(self, share: float) -> float | None:
        """Return the duration that a `share` (0..1) of all durations does not exceed; None without durations."""
        if not self.total:
            return None
        left = share * self.total
        for bucket in sorted(self._counts):
            left -= self._counts[bucket]
            if left <= 0:
                return _upper_s(bucket)
        return _upper_s(max(self._counts))

    def share_within(self, seconds: float) -> float:
        """Return the share (0..1) of durations up to `seconds`; 0 without durations."""
        if not self.total:
            return 0.0
        last = _bucket(seconds)
        return sum(count for bucket, count in self._counts.items() if bucket <= last) / self.total


def _bucket(seconds: float) -> int:
    if seconds <= LEAST_S:
        return 0
    return math.ceil(math.log2(seconds / LEAST_S) * BUCKETS_PER_DOUBLING)


def _upper_s(bucket: int) -> float:
    return LEAST_S * math.exp2(bucket / BUCKETS_PER_DOUBLING)
