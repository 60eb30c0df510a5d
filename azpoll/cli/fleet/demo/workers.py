"""Workers in processes of their own: `azpoll worker`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import anyio

from azpoll.cli.exit_codes import SystemRefusal
from azpoll.cli.fleet_database import DSN_VARIABLE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from anyio.abc import Process

LEASE_S = 3
"""Seconds without a heartbeat after which the other worker takes over."""

_BEGIN_S, _END_S = 30.0, 15.0
"""Seconds in which a worker begins, and in which it ends after a signal."""


class WorkerProcesses:
    """Workers of a fleet; `worker_processes` ends them.

    Args:
        dsn: of the fleet.
        base_url: of the service that they poll.
    """

    def __init__(self, dsn: str, base_url: str) -> None:
        self._dsn = dsn
        self._base_url = base_url
        self._running: list[Process] = []

    async def start(self, *options: str) -> Process:
        """Start a worker, and return once it works.

        Raises:
            SystemRefusal: it does not begin.
        """
        words = ("worker", "--auth", "none", "--allow-host", self._base_url, "--lease", f"{LEASE_S}s", *options)
        process = await anyio.open_process(
            [sys.executable, "-m", "azpoll", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, DSN_VARIABLE: self._dsn},
        )
        self._running.append(process)
        await _begun(process)
        return process

    async def stop(self) -> None:
        """Send SIGTERM to the workers that are left, and wait for their end."""
        for process in self._running:
            if process.returncode is None:
                process.terminate()
        for process in self._running:
            with anyio.move_on_after(_END_S):
                await process.wait()
            if process.returncode is None:
                process.kill()
            await process.aclose()


@asynccontextmanager
async def worker_processes(dsn: str, base_url: str) -> AsyncGenerator[WorkerProcesses]:
    """Give an object that starts workers; they end with the context."""
    workers = WorkerProcesses(dsn, base_url)
    try:
        yield workers
    finally:
        with anyio.CancelScope(shield=True):
            await workers.stop()


@contextmanager
def paused(process: Process) -> Generator[None]:
    """Pause a process inside the context, where the system can."""
    if sys.platform == "win32":
        yield
        return
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def _begun(process: Process) -> None:
    """Wait for the first line of a worker, which it writes when it has begun."""
    text = b""
    with anyio.move_on_after(_BEGIN_S):
        while b"\n" not in text:
            try:
                text += await process.stderr.receive() if process.stderr is not None else b"\n"
            except anyio.EndOfStream:
                break
    if not text.startswith(b"# The worker has begun"):
        line = text.decode("utf-8", "replace").partition("\n")[0].removeprefix("azpoll worker: ")
        raise SystemRefusal(f"a worker process did not begin: {line or 'it wrote nothing'}")
