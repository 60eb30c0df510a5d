"""The lease of a journal: at most one tracker owns a file.

The lease is an exclusive lock on a side file, `<file>-owner`. It ends with the process, so a new tracker takes over
immediately. A second tracker of the same process is refused like any other.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple

from azpoll.errors import JournalInUse
from azpoll.journal.side_lock import SideLock, is_busy, is_locked, side_file

if TYPE_CHECKING:
    from pathlib import Path

OWNER = "owner"
"""The name of the fact that describes the last owner."""

_SUFFIX = "-owner"


class Lease(SideLock):
    """The right to write a journal, until `close`.

    Raises:
        JournalInUse: another tracker has it.
    """

    def __init__(self, path: Path) -> None:
        try:
            super().__init__(side_file(path, _SUFFIX), exclusive=True, wait_s=0.0)
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            raise JournalInUse(f"the journal {path} is in use: another tracker owns it") from error


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
    return Owner(host, int(process_id), float(since), is_locked(side_file(path, _SUFFIX), exclusively=True))
