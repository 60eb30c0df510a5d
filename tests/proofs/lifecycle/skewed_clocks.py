"""Three clocks that need not agree: the event loop's, the service's, and the wall's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpoll.testing import VirtualLoop

EPOCH_S = 1_790_000_000.0
STEP_BORNE_S = 0.95
"""A clock may be behind by a second where a token is made: azpoll bears it."""

TICK_S = 0.001
"""Two things one after the other are not of the same moment by any real clock."""


class Clocks:
    """What each clock shows.

    Attributes:
        error_s: how far the wall clock is ahead of the true time.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._asleep_s = 0.0
        self.error_s = 0.0

    def loop_s(self) -> float:
        """Return the time of the event loop, which stands still while some machines sleep."""
        return self._loop.time()

    def true_s(self) -> float:
        """Return the time of the service."""
        return self._loop.time() + self._asleep_s

    def wall_s(self) -> float:
        """Return the Unix time, as far as this machine knows it."""
        return EPOCH_S + self.true_s() + self.error_s

    def suspend(self, seconds: float, *, counted: bool) -> None:
        """Let time pass in which nothing runs; `counted` by the loop's clock, as on some systems, or not."""
        if counted:
            self._loop.stall(seconds)
        else:
            self._asleep_s += seconds
            self._loop.stall(TICK_S)
