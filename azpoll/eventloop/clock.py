"""Which event loop runs, its turns, and two clocks: its own, in which schedules count, and people's Unix time."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import sniffio

if TYPE_CHECKING:
    from collections.abc import Callable


def is_asyncio() -> bool:
    """Whether the running event loop is asyncio's.

    Raises:
        sniffio.AsyncLibraryNotFoundError: none runs.
    """
    return sniffio.current_async_library() == "asyncio"


def running_loop() -> object:
    """Return what tells the running event loop from any other: asyncio's loop itself, or the token of another's.

    Raises:
        sniffio.AsyncLibraryNotFoundError: none runs.
    """
    if is_asyncio():
        return asyncio.get_running_loop()
    from anyio.lowlevel import current_token  # noqa: PLC0415 - takes 1.5 ms to import; anyio puts it off, too

    return current_token()


async def checkpoint() -> None:
    """Let other tasks run, as `anyio.lowlevel.checkpoint` does."""
    await anyio.sleep(0)  # noqa: ASYNC115 - see `running_loop`


def loop_clock() -> Callable[[], float]:
    """Return the running event loop's clock, at a sixth of the cost of `anyio.current_time`, which looks for it.

    asyncio's own loops ask `time.monotonic`, so that is called straight away, at half of that again.
    """
    if not is_asyncio():
        return anyio.current_time
    loop = asyncio.get_running_loop()
    return time.monotonic if type(loop).time is asyncio.BaseEventLoop.time else loop.time


def at_next_turn(callback: Callable[[], object]) -> bool:
    """Call a function once all that is due in this turn of the event loop has run; False where turns cannot be told."""
    if not is_asyncio():
        return False
    asyncio.get_running_loop().call_soon(callback)
    return True


def set_sniffio_hint() -> None:
    """Note for the running task that its loop is asyncio's, as `anyio.run` does for its own.

    For each poll httpx's pool and anyio ask some twenty times which loop runs, and each time the answer is looked for.
    """
    if is_asyncio():
        sniffio.current_async_library_cvar.set("asyncio")


def now_s() -> float:
    """Return the event loop's time, also in a callback of asyncio's, where no task runs.

    Raises:
        RuntimeError: no event loop runs.
    """
    try:
        return anyio.current_time()
    except RuntimeError:
        return asyncio.get_running_loop().time()


class WallClock:
    """Turns the event loop's times into Unix times; once the loop is gone, by the difference last seen."""

    __slots__ = ("_difference_s",)

    def __init__(self) -> None:
        self._difference_s = 0.0

    def look(self) -> None:
        """Note how far the two are apart, if the loop is there."""
        with suppress(RuntimeError):
            self._difference_s = time.time() - now_s()

    def unix_s(self, at_s: float) -> float:
        """Return the Unix time of a time of the event loop."""
        self.look()
        return self._difference_s + at_s
