# ruff: noqa: INP001 - a script, which webassembly.mjs runs
"""Run pytest in CPython for WebAssembly, with replacements for the few parts of the platform that it lacks.

The event loops of asyncio and trio wake themselves through a pair of sockets, and trio waits with epoll. Pipes and
poll() do the same. In virtual time no test waits for anything else.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import select
import socket
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

NO_THREADS = "can't start new thread"


class PipeEnd:
    """One end of a pipe with the methods of a socket that event loops call."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._descriptor

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - as in socket
        """Set whether reads and writes block."""
        os.set_blocking(self._descriptor, flag)

    def setsockopt(self, *_option: int) -> None:
        """Do nothing: the options only shrink buffers."""

    def recv(self, size: int) -> bytes:
        """Read at most `size` bytes."""
        return os.read(self._descriptor, size)

    def send(self, data: bytes) -> int:
        """Write `data`; return the number of bytes written."""
        return os.write(self._descriptor, data)

    def close(self) -> None:
        """Close the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Epoll:
    """The part of `select.epoll` that trio uses, made of `select.poll`."""

    def __init__(self) -> None:
        self._poll = select.poll()

    def register(self, descriptor: int | PipeEnd, events: int) -> None:
        """Watch a descriptor, or change what is watched for."""
        self._poll.register(descriptor, events)

    modify = register

    def unregister(self, descriptor: int) -> None:
        """Stop watching a descriptor."""
        self._poll.unregister(descriptor)

    def poll(self, timeout_s: float, _most: int) -> list[tuple[int, int]]:
        """Return the descriptors that are ready, with their events."""
        return self._poll.poll(timeout_s * 1000)

    def close(self) -> None:
        """Do nothing: `select.poll` holds no descriptor of its own."""


class ThreadsMissing:
    """A pytest plugin that reports a test which needs a thread as skipped."""

    @staticmethod
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn the failure to start a thread into a skip."""
        report = yield
        if report.failed and NO_THREADS in report.longreprtext:
            path, line, _ = report.location
            report.outcome, report.longrepr = "skipped", (path, line or 0, f"Skipped: {NO_THREADS}")
        return report


def run(arguments: list[str]) -> int:
    """Prepare the platform, run pytest and return its exit code."""
    os.chdir("/project")
    socket.socketpair = lambda: tuple(map(PipeEnd, os.pipe()))
    select.epoll, select.EPOLLIN, select.EPOLLOUT, select.EPOLLONESHOT = Epoll, select.POLLIN, select.POLLOUT, 0
    asyncio._set_running_loop(None)  # noqa: SLF001 - pyodide's own loop is running, and asyncio allows one
    import_as_on_linux()
    print(f"CPython {sys.version.split()[0]} as WebAssembly")  # noqa: T201 - the log of the run
    options = ["-q", "-rs", "-m", "not slow", "-p", "no:cacheprovider", "-o", "addopts="]
    # pyproject.toml configures pytest-timeout, which needs signals and is not installed here.
    options += ["-W", "ignore::pytest.PytestConfigWarning"]
    code = pytest.main([*options, *arguments], plugins=[ThreadsMissing()])
    sys.stdout.flush()
    return int(code)


def import_as_on_linux() -> None:
    """Import the libraries that would use another implementation, or none, on the platform `emscripten`."""
    platform, sys.platform = sys.platform, "linux"
    os.pidfd_open = os.P_PIDFD = None
    importlib.import_module("httpx2")
    importlib.import_module("trio.testing")
    del os.pidfd_open, os.P_PIDFD
    sys.platform = platform
