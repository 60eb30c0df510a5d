"""How many requests may be under way at once: as many as are needed, and no more than help.

Polls that take long need many at once: a thousand a second, of 0.1 s each, need a hundred. But each one makes an HTTP
pool slower, and where the process has no time left, more at once only make each of them dearer. So it begins
narrow, becomes wider while requests wait for one another and there is time to spare, and narrower while there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_EVERY_S = 0.1
"""How often it is looked whether requests wait for one another, and what the process does with its time meanwhile."""

PATIENCE_S = 0.01
"""A request that is sent so soon after its time has not waited."""

SPARE, BUSY = 0.75, 0.95
"""Shares of one CPU: below the first there is time to spare, beyond the second there is none."""


class ConcurrencyLimit:
    """The number of requests that may be under way.

    Args:
        least: to begin with, and never fewer; 1 or more.
        most: never more.
        cpu_s: CPU seconds that the process has used so far.

    Attributes:
        now: the number.
        most: as above.
    """

    __slots__ = ("_cpu_s", "_least", "_since_cpu_s", "_since_s", "most", "now")

    def __init__(self, least: int, most: int, cpu_s: Callable[[], float]) -> None:
        self.now = self._least = least
        self.most = most
        self._cpu_s = cpu_s
        self._since_s: float | None = None
        self._since_cpu_s = 0.0

    def filled(self, due_s: float, now_s: float) -> None:
        """Note that as many are under way as may be, with or without the one that was due at `due_s`."""
        if self._least == self.most:
            return
        since_s, waited = self._since_s, now_s - due_s > PATIENCE_S
        # A little less than the time between two looks: one that comes a hair early counts.
        if since_s is not None and waited and now_s - since_s < 0.9 * LOOK_EVERY_S:
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
