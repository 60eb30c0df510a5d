"""A wait until a time, or until another task ends it. A worker waits so between two polls.

An event of anyio in a cancel scope with a deadline takes about 40 us for each wait. A future and a timer of asyncio
take a third of that.
"""

from __future__ import annotations

import asyncio
import math

import anyio

from azpoll.eventloop.clock import is_asyncio


class Wakeup:
    """Wakes the task that waits for it."""

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    async def wait(self, until_s: float = math.inf) -> None:
        """Return at a time of the event loop, or when `set` is called."""
        self._event = anyio.Event()
        try:
            with anyio.CancelScope(deadline=until_s):
                await self._event.wait()
        finally:
            self._event = None

    def set(self) -> None:
        """Wake the waiting task, if there is one."""
        if self._event is not None:
            self._event.set()


class _AsyncioWakeup(Wakeup):
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
    """Return a wakeup for the running event loop."""
    return _AsyncioWakeup() if is_asyncio() else Wakeup()
