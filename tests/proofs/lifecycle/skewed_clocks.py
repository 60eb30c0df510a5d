"""Three clocks that may differ: of the event loop, of the service, and the wall clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpoll.testing import VirtualLoop

EPOCH_S = 1_790_000_000.0
TOLERATED_LAG_S = 0.95
"""azpoll tolerates a wall clock that is up to 1 s behind when a token is made."""

TICK_S = 0.001
"""The shortest time between two consecutive actions."""


class Clocks:
    """The time that each clock shows.

    Attributes:
        error_s: the lead of the wall clock over the true time, in seconds.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._asleep_s = 0.0
        self.error_s = 0.0

    def loop_s(self) -> float:
        """Return the time of the event loop; on some systems it stops while the machine sleeps."""
        return self._loop.time()

    def true_s(self) -> float:
        """Return the time of the service."""
        return self._loop.time() + self._asleep_s

    def wall_s(self) -> float:
        """Return the Unix time of this machine."""
        return EPOCH_S + self.true_s() + self.error_s

    def suspend(self, seconds: float, *, counted: bool) -> None:
        """Suspend the machine; `counted` tells whether the loop's clock goes on, which depends on the system."""
        if counted:
            self._loop.stall(seconds)
        else:
            self._asleep_s += seconds
            self._loop.stall(TICK_S)
