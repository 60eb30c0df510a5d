"""CPU seconds of this process, and of a PostgreSQL server with all of its backends."""

from __future__ import annotations

import os
import time
from pathlib import Path

import asyncpg

_TICKS = os.sysconf("SC_CLK_TCK")


class CPUMeter:
    """CPU seconds of this process, all of its threads included, since the meter was made."""

    def __init__(self) -> None:
        self._begun_s = time.process_time()

    @property
    def seconds(self) -> float:
        """CPU seconds so far."""
        return time.process_time() - self._begun_s


class Server:
    """The processes of a PostgreSQL server on this machine, as Linux shows them in `/proc`.

    Args:
        postmaster: id of the process that has started all others.
    """

    def __init__(self, postmaster: int) -> None:
        self._postmaster = postmaster

    @classmethod
    async def of(cls, dsn: str) -> Server:
        """Return the server of a connection string."""
        connection = await asyncpg.connect(dsn)
        try:
            return cls(_parent_of(await connection.fetchval("SELECT pg_backend_pid()")))
        finally:
            await connection.close()

    def cpu_s(self) -> float:
        """Return the CPU seconds of all processes so far, those that have ended included."""
        fields = _fields(self._postmaster)
        own_and_ended = sum(int(fields[number]) for number in (11, 12, 13, 14)) / _TICKS
        return own_and_ended + sum(_running_s(process) for process in self._children())

    def _children(self) -> list[int]:
        """Return the processes that run now."""
        task = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children")
        return [int(process) for process in task.read_text(encoding="ascii").split()]


def _fields(process: int) -> list[str]:
    """Return the fields of `/proc/<process>/stat` after the name, which may contain blanks."""
    return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def _parent_of(process: int) -> int:
    return int(_fields(process)[1])


def _running_s(process: int) -> float:
    """Return the CPU seconds of a process with one thread; 0 if it has ended meanwhile: its parent counts it then."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except FileNotFoundError:
        return 0.0
