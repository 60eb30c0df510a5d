"""Durations of operations, learned per kind: they set the time of polls and the order of those that wait."""

from __future__ import annotations

import math

BUCKETS_PER_DOUBLING = 8
"""So a bucket of a histogram is 9 % wide."""

LEAST_S = 1e-3
"""Shorter durations share the first bucket of a histogram."""

LEAST_SAMPLES = 20
"""A kind with fewer ended operations has no learned times."""


class Histogram:
    """Counts of durations in seconds, with logarithmic buckets: small, and exact to a few per cent."""

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
        """Return the duration that `share` (0..1) of all do not exceed; None when there are none."""
        if not self.total:
            return None
        left = share * self.total
        for bucket in sorted(self._counts):
            left -= self._counts[bucket]
            if left <= 0:
                return _upper_s(bucket)
        return _upper_s(max(self._counts))

    def share_within(self, seconds: float) -> float:
        """Return the share (0..1) of durations up to `seconds`; 0 when there are none."""
        if not self.total:
            return 0.0
        last = _bucket(seconds)
        return sum(count for bucket, count in self._counts.items() if bucket <= last) / self.total


def _bucket(seconds: float) -> int:
    return 0 if seconds <= LEAST_S else math.ceil(math.log2(seconds / LEAST_S) * BUCKETS_PER_DOUBLING)


def _upper_s(bucket: int) -> float:
    return LEAST_S * math.exp2(bucket / BUCKETS_PER_DOUBLING)


class Durations:
    """Completion times by kind: provider, resource type and method. May be shared by trackers of one event loop.

    A `Tracker` with `Durations` learns the time of a poll where the service sets no delay. Due polls are ordered by
    the probability that their operation has ended. No poll is sent before the time that a service asked for.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, Histogram] = {}

    def __repr__(self) -> str:
        return f"<Durations of {len(self._kinds)} kinds>"

    def add(self, kind: str, seconds: float) -> None:
        """Record an operation that ended `seconds` after it began."""
        self._kinds.setdefault(kind, Histogram()).add(seconds)

    def wait_s(self, kind: str, age_s: float, share: float) -> float | None:
        """Return seconds until an operation that runs at `age_s` has ended with the probability `share` (0..1).

        0 for an operation that runs longer than all others of its kind did; None without enough samples.
        """
        histogram = self._kinds.get(kind)
        if histogram is None or histogram.total < LEAST_SAMPLES:
            return None
        ended = histogram.share_within(age_s)
        time_s = histogram.quantile(ended + (1 - ended) * share)
        return 0.0 if time_s is None or ended >= 1 else max(time_s - age_s, 0.0)


def operation_kind(method: str, resource_url: str) -> str:
    """Return the kind of an operation: method, provider namespace and resource types, lower case.

    `PUT https://management.azure.com/subscriptions/S/resourceGroups/G/providers/Microsoft.Sql/servers/A/databases/B`
    is `PUT microsoft.sql/servers/databases`.
    """
    _, found, rest = resource_url.partition("?")[0].lower().rpartition("/providers/")
    if not found:
        return f"{method} "
    namespace, *parts = rest.split("/")
    return f"{method} {'/'.join((namespace, *parts[::2]))}"
