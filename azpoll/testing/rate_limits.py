"""Token buckets with the sizes and refill rates that ARM has used since 2024."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import NoneType
from typing import Literal

from azpoll.testing.arguments import check_seconds, check_types

RequestKind = Literal["reads", "writes", "deletes"]

_KIND_OF_METHOD: dict[str, RequestKind] = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


def request_kind(method: str) -> RequestKind:
    """Return the kind of request that a method (upper case) counts as; "writes" for unlisted methods."""
    return _KIND_OF_METHOD.get(method, "writes")


@dataclass(frozen=True, slots=True)
class Rate:
    """Size and refill rate of one token bucket.

    Attributes:
        capacity: requests that a full bucket holds, 1 or more.
        per_s: requests added per second, above 0.
    """

    capacity: int
    per_s: float

    def __post_init__(self) -> None:
        """Raise TypeError or ValueError for a rate that no bucket can have."""
        check_types({"capacity": self.capacity}, int, "an integer")
        check_types({"per_s": self.per_s}, (int, float), "a number")
        if self.capacity < 1:
            raise ValueError(f"capacity must be 1 or more, not {self.capacity}")
        if not 0 < self.per_s < math.inf:
            raise ValueError(f"per_s must be above 0 and finite, not {self.per_s}")


@dataclass(frozen=True, slots=True)
class Limits:
    """Rate limits of each (subscription, principal).

    The defaults are ARM's: "Understand how Azure Resource Manager throttles requests", learn.microsoft.com.

    Attributes:
        reads: GET and HEAD; None for no limit.
        writes: PUT, PATCH and POST; None for no limit.
        deletes: DELETE; None for no limit.
        retry_after_s: `Retry-After` of a 429, in seconds; None for the time until the bucket holds a token again.
    """

    reads: Rate | None = Rate(250, 25.0)
    writes: Rate | None = Rate(200, 10.0)
    deletes: Rate | None = Rate(200, 10.0)
    retry_after_s: float | None = None

    def __post_init__(self) -> None:
        """Raise TypeError or ValueError for a limit of another type, or a wait below 0."""
        rates = {"reads": self.reads, "writes": self.writes, "deletes": self.deletes}
        check_types(rates, (Rate, NoneType), "an azpoll.testing.Rate or None")
        if self.retry_after_s is not None:
            check_seconds("retry_after_s", self.retry_after_s, is_finite=True)

    def rate(self, kind: RequestKind) -> Rate | None:
        """Return the rate for a kind of request; None for no limit."""
        return {"reads": self.reads, "writes": self.writes, "deletes": self.deletes}[kind]


class TokenBucket:
    """A token bucket that starts full."""

    __slots__ = ("_rate", "_refilled_at_s", "_tokens")

    def __init__(self, rate: Rate, now_s: float) -> None:
        self._rate = rate
        self._tokens = float(rate.capacity)
        self._refilled_at_s = now_s

    def consume(self, now_s: float) -> float:
        """Take one token and return 0. If none is available, take none and return the seconds until one is."""
        refill = (now_s - self._refilled_at_s) * self._rate.per_s
        self._tokens = min(float(self._rate.capacity), self._tokens + refill)
        self._refilled_at_s = now_s
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate.per_s

    @property
    def remaining(self) -> int:
        """Whole tokens left after the last `consume`."""
        return int(self._tokens)
