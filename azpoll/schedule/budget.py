"""Budgets: the reads and writes per second of a scope.

A new rule about read limits touches three files. `protocol/throttling.py` reads the header or error code of an
answer. `token_bucket.py` or this module applies it: a bucket changes its rate, a budget gains a setting.
`ScopeQueues.on_answer` in `scopes.py` connects the two.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeGuard

from azpoll.schedule.token_bucket import TokenBucket

if TYPE_CHECKING:
    from azpoll.schedule.leased_bucket import TokenSource

_SOURCE = ("lease", "back_off", "limit")
"""The methods of a `TokenSource`."""

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
    source: "TokenSource | None"


class Budget(_Settings):
    """Limits of polls (reads) and initial requests (writes) per scope: subscription or tenant, principal, origin.

    ARM grants each subscription, principal and region 25 reads/s from a bucket of 250. The defaults leave half of
    that bucket to other users of the same principal. The rate rises slowly and falls fast, so it adapts to the rate
    that is left. A 429 closes the whole scope for its Retry-After.

    Attributes:
        rate: reads per second at first, above 0.
        max_rate: reads per second at most.
        burst: reads that may be saved up, 1 or more.
        increase_per_s: reads per second that the rate gains in each second without a 429; with 0 it never exceeds
            `rate`. No 429 slows for more than an hour, so the rate gains at least a 3600th of its maximum.
        decrease_factor: factor by which a 429 multiplies the rate, above 0 and below 1.
        principal: a label of the identity that polls; trackers with different identities have separate budgets.
        providers: fixed reads per second of single resource providers by namespace, such as
            `{"Microsoft.Storage": 800 / 300}`; others are limited once they answer 429, or report few reads left.
        write_rate: initial requests per second, at first and at most: so many writes and as many deletes; None sends
            them immediately. ARM grants 10 of each from a bucket of 200.
        write_burst: initial requests that may be saved up, 1 or more.
        source: holds the tokens of every scope, for several processes together; None for this tracker alone.

    Raises:
        TypeError: a setting has another type.
        ValueError: a setting is out of its range.

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
        source: "TokenSource | None" = None,
    ) -> Self:
        """Check the settings."""
        numbers = (rate, max_rate, burst, increase_per_s, decrease_factor, write_burst)
        _check_types(providers, principal, *numbers, *(() if write_rate is None else (write_rate,)))
        rates = (rate, *providers.values())
        if not all(0 < each < math.inf for each in rates) or not rate <= max_rate < math.inf:
            raise ValueError("a budget needs rates above 0, and rate <= max_rate")
        if write_rate is not None and not (0 < write_rate < math.inf and 1 <= write_burst < math.inf):
            raise ValueError("a budget needs a write_rate above 0, or None, and a write_burst of 1 or more")
        if not 1 <= burst < math.inf or not 0 < decrease_factor < 1 or not 0 <= increase_per_s < math.inf:
            raise ValueError(
                "a budget needs a burst of 1 or more, a decrease_factor between 0 and 1, increase_per_s of 0 or more"
            )
        _check_source(source)
        writes = (write_rate, write_burst)
        return super().__new__(
            cls, rate, max_rate, burst, increase_per_s, decrease_factor, principal, providers, *writes, source
        )

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]  # - mypy declares it for all tuples
        """Check the settings of `_replace` too."""
        return cls(*iterable)

    def of_writes(self) -> "Budget | None":
        """Return the budget of initial requests; None without limits."""
        if self.write_rate is None:
            return None
        return self._replace(
            rate=self.write_rate, max_rate=self.write_rate, burst=self.write_burst, providers=_NO_PROVIDERS
        )

    def bucket(self, now_s: float, name: str = "") -> TokenBucket:
        """Return the bucket of a new scope; a source knows it by its name."""
        return self._new(name, (self.rate, self.max_rate, self.burst, self.increase_per_s), now_s)

    def provider_bucket(self, sub_scope: str, now_s: float, name: str = "") -> TokenBucket | None:
        """Return the bucket of a new sub-scope, `namespace/location`; None while no limit is known."""
        namespace = sub_scope.partition("/")[0]
        for provider, rate in self.providers.items():
            if provider.lower() == namespace:
                return self._new(f"{name} {sub_scope}", (rate, rate, max(rate, 1.0), 0.0), now_s)
        return None

    def discovered_bucket(self, now_s: float) -> TokenBucket:
        """Return the bucket of a sub-scope whose own limit shows in an answer: it slows no faster sub-scope."""
        return TokenBucket(self.max_rate, self.max_rate, self.burst, self.increase_per_s, now_s)

    def _new(self, name: str, limits: tuple[float, float, float, float], now_s: float) -> TokenBucket:
        """Return a bucket with these values of `rate`, `max_rate`, `burst` and `increase_per_s`."""
        if self.source is None:
            return TokenBucket(*limits, now_s)
        from azpoll.schedule.leased_bucket import LeasedBucket, SharedBucket  # noqa: PLC0415 - few budgets are shared

        return LeasedBucket(self.source, SharedBucket(name, *limits), now_s)


def _check_types(providers: object, principal: object, *numbers: object) -> None:
    """Raise `TypeError` for a setting of another type; the types of the arguments hold for checked programs alone."""
    if not isinstance(principal, str):
        raise TypeError(f"the principal of a budget must be text, not {type(principal).__name__}")
    if not _is_mapping(providers):
        raise TypeError(f"the providers of a budget must be a mapping, not {type(providers).__name__}")
    for name in providers:
        if not isinstance(name, str) or not name.strip():
            raise TypeError("the providers of a budget map namespaces to rates")
    for number in (*numbers, *providers.values()):
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise TypeError(f"the rates of a budget must be numbers, not {type(number).__name__}")


def _check_source(source: object) -> None:
    if source is not None and not all(callable(getattr(source, name, None)) for name in _SOURCE):
        raise TypeError(f"the source of a budget must have {', '.join(_SOURCE)}, which {type(source).__name__} lacks")


def _is_mapping(value: object) -> TypeGuard[Mapping[object, object]]:
    return isinstance(value, Mapping)
