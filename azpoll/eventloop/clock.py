"""The running event loop, its clock, and the conversion of its times into Unix times."""

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
    """Whether the running event loop is asyncio's. Raises `sniffio.AsyncLibraryNotFoundError` if none runs."""
    return sniffio.current_async_library() == "asyncio"


def running_loop() -> object:
    """Return the identity of the running event loop: asyncio's loop itself, or the token of another's."""
    if is_asyncio():
        return asyncio.get_running_loop()
    from anyio.lowlevel import current_token  # noqa: PLC0415 - takes 1.5 ms to import, which anyio defers too

    return current_token()


def loop_clock() -> Callable[[], float]:
    """Return the running event loop's clock, which takes a sixth of the time of `anyio.current_time`.

    The loops of asyncio read `time.monotonic`. The function itself takes half of that again.
    """
    if not is_asyncio():
        return anyio.current_time
    loop = asyncio.get_running_loop()
    return time.monotonic if type(loop).time is asyncio.BaseEventLoop.time else loop.time


def set_sniffio_hint() -> None:
    """Set sniffio's context variable in a task of asyncio, as `anyio.run` does for its own.

    For each poll, the pool of httpx and anyio ask sniffio for the running event loop about twenty times. Without the
    hint, sniffio searches for it each time.
    """
    if is_asyncio():
        sniffio.current_async_library_cvar.set("asyncio")


def now_s() -> float:
    """Return the event loop's time, also in a callback of asyncio's, where no task runs."""
    try:
        return anyio.current_time()
    except RuntimeError:
        return asyncio.get_running_loop().time()


class WallClock:
    """Converts times of the event loop into Unix times; after the loop has ended, by the last known difference."""

    __slots__ = ("_difference_s",)

    def __init__(self) -> None:
        self._difference_s = 0.0

    def look(self) -> None:
        """Measure the difference between the two clocks, if the event loop runs."""
        with suppress(RuntimeError):
            self._difference_s = time.time() - now_s()

    def unix_s(self, at_s: float) -> float:
        """Return the Unix time of a time of the event loop."""
        self.look()
        return self._difference_s + at_s
