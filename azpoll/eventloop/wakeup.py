"""A wake-up call for one task: it sleeps until a time, or until it is woken."""

from __future__ import annotations

import math

import anyio


class Wakeup:
    """Wakes the task that waits."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    async def wait(self, until_s: float = math.inf) -> None:
        """Sleep until a time of the event loop, or until `set` is called."""
        self._event = anyio.Event()
        try:
            with anyio.CancelScope(deadline=until_s):
                await self._event.wait()
        finally:
            self._event = None

    def set(self) -> None:
        """Wake the task that waits; no effect if none waits."""
        if self._event is not None:
            self._event.set()
