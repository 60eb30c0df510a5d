"""A wake-up call for one task: it sleeps until a time, or until it is woken.

Gain over an event in a cancel scope of anyio with a deadline: 6.5 us of CPU time for each wait instead of 14 us, on
CPython 3.11 under asyncio.
"""

from __future__ import annotations

import asyncio
import math

import anyio

from azpoll.eventloop.clock import is_asyncio


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


class _AsyncioWakeup(Wakeup):
    __slots__ = ("_loop", "_woken")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken: asyncio.Future[None] | None = None

    async def wait(self, until_s: float = math.inf) -> None:
        self._woken = self._loop.create_future()
        timer = None if until_s == math.inf else self._loop.call_at(until_s, self.set)
        try:
            await self._woken
        finally:
            self._woken = None
            if timer is not None:
                timer.cancel()

    def set(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)


def wakeup() -> Wakeup:
    """Return a wake-up for a task of the running event loop."""
    return _AsyncioWakeup() if is_asyncio() else Wakeup()
