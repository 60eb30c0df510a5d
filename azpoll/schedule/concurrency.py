"""The number of concurrent requests: as many as are needed, and no more than help.

Slow answers need many concurrent requests: a thousand polls per second of 0.1 s each need a hundred. But each one
slows the HTTP pool down, and once the process has no CPU time left, more of them only make each one dearer. So the
limit starts low. It rises while requests wait and CPU time is left, and falls while no CPU time is left.

A request that hangs holds a connection, but uses no CPU time. So a request becomes slow once it has been in flight for
`SLOW_S` while others wait. Slow requests come on top of the limit, up to the number of connections (rule 54).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

ADAPT_EVERY_S = 0.1
"""Seconds between two adaptations; the CPU time is measured over this time."""

ON_TIME_S = 0.01
"""A request that is sent within 10 ms of its due time has not waited."""

SPARE, BUSY = 0.75, 0.95
"""Shares of one CPU: the limit rises below the first and falls above the second."""

SLOW_S = 0.5
"""A request is slow once it has been in flight for 0.5 s."""


def limits_of(
    least: int, most: int, connections: int | None, cpu_s: Callable[[], float]
) -> tuple[ConcurrencyLimit, ConcurrencyLimit]:
    """Return the limits of polls and of initial requests.

    Initial requests get a third of the connections: one that hangs cannot be ended, for it may not be sent twice.

    Args:
        least: of each.
        most: of each.
        connections: that both share; None if `most` is all that each may have.
        cpu_s: of `ConcurrencyLimit`.
    """
    initial = most if connections is None else max(connections // 3, 1)
    polls = most if connections is None else max(connections - initial, 1)
    first, second = (ConcurrencyLimit(min(least, total), min(most, total), cpu_s, total) for total in (polls, initial))
    return first, second


class ConcurrencyLimit:
    """Counts the requests in flight against a limit that adapts between `least` and `most`.

    Args:
        least: the limit at first, and its minimum; 1 or more.
        most: its maximum, without the requests that are slow.
        cpu_s: returns the CPU seconds that the process has needed so far: used, or waited for on a busy machine.
        total: the maximum of all requests, with those that are slow; `most` if it is None.

    Attributes:
        now: the limit, with the places that slow requests hold.
        slow: number of slow requests in flight.
        share: number of slow requests that leave the other half of the connections to quick ones.
    """

    def __init__(self, least: int, most: int, cpu_s: Callable[[], float], total: int | None = None) -> None:
        self.in_flight = 0
        self.slow = 0
        self.most = most
        self.total = most if total is None else total
        self.share = max(self.total // 2, 1)
        self.now = self._quick = self._least = least
        self._cpu_s = cpu_s
        self._since_s: float | None = None
        self._since_cpu_s = 0.0
        self._none_in_flight: anyio.Event | None = None

    @property
    def is_reached(self) -> bool:
        """Whether no request may be sent now."""
        return self.in_flight >= self.now

    @property
    def is_at_most(self) -> bool:
        """Whether no request may be sent before one in flight is answered: all of them are slow, or there is one."""
        return self.in_flight >= self.total and (self.total == 1 or self.slow >= self.in_flight)

    def count_slow(self, change: int) -> None:
        """Count a request in flight as slow (1), or no longer (-1)."""
        self.slow += change
        self._set(self._quick)

    def begin(self, due_s: float, now_s: float) -> None:
        """Count in a request that was due at `due_s` and is sent now."""
        self.in_flight += 1
        if self.in_flight == self.now:
            self.adapt(due_s, now_s)

    def end(self) -> None:
        """Count out a request."""
        self.in_flight -= 1
        if self._none_in_flight is not None and not self.in_flight:
            self._none_in_flight.set()

    def recheck_s(self, now_s: float) -> float:
        """Return the time of the next call of `adapt` while requests wait; infinite while the maximum is in flight."""
        return math.inf if self.is_at_most else now_s + ADAPT_EVERY_S

    def adapt(self, due_s: float, now_s: float) -> None:
        """Raise or lower the limit, now that it is reached and a request was due at `due_s`."""
        if self._least == self.total:
            return
        since_s, waited = self._since_s, now_s - due_s > ON_TIME_S
        # 10 % tolerance: a recheck that comes slightly early counts.
        if since_s is not None and waited and now_s - since_s < 0.9 * ADAPT_EVERY_S:
            return
        used_s = self._cpu_s() - self._since_cpu_s
        self._since_s = now_s
        self._since_cpu_s += used_s
        if since_s is None or not waited:
            return
        share = used_s / (now_s - since_s)
        if share < SPARE:
            self._set(self._quick + max(self._quick // 2, 1))
        elif share > BUSY:
            self._set(max(self._quick - max(self._quick // 4, 1), self._least))

    def _set(self, quick: int) -> None:
        """Set the number of requests besides slow ones; while the share of these is full, the rest may all be used."""
        most = self.most if self.slow < self.share else max(self.most, self.total - self.share)
        self._quick = min(quick, most)
        self.now = min(self._quick + self.slow, self.total)

    async def wait_for_none_in_flight(self, until_s: float) -> None:
        """Wait until no request is in flight or `until_s` is reached; also inside a cancelled scope."""
        with anyio.CancelScope(shield=True, deadline=until_s):
            while self.in_flight:
                self._none_in_flight = anyio.Event()
                await self._none_in_flight.wait()
