"""How many requests are under way."""

from __future__ import annotations

import anyio


class UnderWay:
    """Counts requests, and wakes whoever waits until there is none.

    Attributes:
        count: raised by whoever sends one.
    """

    __slots__ = ("_none", "count")

    def __init__(self) -> None:
        self.count = 0
        self._none: anyio.Event | None = None

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
