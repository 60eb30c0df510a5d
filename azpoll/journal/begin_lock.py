"""The lock that each process holds while it begins an operation in a journal that it does not own.

It is a shared lock that SQLite holds on a side file, `<file>-begin`. The operating system releases it when the process
ends, however it ends. An intent of such a process is unanswered only after that.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from azpoll.journal.connection import create
from azpoll.protocol.json_body import is_object
from azpoll.tracking.journal import JournalRow

if TYPE_CHECKING:
    from azpoll.tracking.journal import JournalResult

WAIT_S = 5.0
"""How long the shared lock is waited for in seconds. The exclusive one is held for less than a millisecond."""

_MARK = "begun_beside_owner"


class BeginLock:
    """The shared lock, until `close`."""

    def __init__(self, path: Path) -> None:
        side = _side_file(path)
        create(side)
        self._lock = sqlite3.connect(side, timeout=WAIT_S, isolation_level=None)
        try:
            self._lock.execute("BEGIN")
            self._lock.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except BaseException:
            self._lock.close()
            raise

    def close(self) -> None:
        """Release the lock."""
        self._lock.close()


def is_held(path: Path) -> bool:
    """Whether a process is beginning an operation beside the owner now."""
    if not _side_file(path).exists():
        return False
    probe = sqlite3.connect(_side_file(path), timeout=0.0, isolation_level=None)
    try:
        probe.execute("PRAGMA journal_mode = MEMORY")  # no file of its own
        probe.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return True
    finally:
        probe.close()
    return False


def marked(row: JournalRow) -> JournalRow:
    """Return an intent with the mark of a process that does not own the journal."""
    return row._replace(options=json.dumps({**_options_of(row), _MARK: True}))


def may_be_beginning(row: JournalRow | JournalResult) -> bool:
    """Whether a row is the intent of a process that does not own the journal, and may still be running."""
    return isinstance(row, JournalRow) and row.intent and _MARK in _options_of(row)


def _options_of(row: JournalRow) -> dict[str, object]:
    stored: object = json.loads(row.options) if row.options else {}
    return dict(stored) if is_object(stored) else {}


def _side_file(path: Path) -> Path:
    return Path(f"{path}-begin")
