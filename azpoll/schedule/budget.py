"""Budgets: how many reads and writes per second a scope is given, and the meter that gives them out."""

# Without `from __future__ import annotations`: a NamedTuple would compile each of its own when it is imported.

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

SCARCE_READS = 60
"""Below this many remaining reads a scope slows in proportion."""

DEFAULT_BACKOFF_S = 10.0
"""How long a scope is left alone by a 429 that names no time."""

_NO_PROVIDERS: Mapping[str, float] = {}


class _Settings(NamedTuple):
    rate: float
    max_rate: float
    burst: float
    increase_per_s: float
    decrease_factor: float
    principal: str
    providers: Mapping[str, float]
    write_rate: float | None
    write_burst: float


class Budget(_Settings):
    """Reads that polls, and writes that initial requests may use, per scope: subscription or tenant, principal, origin.

    ARM grants each subscription, principal and region 25 reads/s from a bucket of 250. The defaults leave half of
    that bucket to others who use the same principal, and find the rate that is left by rising slowly and falling
    fast. A 429 sets the whole scope aside for its Retry-After.

    Attributes:
        rate: reads per second at first, above 0.
        max_rate: reads per second at most.
        burst: reads that may be saved up, 1 or more.
        increase_per_s: reads per second that the rate gains in each second without a 429.
        decrease_factor: what a 429 multiplies the rate by, above 0 and below 1.
        principal: a label of the identity that polls; trackers with different identities have budgets of their own.
        providers: fixed reads per second of single resource providers by namespace, such as
            `{"Microsoft.Storage": 800 / 300}`; others are limited once they answer 429.
        write_rate: initial requests per second, at first and at most: so many writes and as many deletes; None to
            send them at once. ARM grants 10 of each from a bucket of 200.
        write_burst: initial requests that may be saved up, 1 or more.

    Raises:
        ValueError: a setting out of its range.

    Source: learn.microsoft.com "request-limits-and-throttling".
    """

    __slots__ = ()

    def __new__(  # noqa: PLR0917 - all have a default
        cls,
        rate: float = 20.0,
        max_rate: float = 25.0,
        burst: float = 125.0,
        increase_per_s: float = 0.5,
        decrease_factor: float = 0.7,
        principal: str = "",
        providers: Mapping[str, float] = _NO_PROVIDERS,
        write_rate: float | None = 10.0,
        write_burst: float = 100.0,
    ) -> Self:
        """Check the settings."""
        rates = (rate, *providers.values())
        if not all(0 < each < math.inf for each in rates) or not rate <= max_rate < math.inf:
            raise ValueError("a budget needs rates above 0, and rate <= max_rate")
        if write_rate is not None and not (0 < write_rate < math.inf and 1 <= write_burst < math.inf):
            raise ValueError("a budget needs a write_rate above 0, or None, and a write_burst of 1 or more")
        if not 1 <= burst < math.inf or not 0 < decrease_factor < 1 or not 0 <= increase_per_s < math.inf:
            raise ValueError("a budget needs a burst of 1 or more, a backoff between 0 and 1, and a rise of 0 or more")
        return super().__new__(
            cls, rate, max_rate, burst, increase_per_s, decrease_factor, principal, providers, write_rate, write_burst
        )

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]  # mypy makes it one for all tuples
        """Check what `_replace` makes too."""
        return cls(*iterable)

    def of_writes(self) -> "Budget | None":
        """Return the budget of initial requests; None without limits."""
        if self.write_rate is None:
            return None
        return self._replace(
            rate=self.write_rate, max_rate=self.write_rate, burst=self.write_burst, providers=_NO_PROVIDERS
        )

    def bucket(self, now_s: float) -> "TokenBucket":
        """Return the meter of a new scope."""
        return TokenBucket(self.rate, self.max_rate, self.burst, self.increase_per_s, now_s)

    def provider_bucket(self, sub_scope: str, now_s: float) -> "TokenBucket | None":
        """Return the meter of a new sub-scope, `namespace/location`; None where no limit is known."""
        namespace = sub_scope.partition("/")[0]
        for name, rate in self.providers.items():
            if name.lower() == namespace:
                return TokenBucket(rate, rate, max(rate, 1.0), 0.0, now_s)
        return None

    def discovered_bucket(self, now_s: float) -> "TokenBucket":
        """Return the meter of a sub-scope that has shown a limit, by a 429: it starts from there and rises freely."""
        return TokenBucket(self.max_rate, math.inf, self.burst, self.increase_per_s, now_s)


class TokenBucket:
    """A token bucket whose rate rises while all is quiet and falls when the service says so.

    Args:
        rate: tokens per second at first.
        max_rate: tokens per second at most.
        burst: most tokens saved up; the bucket starts full.
        increase_per_s: tokens per second gained in each second without a 429.
        now_s: monotonic time.
    """

    __slots__ = (
        "_closed_until_s",
        "_first_rate",
        "_floor",
        "_increase_per_s",
        "_max_rate",
        "_scarcity",
        "_updated_s",
        "burst",
        "rate",
        "tokens",
    )

    def __init__(self, rate: float, max_rate: float, burst: float, increase_per_s: float, now_s: float) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = burst
        self._first_rate = rate
        self._max_rate = max_rate
        self._increase_per_s = increase_per_s
        self._floor = min(rate, 1.0)
        self._scarcity = 1.0
        self._updated_s = now_s
        self._closed_until_s = -math.inf

    def available_at(self, now_s: float, level: float = 1.0) -> float:
        """Return when `level` tokens are there, if none is taken until then; `now_s` when they are."""
        self._refill(now_s)
        missing = min(level, self.burst) - self.tokens
        wait_s = missing / (self.rate * self._scarcity) if missing > 0 else 0.0
        return max(now_s, self._closed_until_s) + wait_s

    def is_ready(self, now_s: float) -> bool:
        """Whether a token may be taken now."""
        self._refill(now_s)
        return self.tokens >= 1.0 and now_s >= self._closed_until_s

    def is_recovered(self, now_s: float) -> bool:
        """Whether it is as good as new: all is saved up, and no 429 slows it any more."""
        return self.available_at(now_s, self.burst) <= now_s and self.rate >= self._first_rate

    def take(self) -> None:
        """Take one token, now that the caller has asked whether it is there."""
        self.tokens -= 1.0

    def throttled(self, now_s: float, retry_after_s: float | None, decrease_factor: float) -> None:
        """Give out nothing for a while, and less from then on; the answers of one storm count once."""
        self._refill(now_s)
        if now_s >= self._closed_until_s:
            self.rate = max(self.rate * decrease_factor, self._floor)
        until_s = now_s + (DEFAULT_BACKOFF_S if retry_after_s is None else retry_after_s)
        self._closed_until_s = max(self._closed_until_s, until_s)
        self.tokens = 0.0

    def remaining(self, reads: int) -> None:
        """Slow down while few reads are left; any number only slows."""
        self._scarcity = min(1.0, max(reads, 1) / SCARCE_READS)

    def _refill(self, now_s: float) -> None:
        """Bring tokens and rate up to `now_s`; a long sleep fills the bucket once and no more."""
        if now_s <= self._updated_s:
            return
        passed_s = now_s - max(self._updated_s, self._closed_until_s)
        self._updated_s = now_s
        if passed_s > 0:
            self.tokens = min(self.burst, self.tokens + passed_s * self.rate * self._scarcity)
            self.rate = min(self._max_rate, self.rate + passed_s * self._increase_per_s)
