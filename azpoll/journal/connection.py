"""Opens journal files, and explains the errors of SQLite."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from azpoll.errors import AzpollError, JournalError
from azpoll.journal.schema import migrate, version_of

if TYPE_CHECKING:
    from collections.abc import Generator

Synchronous = Literal["normal", "full"]

_EXPLANATIONS = (
    (sqlite3.SQLITE_FULL, "the disk is full, or the file has reached max_bytes"),
    (sqlite3.SQLITE_BUSY, "another program keeps the file locked"),
    (sqlite3.SQLITE_LOCKED, "another program keeps the file locked"),
    (sqlite3.SQLITE_READONLY, "the file or its folder is read-only"),
    (sqlite3.SQLITE_CANTOPEN, "the file cannot be opened: look at its folder and the permissions"),
    (sqlite3.SQLITE_CORRUPT, "the file is damaged: move it away, and restore it from a backup"),
    (sqlite3.SQLITE_NOTADB, "the file is not an SQLite database"),
    (sqlite3.SQLITE_IOERR, "the disk reports an error, or is full"),
)
"""Explanations, by the primary result code of SQLite."""


def explained(path: Path, error: Exception) -> JournalError:
    """Return the error of a journal for an error of SQLite or of the file system."""
    if isinstance(error, OSError):
        return JournalError(f"the journal {path} cannot be opened: {error.strerror or type(error).__name__}")
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # not of SQLite: such as an error of the caller's key function
        return JournalError(f"the journal {path} cannot be used: {type(error).__name__}")
    found = next((text for primary, text in _EXPLANATIONS if code & 0xFF == primary), str(error))
    return JournalError(f"the journal {path} cannot be used: {found}")


@contextmanager
def explaining(path: Path) -> Generator[None]:
    """Raise `JournalError` in place of the errors of SQLite, of the file system and of key functions."""
    try:
        yield
    except AzpollError:
        raise
    except Exception as error:
        raise explained(path, error) from error


def create(path: Path) -> None:
    """Create an empty file that only its owner can read, if there is none. SQLite gives its own files the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return


def open_for_writing(
    path: Path, *, synchronous: Synchronous = "normal", busy_s: float = 5.0, max_bytes: int | None = None
) -> sqlite3.Connection:
    """Return a connection to a journal of the newest version, in WAL mode; the caller owns the journal."""
    create(path)
    connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None)
    try:
        version = version_of(connection)  # before anything is written to a file that may be another program's
        _use_wal(connection, path)
        connection.execute(f"PRAGMA synchronous = {synchronous.upper()}")
        if max_bytes is not None:
            (page_size,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA max_page_count = {max(max_bytes // page_size, 1)}")
        migrate(connection, version)
    except BaseException:
        connection.close()
        raise
    return connection


def open_beside_the_owner(path: Path, busy_s: float = 5.0) -> sqlite3.Connection:
    """Return a connection that may write, for a process that does not own the journal; the file must exist."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return _checked(sqlite3.connect(uri, uri=True, timeout=busy_s, isolation_level=None))


def open_for_reading(path: Path, busy_s: float = 5.0) -> sqlite3.Connection:
    """Return a connection that cannot write.

    In a folder that cannot be written, SQLite needs to know that no process writes to the file.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        return _checked(sqlite3.connect(uri, uri=True, timeout=busy_s, isolation_level=None))
    except sqlite3.OperationalError:
        if not path.exists() or Path(f"{path.resolve()}-wal").exists():
            raise
    return _checked(sqlite3.connect(f"{uri}&immutable=1", uri=True, isolation_level=None))


def _checked(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return a connection to a journal, of whatever version; close it if the file is none."""
    try:
        is_empty = version_of(connection) == 0
    except BaseException:
        connection.close()
        raise
    if is_empty:
        connection.close()
        raise JournalError("the journal is empty: no tracker has used it yet")
    return connection


def _use_wal(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise JournalError(f"the journal {path} cannot use WAL: is it on a network file system?")
