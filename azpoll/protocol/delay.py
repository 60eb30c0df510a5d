"""The delay before the next request: the server's `Retry-After`, else a schedule (rules 25, 34 to 36)."""

import math
from functools import lru_cache
from typing import NamedTuple

_LONGEST_POLL_S = 30.0  # rule 36
_LONGEST_BACKOFF_S = 60.0  # rule 25


class DelayLimits(NamedTuple):
    """The caller's settings in finite seconds, checked before they come here.

    Attributes:
        interval: fixed delay between polls that replaces the default schedule; `cap` does not shorten it.
        floor: no delay is shorter. 0 is for servers that accept immediate polls.
        cap: no other delay is longer, even if the server asks for it. Not below `floor`.
    """

    interval: float | None = None
    floor: float = 1.0
    cap: float = 3600.0

    def clamp(self, delay_s: float) -> float:
        """Return `delay_s`, moved into floor..cap."""
        return max(self.floor, min(delay_s, self.cap))


class Delay(NamedTuple):
    """The finite delay before the next request. If the server asked for it, no jitter, hint or deadline changes it.

    Attributes:
        retry_after_s: seconds that the server asked for, where a longer delay of azpoll counts. Neither a hint nor a
            schedule makes the delay shorter.
    """

    seconds: float
    by_server: bool
    retry_after_s: float = 0.0


IMMEDIATELY = Delay(0.0, by_server=True)
"""Before a request that completes the previous answer: a redirect, a confirmation, the final GET."""


def poll_delay(retry_after_s: float | None, limits: DelayLimits, step: int) -> Delay:
    """Return the delay after a good answer: the server's, else the caller's interval, else 1, 2, 4 .. 30 s.

    `step` is that of `first_step` and `next_step`. Source: rules 34 to 36.
    """
    if retry_after_s is not None:
        return _by_server(limits, retry_after_s)
    if limits.interval is not None:
        return Delay(max(limits.interval, limits.floor), by_server=False)
    return _doubled(limits, step, _LONGEST_POLL_S) if step >= 0 else _first_own(limits, -step)


@lru_cache(maxsize=256)  # steps are shared too
def first_step(delay: Delay) -> int:
    """Return the step after an initial answer: 1, or the seconds that it asked for, below zero and rounded up."""
    return -math.ceil(delay.seconds) if delay.by_server else 1


def next_step(step: int, delay: Delay) -> int:
    """Return the step after a poll: the number of delays so far that the server did not name.

    After the first such delay, which is at least the one that the initial answer named, the doubling goes on from
    there. An initial answer counts only while no other answer names a delay.
    """
    if delay.by_server:
        return max(step, 0)
    return step + 1 if step >= 0 else math.frexp(delay.seconds)[1]


def backoff_delay(retry_after_s: float | None, limits: DelayLimits, failures: int) -> Delay:
    """Return the delay after a failed poll: the longer of the server's and 1, 2, 4 .. 60 s (rule 25).

    `failures` counts the failed polls in a row, including this one. The interval does not apply to failures.
    """
    own = _doubled(limits, failures - 1, _LONGEST_BACKOFF_S)
    if retry_after_s is None:
        return own
    asked_s = min(retry_after_s, limits.cap)
    return _by_server(limits, retry_after_s) if asked_s >= own.seconds else own._replace(retry_after_s=asked_s)


def immediate_delay(retry_after_s: float | None, limits: DelayLimits) -> Delay:
    """Return the delay before a request that completes the previous answer: 0 s unless that answer asks for more."""
    return IMMEDIATELY if retry_after_s is None else Delay(min(retry_after_s, limits.cap), by_server=True)


@lru_cache(maxsize=256)  # delays are shared: only a few differ, and each waiting operation keeps one
def _by_server(limits: DelayLimits, retry_after_s: float) -> Delay:
    return Delay(limits.clamp(retry_after_s), by_server=True)


@lru_cache(maxsize=256)
def _first_own(limits: DelayLimits, initial_s: int) -> Delay:
    """Return the first delay of azpoll's own, at least that of the initial answer (rule 36)."""
    return Delay(limits.clamp(max(initial_s, 1)), by_server=False, retry_after_s=float(initial_s))


@lru_cache(maxsize=256)
def _doubled(limits: DelayLimits, times: int, longest_s: float) -> Delay:
    return Delay(limits.clamp(min(2.0 ** min(times, 10), longest_s)), by_server=False)
