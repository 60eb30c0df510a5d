"""The lease of a journal: at most one tracker owns a file.

The lease is an exclusive lock that SQLite holds on a side file, `<file>-owner`. The operating system releases it when
the process ends, however it ends, so a new tracker takes over immediately. No clock and no process id decides. A fork
of the process does not inherit it, and a second tracker of the same process is refused like any other.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from pathlib import Path
from typing import NamedTuple

from azpoll.errors import JournalInUse
from azpoll.journal.connection import create

OWNER = "owner"
"""The name of the fact that describes the last owner."""


class Lease:
    """The right to write a journal, until `close`.

    Raises:
        JournalInUse: another tracker has it.
    """

    def __init__(self, path: Path) -> None:
        side = _side_file(path)
        create(side)
        self._lock = sqlite3.connect(side, timeout=0.0, isolation_level=None)
        try:
            self._lock.execute("PRAGMA journal_mode = MEMORY")  # no file of its own
            self._lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self._lock.close()
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise JournalInUse(f"the journal {path} is in use: another tracker owns it") from error
        except BaseException:
            self._lock.close()
            raise

    def close(self) -> None:
        """Release the journal for another tracker."""
        self._lock.close()


def is_owned(path: Path) -> bool:
    """Whether a tracker owns a journal now."""
    if not _side_file(path).exists():
        return False
    probe = sqlite3.connect(f"{_side_file(path).absolute().as_uri()}?mode=ro", uri=True, timeout=0.0)
    try:
        probe.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return True
    finally:
        probe.close()
    return False


class Owner(NamedTuple):
    """The process that owns a journal, or owned it last.

    Attributes:
        since: Unix time in seconds.
        is_alive: whether it owns the journal now.
    """

    host: str
    process_id: int
    since: float
    is_alive: bool


def note_owner(connection: sqlite3.Connection) -> None:
    """Store a description of this process, for people."""
    text = f"{socket.gethostname()} {os.getpid()} {time.time():.0f}"
    connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (OWNER, text))


def last_owner(connection: sqlite3.Connection, path: Path) -> Owner | None:
    """Return the description of the last owner; None before the first."""
    found = connection.execute("SELECT value FROM facts WHERE name = ?", (OWNER,)).fetchone()
    if found is None:
        return None
    host, process_id, since = str(found[0]).rsplit(" ", 2)
    return Owner(host, int(process_id), float(since), is_owned(path))


def _side_file(path: Path) -> Path:
    return Path(f"{path}-owner")
