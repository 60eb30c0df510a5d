"""Token buckets, as ARM has throttled with since 2024."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["reads", "writes", "deletes"]

KIND_OF_METHOD: dict[str, Kind] = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}  # all others are writes


@dataclass(frozen=True, slots=True)
class Rate:
    """One bucket's size and refill.

    Attributes:
        capacity: requests a full bucket holds, 1 or more.
        per_s: requests added per second, above 0.
    """

    capacity: int
    per_s: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Buckets of each (subscription, principal).

    The defaults are ARM's: "Understand how Azure Resource Manager throttles requests", learn.microsoft.com.

    Attributes:
        reads: GET and HEAD; None for no limit.
        writes: PUT, PATCH and POST; None for no limit.
        deletes: DELETE; None for no limit.
        retry_after_s: what a 429 tells to wait; None for the time until the bucket holds a request again.
    """

    reads: Rate | None = Rate(250, 25.0)
    writes: Rate | None = Rate(200, 10.0)
    deletes: Rate | None = Rate(200, 10.0)
    retry_after_s: float | None = None

    def rate(self, kind: Kind) -> Rate | None:
        """Return the rate for a kind of request."""
        return {"reads": self.reads, "writes": self.writes, "deletes": self.deletes}[kind]


class TokenBucket:
    """A bucket, full at first."""

    __slots__ = ("_at_s", "_level", "_rate")

    def __init__(self, rate: Rate, now_s: float) -> None:
        self._rate = rate
        self._level = float(rate.capacity)
        self._at_s = now_s

    def take(self, now_s: float) -> float:
        """Take one token and return 0, or take none and return the seconds until there is one."""
        self._level = min(float(self._rate.capacity), self._level + (now_s - self._at_s) * self._rate.per_s)
        self._at_s = now_s
        if self._level >= 1.0:
            self._level -= 1.0
            return 0.0
        return (1.0 - self._level) / self._rate.per_s

    @property
    def remaining(self) -> int:
        """Whole tokens left at the last `take`."""
        return int(self._level)
