"""The delay before the next request: the server's `Retry-After`, else a schedule (rules 25, 34 to 36)."""

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
        retry_after_s: seconds that the server asked for, where a longer delay of azpoll counts. No hint makes the
            delay shorter.
    """

    seconds: float
    by_server: bool
    retry_after_s: float = 0.0


IMMEDIATELY = Delay(0.0, by_server=True)
"""Before a request that completes the previous answer: a redirect, a confirmation, the final GET."""


def poll_delay(retry_after_s: float | None, limits: DelayLimits, step: int) -> Delay:
    """Return the delay after a good answer: the server's, else the caller's interval, else 1, 2, 4 .. 30 s.

    `step` counts the polls scheduled so far without a `Retry-After`. Source: rules 34 to 36.
    """
    if retry_after_s is not None:
        return _by_server(limits, retry_after_s)
    if limits.interval is not None:
        return Delay(max(limits.interval, limits.floor), by_server=False)
    return _doubled(limits, step, _LONGEST_POLL_S)


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
def _doubled(limits: DelayLimits, times: int, longest_s: float) -> Delay:
    return Delay(limits.clamp(min(2.0 ** min(times, 10), longest_s)), by_server=False)
