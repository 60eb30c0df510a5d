"""The requests under way, and whether one more may be sent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import anyio

from azpoll.schedule.concurrency import LOOK_EVERY_S

if TYPE_CHECKING:
    from azpoll.schedule.concurrency import ConcurrencyLimit


class InFlight:
    """Counts requests against a width, and wakes whoever waits until there is none.

    Args:
        limit: how many they may be.

    Attributes:
        count: how many they are.
        limit: as above.
    """

    __slots__ = ("_none", "count", "limit")

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self.count = 0
        self.limit = limit
        self._none: anyio.Event | None = None

    @property
    def is_full(self) -> bool:
        """Whether no more may be sent now."""
        return self.count >= self.limit.now

    @property
    def is_at_most(self) -> bool:
        """Whether no more may ever be sent before one is answered."""
        return self.count >= self.limit.most

    def begin(self, due_s: float, now_s: float) -> None:
        """Count one that was due at `due_s` and is sent now."""
        self.count += 1
        if self.count == self.limit.now:
            self.limit.filled(due_s, now_s)

    def widens(self, due_s: float, now_s: float) -> bool:
        """Whether one that was due at `due_s` and finds it full may be sent after all."""
        self.limit.filled(due_s, now_s)
        return not self.is_full

    def look_s(self, now_s: float) -> float:
        """Return when it is looked again whether more may be sent, while it is full and others wait."""
        return math.inf if self.is_at_most else now_s + LOOK_EVERY_S

    def over(self) -> None:
        """Note that one has been answered, or was none after all."""
        self.count -= 1
        if self._none is not None and not self.count:
            self._none.set()

    async def wait_none(self, until_s: float) -> None:
        """Return when there is none, or at `until_s`; even in a scope that is cancelled."""
        with anyio.CancelScope(shield=True, deadline=until_s):
            while self.count:
                self._none = anyio.Event()
                await self._none.wait()
