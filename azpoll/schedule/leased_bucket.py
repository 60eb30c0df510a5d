"""A token bucket that several processes share: each process leases some tokens and consumes them locally.

A `TokenSource` holds the bucket itself, for example as a row of a database. Every token is taken out of the shared
bucket before it is consumed, so the processes together never exceed its rate. Without an answer of the source there
are no tokens. The scheduler waits until then, and checks again in time: the source need not wake it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Protocol

from azpoll.schedule.token_bucket import SCARCE, TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable

LEASE_VALID_S = 2.0
"""Seconds after which leased tokens that were not consumed are dropped, so that idle processes save up none."""

LEASED_SECONDS = 0.8
"""A process leases at most the tokens of 0.8 s at the rate of the bucket: 20 at 25 per second."""

FIRST_LEASE = 2
"""The number of tokens of a first lease; it doubles while leases are consumed in time."""

RECHECK_S = 0.004
"""A scheduler that waits for the answer of the source checks again after 4 ms, later after half the time waited."""

REPORT_EVERY_S = 1.0
"""The least time between two reports of a number of remaining requests."""


class SharedBucket(NamedTuple):
    """The name and the limits of a shared bucket; other fields are as in `Budget`.

    Attributes:
        name: kind of requests and scope; the same in all processes.
    """

    name: str
    rate: float
    max_rate: float
    burst: float
    increase_per_s: float


class TokenGrant(NamedTuple):
    """The answer of a source.

    Attributes:
        tokens: the number of tokens that were taken out of the shared bucket, 0 or more.
        wait_s: seconds until it is worth asking again, if there were none.
        left: tokens that are left in the shared bucket.
        rate: tokens per second that the shared bucket gains now.
    """

    tokens: int
    wait_s: float
    left: float
    rate: float


class TokenSource(Protocol):
    """Holds shared buckets. The methods run in the event loop of the tracker, do not block and raise nothing."""

    def lease(self, bucket: SharedBucket, wanted: int, granted: Callable[[TokenGrant], object]) -> None:
        """Take up to `wanted` tokens, and call `granted` once, now or later; never if the source stops."""
        ...

    def back_off(self, bucket: SharedBucket, wait_s: float, decrease_factor: float) -> None:
        """Close a bucket for `wait_s` seconds after a 429, and multiply its rate once for each closing."""
        ...

    def limit(self, bucket: SharedBucket, remaining: int, scarcity: float) -> None:
        """Cap the tokens at `remaining` requests that the service reported, and the rate at a share of 0..1."""
        ...


class LeasedBucket(TokenBucket):
    """The tokens that this process has leased from a shared bucket.

    Args:
        source: of the tokens.
        shared: the bucket.
        now_s: the time.
    """

    def __init__(self, source: TokenSource, shared: SharedBucket, now_s: float) -> None:
        super().__init__(shared.rate, shared.max_rate, shared.burst, shared.increase_per_s, now_s)
        self.tokens = 0.0
        self._source = source
        self._shared = shared
        self._size = float(FIRST_LEASE)
        self._leased = 0
        self._left = shared.burst
        self._asked_s = self._heard_s = self._expires_s = self._retry_s = now_s
        self._is_asking = False
        self._reported_s = -math.inf

    def available_at(self, now_s: float, level: float = 1.0) -> float:
        """Return the time at which to look again, or `now_s` if a token is here; asks the source if none is.

        A `level` above 1 is that of the shared bucket, as last heard of.
        """
        self._refill(now_s)
        if now_s < self._closed_until_s:
            return self._closed_until_s
        if level > 1.0 and (missing := min(level, self.burst) - self._estimated(now_s)) > 0:
            return now_s + max(missing / self.rate, RECHECK_S)
        if self.tokens < 1.0 and not self._is_asking and now_s >= self._retry_s:
            self._ask(now_s)
        if self.tokens >= 1.0:
            return now_s
        if self._is_asking:
            return now_s + max(RECHECK_S, 0.5 * (now_s - self._asked_s))
        return max(self._retry_s, now_s + RECHECK_S)

    def is_recovered(self, now_s: float) -> bool:
        """Whether nothing is known that a new bucket would not learn with its first lease."""
        return now_s >= self._closed_until_s and self._scarcity >= 1.0 and not self._is_asking

    def shortage(self, now_s: float) -> float:
        """Return how short of tokens the shared bucket is: 0 while it is at least half full, and 1 when empty."""
        return min(max(1.0 - 2.0 * self._estimated(now_s) / self.burst, 0.0), 1.0)

    def back_off(
        self, now_s: float, retry_after_s: float | None, decrease_factor: float, sender: object = None
    ) -> None:
        """Close for the Retry-After of a 429, here and in the source."""
        super().back_off(now_s, retry_after_s, decrease_factor, sender)
        self._left, self._heard_s = 0.0, self._closed_until_s
        self._source.back_off(self._shared, self._closed_until_s - now_s, decrease_factor)

    def limit_to(self, remaining: int, now_s: float, sent_s: float = math.inf, sender: object = None) -> bool:
        """Slow down while the service reports few remaining requests, here and in the source."""
        before = self._scarcity
        if not super().limit_to(remaining, now_s, sent_s, sender):
            return False
        is_news = remaining < min(self._estimated(now_s), self.burst) or before < 1.0 or remaining < SCARCE
        if is_news and now_s >= self._reported_s + REPORT_EVERY_S:
            self._reported_s = now_s
            self._left, self._heard_s = min(self._estimated(now_s), float(remaining)), now_s
            self._source.limit(self._shared, remaining, self._scarcity)
        return True

    def _refill(self, now_s: float) -> None:
        """Drop tokens whose lease is over; the source alone refills."""
        self._updated_s = now_s
        if self.tokens > 0 and now_s >= self._expires_s:
            self._size = max(self._leased - self.tokens, 1.0)
            self.tokens = 0.0

    def _ask(self, now_s: float) -> None:
        if self._leased and now_s < self._expires_s:  # the last lease was consumed in time
            self._size *= 2.0
        self._size = min(self._size, max(self.rate * LEASED_SECONDS, 1.0))
        self._is_asking, self._asked_s = True, now_s
        self._source.lease(self._shared, math.ceil(self._size), self._granted)

    def _granted(self, grant: TokenGrant) -> None:
        """Add the tokens of a lease, which counts from the time when it was asked for."""
        self._is_asking = False
        self._leased = grant.tokens
        self.tokens = 0.0 if self._asked_s < self._closed_until_s else float(grant.tokens)
        if self._asked_s >= self._heard_s:
            self._left, self._heard_s, self.rate = grant.left, self._asked_s, grant.rate
        self._expires_s = self._asked_s + LEASE_VALID_S
        self._retry_s = self._asked_s if grant.tokens else self._asked_s + grant.wait_s

    def _estimated(self, now_s: float) -> float:
        """Return the tokens of the shared bucket, if no other process has taken any since the last lease."""
        return min(self._left + max(now_s - self._heard_s, 0.0) * self.rate, self.burst)
