"""Durations of operations, learned per kind: they set the time of polls and the order of those that wait."""

from __future__ import annotations

from azpoll.schedule.histogram import Histogram

LEAST_SAMPLES = 20
"""A kind with fewer ended operations has no learned times."""

FIRST_SHARE = 0.2
"""The first poll is sent when an operation of the kind has ended with this probability."""

NEXT_SHARE = 1 / 3
"""A further poll is sent when it has ended with this probability, given that it ran at the last poll."""

EVEN = 0.5
"""The due polls of an owner are ordered by the time at which each operation has ended with this probability."""


class Durations:
    """Completion times by kind: provider, resource type and method. May be shared by trackers of one event loop.

    A `Tracker` with `Durations` learns the time of a poll where the service sets no delay. Due polls are ordered by
    the probability that their operation has ended. No poll is sent before the time that a service asked for.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, Histogram] = {}

    def __repr__(self) -> str:
        """Describe the learned kinds."""
        return f"<Durations of {len(self._kinds)} kinds>"

    def add(self, kind: str, seconds: float) -> None:
        """Record an operation that ended `seconds` after it began."""
        self._kinds.setdefault(kind, Histogram()).add(seconds)

    def next_wait_s(self, kind: str, age_s: float, *, first: bool) -> float | None:
        """Return seconds until the next poll of an operation that ran at `age_s`; None without enough samples."""
        histogram = self._kinds.get(kind)
        if histogram is None or histogram.total < LEAST_SAMPLES:
            return None
        ended = histogram.share_within(age_s)
        share = FIRST_SHARE if first else NEXT_SHARE
        when_s = histogram.quantile(ended + (1 - ended) * share)
        return None if when_s is None or ended >= 1 else max(when_s - age_s, 0.0)

    def even_s(self, kind: str, age_s: float) -> float | None:
        """Return seconds until it has ended with a probability of one half; None without enough samples."""
        histogram = self._kinds.get(kind)
        if histogram is None or histogram.total < LEAST_SAMPLES:
            return None
        ended = histogram.share_within(age_s)
        when_s = histogram.quantile(ended + (1 - ended) * EVEN)
        return 0.0 if when_s is None or ended >= 1 else max(when_s - age_s, 0.0)


def operation_kind(method: str, resource_url: str) -> str:
    """Return the kind of an operation: method, provider namespace and resource types, lower case.

    `PUT https://management.azure.com/subscriptions/S/resourceGroups/G/providers/Microsoft.Sql/servers/A/databases/B`
    is `PUT microsoft.sql/servers/databases`.
    """
    path = resource_url.partition("?")[0].lower()
    _, found, rest = path.rpartition("/providers/")
    if not found:
        return f"{method} "
    namespace, *parts = rest.split("/")
    return f"{method} {'/'.join((namespace, *parts[::2]))}"
