"""Durations of operations by kind, learned from those that ended; they set the time and the order of polls."""

from __future__ import annotations

from azpoll.schedule.histogram import Histogram

LEAST_SAMPLES = 20
"""A kind with fewer ended operations is unknown."""

FIRST_SHARE = 0.2
"""The first poll is due when 20 % of the operations of the kind have ended."""

NEXT_SHARE = 1 / 3
"""A further poll is due when the operation has ended with this probability, given that it ran at the last poll."""

EVEN = 0.5
"""Due operations are ordered by the time at which each has ended with this probability."""


class Durations:
    """Completion times by kind: provider, resource type and method. May be shared by trackers of one event loop.

    Given to a `Tracker`, it sets the due time of polls without a Retry-After, and the order of polls that wait for a
    read. No poll is sent before the time of its Retry-After.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, Histogram] = {}

    def __repr__(self) -> str:
        """Show the number of kinds."""
        return f"<Durations of {len(self._kinds)} kinds>"

    def add(self, kind: str, seconds: float) -> None:
        """Record an operation that ended `seconds` after it began."""
        self._kinds.setdefault(kind, Histogram()).add(seconds)

    def next_wait_s(self, kind: str, age_s: float, *, first: bool) -> float | None:
        """Return seconds until the next poll of an operation that ran at `age_s`; None for an unknown kind."""
        histogram = self._kinds.get(kind)
        if histogram is None or histogram.total < LEAST_SAMPLES:
            return None
        ended = histogram.share_within(age_s)
        share = FIRST_SHARE if first else NEXT_SHARE
        when_s = histogram.quantile(ended + (1 - ended) * share)
        return None if when_s is None or ended >= 1 else max(when_s - age_s, 0.0)

    def even_s(self, kind: str, age_s: float) -> float | None:
        """Return seconds until the operation has ended with a probability of one half; None for an unknown kind."""
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
