"""Signals that end the work of a worker."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from signal import Signals


@contextmanager
def calling_at(signals: Iterable[Signals], function: Callable[[], object]) -> Generator[None]:
    """Call a function at each of some signals inside the context, if the main thread runs the event loop."""
    loop = asyncio.get_running_loop()
    caught: list[Signals] = []
    if threading.current_thread() is threading.main_thread():
        for number in signals:
            with suppress(NotImplementedError):  # - event loops of Windows call no function at a signal
                loop.add_signal_handler(number, function)
                caught.append(number)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)
