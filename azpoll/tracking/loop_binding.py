"""The event loop, thread and process that a running tracker belongs to."""

from __future__ import annotations

import os
import threading

from azpoll.errors import WrongEventLoop
from azpoll.eventloop.clock import running_loop

_ELSEWHERE = "a tracker and its operations belong to the event loop it was entered in, and to its process"


class LoopBinding:
    """Remembers the event loop, thread and process that it was made in."""

    def __init__(self) -> None:
        self._loop = running_loop()
        self._thread = threading.get_ident()
        self._process = os.getpid()

    def check_task(self) -> None:
        """Raise `WrongEventLoop` outside a task of the loop, or in a fork of the process."""
        if current_loop() != self._loop or os.getpid() != self._process:
            raise WrongEventLoop(_ELSEWHERE)

    def check_thread(self) -> None:
        """Raise `WrongEventLoop` in another thread or process; callbacks of the event loop are accepted."""
        if threading.get_ident() != self._thread or os.getpid() != self._process:
            raise WrongEventLoop(_ELSEWHERE)


def current_loop() -> object:
    """Return the running event loop.

    Raises:
        WrongEventLoop: no event loop runs.
    """
    try:
        return running_loop()
    except Exception as error:
        raise WrongEventLoop("a tracker is used inside a running event loop") from error
