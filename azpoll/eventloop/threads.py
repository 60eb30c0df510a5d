"""Calls functions in the event loop from another thread."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from azpoll.eventloop.clock import is_asyncio

if TYPE_CHECKING:
    from collections.abc import Callable


class LoopCaller:
    """Calls functions in the event loop in which it was made; after the end of the loop it does nothing."""

    def __init__(self) -> None:
        self._call: Callable[[Callable[[], object]], object]
        if is_asyncio():
            self._call = asyncio.get_running_loop().call_soon_threadsafe
        else:
            from trio.lowlevel import current_trio_token  # noqa: PLC0415 - trio is optional

            self._call = current_trio_token().run_sync_soon

    def call(self, function: Callable[[], object]) -> None:
        """Call a function in the event loop soon; from any thread."""
        with suppress(RuntimeError):  # the loop is closed, in trio's case as a subclass
            self._call(function)
