"""The signals that end a command as Ctrl-C does: SIGTERM, and SIGHUP of a terminal that was closed."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from azpoll.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable


@asynccontextmanager
async def stop_signals(stop: Callable[[ExitCode], None]) -> AsyncGenerator[None]:
    """Call `stop` with the exit code of each signal that arrives while the context is entered.

    A signal that the parent ignores stays ignored, as `nohup` asks. One that has arrived is ignored afterwards, while
    the command prints resume tokens: GNU timeout sends each signal twice. Windows has none of the signals.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    codes = {signal.SIGTERM: ExitCode.TERMINATED, signal.SIGHUP: ExitCode.HANGUP}
    heeded = [number for number in codes if signal.getsignal(number) is not signal.SIG_IGN]

    async def receive() -> None:
        with anyio.open_signal_receiver(*heeded) as arrived:
            started.set()
            async for number in arrived:
                received.add(number)
                stop(codes[number])

    started, received = anyio.Event(), set[signal.Signals]()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receive)
            await started.wait()
            try:
                yield
            finally:
                tasks.cancel_scope.cancel()
    finally:
        for number in received:
            signal.signal(number, signal.SIG_IGN)
