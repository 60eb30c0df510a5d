"""The number of concurrent requests: as many as are needed, and no more than help.

Slow answers need many concurrent requests: a thousand polls per second of 0.1 s each need a hundred. But each one
slows the HTTP pool down, and once the process has no CPU time left, more of them only make each one dearer. So the
limit starts low. It rises while requests wait and CPU time is left, and falls while no CPU time is left.
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


class ConcurrencyLimit:
    """Counts the requests in flight against a limit that adapts between `least` and `most`.

    Args:
        least: the limit at first, and its minimum; 1 or more.
        most: its maximum.
        cpu_s: returns the CPU seconds that the process has used so far.

    Attributes:
        in_flight: number of requests in flight.
        now: the limit.
        most: as above.
    """

    __slots__ = ("_cpu_s", "_least", "_none_in_flight", "_since_cpu_s", "_since_s", "in_flight", "most", "now")

    def __init__(self, least: int, most: int, cpu_s: Callable[[], float]) -> None:
        self.in_flight = 0
        self.now = self._least = least
        self.most = most
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
        """Whether no request may be sent before one in flight is answered."""
        return self.in_flight >= self.most

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

    def can_rise(self, due_s: float, now_s: float) -> bool:
        """Adapt the limit while a request waits that was due at `due_s`; True if it may be sent now."""
        self.adapt(due_s, now_s)
        return not self.is_reached

    def recheck_s(self, now_s: float) -> float:
        """Return the time of the next call of `can_rise`; infinite while the maximum is in flight."""
        return math.inf if self.is_at_most else now_s + ADAPT_EVERY_S

    def adapt(self, due_s: float, now_s: float) -> None:
        """Raise or lower the limit, now that it is reached and a request was due at `due_s`."""
        if self._least == self.most:
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
            self.now = min(self.now + max(self.now // 2, 1), self.most)
        elif share > BUSY:
            self.now = max(self.now - max(self.now // 4, 1), self._least)

    async def wait_for_none_in_flight(self, until_s: float) -> None:
        """Wait until no request is in flight, at most until `until_s`; also inside a cancelled scope."""
        with anyio.CancelScope(shield=True, deadline=until_s):
            while self.in_flight:
                self._none_in_flight = anyio.Event()
                await self._none_in_flight.wait()
