"""A token bucket with additive increase and multiplicative decrease (AIMD) of its rate (rule 54)."""

from __future__ import annotations

import math

SCARCE = 60
"""Below this many remaining requests the rate falls in proportion."""

RECOVERY_S = 3600.0
"""Seconds after which no 429 and no number of remaining requests slows a bucket any more, if no other comes."""

DEFAULT_BACKOFF_S = 10.0
"""Seconds without tokens after a 429 without a Retry-After."""

AGAIN_S = 60.0
"""The longest time in seconds for which one sender can close a bucket that it closed the last time too."""


class TokenBucket:
    """Tokens for the requests of one scope. The rate rises while no 429 comes, and falls with each 429.

    Args:
        rate: tokens per second at first; `max_rate` at most.
        burst: capacity in tokens; the bucket starts full.
        increase_per_s: tokens per second gained in each second without a 429; with 0 the rate never exceeds `rate`.
            No 429 slows for more than `RECOVERY_S`, so the rate gains at least its maximum in that time.
    """

    def __init__(self, rate: float, max_rate: float, burst: float, increase_per_s: float, now_s: float) -> None:
        self.rate = rate
        self.burst = burst
        self.tokens = burst
        self._first_rate = rate
        self._max_rate = max_rate if increase_per_s > 0 else rate
        self._increase_per_s = max(increase_per_s, self._max_rate / RECOVERY_S)
        self._floor = min(rate, 1.0)
        self._scarcity = 1.0
        self._limited_at_s = -math.inf
        self._updated_s = now_s
        self._closed_until_s = -math.inf
        self._closed_by: int | None = None
        self._limited_by: int | None = None

    def available_at(self, now_s: float, level: float = 1.0) -> float:
        """Return the time at which the bucket holds `level` tokens if none is consumed, at least `now_s`."""
        if now_s > self._updated_s:
            self._refill(now_s)
        if self.tokens >= level and now_s >= self._closed_until_s:
            return now_s
        missing = min(level, self.burst) - self.tokens
        wait_s = missing / (self.rate * self._scarcity) if missing > 0 else 0.0
        return max(now_s, self._closed_until_s) + wait_s

    def is_recovered(self, now_s: float) -> bool:
        """Whether the bucket is as good as new: full, open, and no slower than at first."""
        is_full = self.available_at(now_s, self.burst) <= now_s
        return is_full and self.rate >= self._first_rate and self._scarcity >= 1.0

    def shortage(self, now_s: float) -> float:
        """Return how short of tokens the bucket is: 0 while it is at least half full, and 1 when it is empty."""
        if now_s > self._updated_s:
            self._refill(now_s)
        return min(max(1.0 - 2.0 * self.tokens / self.burst, 0.0), 1.0)

    def consume(self) -> None:
        """Consume one token; the caller has checked that it is available."""
        self.tokens -= 1.0

    def give_back(self) -> None:
        """Give back the token of a request that was not sent."""
        self.tokens = min(self.tokens + 1.0, self.burst)

    def back_off(
        self, now_s: float, retry_after_s: float | None, decrease_factor: float, sender: object = None
    ) -> None:
        """Close for the Retry-After of a 429 and decrease the rate; the 429s of one burst decrease it once.

        Args:
            now_s: the time of the answer.
            retry_after_s: of the answer; None for `DEFAULT_BACKOFF_S`.
            decrease_factor: of the rate.
            sender: the object that the request was sent for. If it closed the bucket the last time too, it closes it
                for `AGAIN_S` at most: a service that always answers 429 to one operation may not stop all others for
                hours. None is a sender of its own each time.
        """
        closing_s = DEFAULT_BACKOFF_S if retry_after_s is None else retry_after_s
        identity = _identity(sender)
        if identity is not None and identity == self._closed_by:
            closing_s = min(closing_s, AGAIN_S)
        self._closed_by = identity
        if now_s > self._updated_s:
            self._refill(now_s)
        if now_s >= self._closed_until_s:
            self.rate = max(self.rate * decrease_factor, self._floor)
        self._closed_until_s = max(self._closed_until_s, now_s + closing_s)
        self.tokens = 0.0

    def limit_to(self, remaining: int, now_s: float, sent_s: float = math.inf, sender: object = None) -> bool:
        """Slow down while the service reports few remaining requests; no number raises the rate or the tokens.

        Return whether the number counts: one sender cannot slow the bucket twice in a row.

        Answers overtake each other. So a higher number counts only if its request was sent after the lower one came.

        Args:
            remaining: the number.
            now_s: the time of the answer.
            sent_s: the time of the answered request; by default it is the latest one.
            sender: as in `back_off`.
        """
        if remaining < self.burst and now_s > self._updated_s:
            self._refill(now_s)
        scarcity = min(1.0, max(remaining, 1) / SCARCE)
        if scarcity < self._scarcity:
            identity = _identity(sender)
            if identity is not None and identity == self._limited_by:
                return False
            self._limited_by = identity
        if remaining < self.burst:
            self.tokens = min(self.tokens, max(remaining, 0))
        if scarcity <= self._scarcity or sent_s >= self._limited_at_s:
            self._scarcity, self._limited_at_s = scarcity, now_s
        return True

    def _refill(self, now_s: float) -> None:
        """Bring tokens and rate up to a later time; a suspended machine gains one full bucket, not more."""
        passed_s = now_s - max(self._updated_s, self._closed_until_s)
        self._updated_s = now_s
        if passed_s > 0:
            self.tokens = min(self.burst, self.tokens + passed_s * self.rate * self._scarcity)
            self.rate = min(self._max_rate, self.rate + passed_s * self._increase_per_s)
            if self._scarcity < 1.0:
                self._scarcity = min(1.0, self._scarcity + passed_s / RECOVERY_S)


def _identity(sender: object) -> int | None:
    """Return the identity of a sender; None for none. A request that has an attribute `sender` is sent for that."""
    return None if sender is None else id(getattr(sender, "sender", sender))
