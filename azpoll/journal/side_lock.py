"""Locks on the side files of a journal, which the operating system releases when a process ends, however it ends.

SQLite holds each lock. No clock and no process id decides, and a fork of the process does not inherit a lock.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from azpoll.journal.connection import create

if TYPE_CHECKING:
    from pathlib import Path


def side_file(path: Path, suffix: str) -> Path:
    """Return a side file of a journal: the same one for each name of the journal, as SQLite follows links too."""
    real = path.resolve()
    return real.with_name(f"{real.name}{suffix}")


class SideLock:
    """A lock on a file of its own, until `close`.

    Args:
        side: the file; it is created if there is none.
        exclusive: whether no other process may hold the lock at the same time.
        wait_s: how long the lock is waited for in seconds.

    Raises:
        sqlite3.OperationalError: another process holds the lock; see `is_busy`.
    """

    def __init__(self, side: Path, *, exclusive: bool, wait_s: float) -> None:
        create(side)
        self._connection = sqlite3.connect(side, timeout=wait_s, isolation_level=None)
        try:
            _lock(self._connection, exclusive=exclusive)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Release the lock."""
        self._connection.close()


def is_locked(side: Path, *, exclusively: bool) -> bool:
    """Whether a process holds a lock on a side file now: an exclusive one, or any. Only reads the former's file."""
    if not side.exists():
        return False
    uri = f"{side.absolute().as_uri()}?mode={'ro' if exclusively else 'rw'}"
    probe = sqlite3.connect(uri, uri=True, timeout=0.0, isolation_level=None)
    try:
        _lock(probe, exclusive=not exclusively)
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise
        return True
    finally:
        probe.close()
    return False


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether an error means that another process holds the lock."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _lock(connection: sqlite3.Connection, *, exclusive: bool) -> None:
    if exclusive:
        connection.execute("PRAGMA journal_mode = MEMORY")  # no file of its own
        connection.execute("BEGIN EXCLUSIVE")
    else:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
