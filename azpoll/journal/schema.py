"""The tables of a journal file, and the steps from each version of them to the next (docs/journal.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.errors import JournalError

if TYPE_CHECKING:
    from sqlite3 import Connection

APPLICATION_ID = 0x617A706C
"""Marks the file as a journal of azpoll: the letters "azpl"."""

_VERSION_1 = (
    """CREATE TABLE operations (
        number INTEGER PRIMARY KEY,
        operation_id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL,
        method TEXT NOT NULL,
        url TEXT NOT NULL,
        client_request_id TEXT,
        label TEXT,
        operation_group TEXT,
        status TEXT,
        options TEXT NOT NULL DEFAULT '',
        token BLOB,
        status_code INTEGER,
        body BLOB,
        body_length INTEGER NOT NULL DEFAULT 0,
        error TEXT,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL
    )""",
    "CREATE INDEX open_operations ON operations (number) WHERE state IN ('intent', 'running')",
    "CREATE INDEX grouped_operations ON operations (operation_group, number) WHERE operation_group IS NOT NULL",
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID",
)
"""`state` is "intent", "running", a terminal state, or "not started"."""

_VERSION_2 = (
    """CREATE TABLE requests (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        action TEXT NOT NULL,
        operation_id TEXT NOT NULL,
        requested_at REAL NOT NULL,
        outcome TEXT
    )""",
    "CREATE INDEX open_requests ON requests (number) WHERE outcome IS NULL",
)
"""`outcome` is NULL until the owner has carried the request out."""

_VERSION_3 = (
    "ALTER TABLE operations ADD COLUMN polls INTEGER",
    "ALTER TABLE operations ADD COLUMN throttled INTEGER",
)
"""NULL in the rows that an older version stored: their polls are not known."""

_VERSION_4 = (
    "ALTER TABLE operations ADD COLUMN percent REAL",
    "ALTER TABLE operations ADD COLUMN last_error TEXT",
    "CREATE INDEX failing_operations ON operations (number) WHERE last_error IS NOT NULL",
)
"""Both are NULL after the end."""

MIGRATIONS = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4)
"""The statements that lead to version 1, 2, and so on. A published step never changes: a new version is a new step."""

VERSION = len(MIGRATIONS)

_ADDED = ((3, ("polls", "throttled")), (4, ("percent", "last_error")))
"""The columns that a version has added to `operations`."""


def version_of(connection: Connection) -> int:
    """Return the version of an open file; 0 for an empty one.

    Raises:
        JournalError: the file is a database of another program, or of a newer version.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application == 0 and version == 0 and tables == 0:
        return 0
    if application != APPLICATION_ID:
        raise JournalError("the file is an SQLite database of another program, not a journal of azpoll")
    if version > VERSION:
        raise JournalError(
            f"the journal has version {version}, and this azpoll reads up to version {VERSION}: upgrade azpoll"
        )
    return int(version)


def show_newest_columns(connection: Connection) -> None:
    """Show the columns that an older file lacks as NULL, on a connection that cannot migrate it."""
    version = version_of(connection)
    missing = [f"NULL AS {name}" for since, names in _ADDED if version < since for name in names]
    if missing:
        view = f"SELECT *, {', '.join(missing)} FROM main.operations"  # noqa: S608 - constants
        connection.execute(f"CREATE TEMP VIEW operations AS {view}")


def migrate(connection: Connection, version: int) -> None:
    """Lead a file from its version to the newest, in one transaction."""
    if version == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
