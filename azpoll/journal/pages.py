"""Reads the table `operations` in pages, so that no call takes long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.journal.rows import OPEN_STATES, SELECT

if TYPE_CHECKING:
    from sqlite3 import Connection

    from azpoll.journal.rows import JournalEntry, RowTable

ROWS_AT_A_TIME, RESULTS_AT_A_TIME = 500, 50
"""Results have bodies, so their pages are shorter."""


def open_after(table: RowTable, number: int, limit: int, connection: Connection) -> list[JournalEntry]:
    """Return the operations after this number that have not ended."""
    query = f"{SELECT} WHERE state IN {OPEN_STATES} AND number > ? ORDER BY number LIMIT ?"
    return table.entries_of(connection.execute(query, (number, limit)))


def ended_after(
    table: RowTable, group: str | None, number: int, limit: int, connection: Connection
) -> list[JournalEntry]:
    """Return the operations after this number that have ended, of one group or all."""
    query = f"{SELECT} WHERE state NOT IN {OPEN_STATES} AND number > ?"
    return _page(table, query, group, number, connection, limit=limit)


def all_after(
    table: RowTable, group: str | None, number: int, limit: int, connection: Connection
) -> list[JournalEntry]:
    """Return the operations after this number, of one group or all."""
    return _page(table, f"{SELECT} WHERE number > ?", group, number, connection, limit=limit)


def _page(
    table: RowTable, query: str, group: str | None, number: int, connection: Connection, *, limit: int
) -> list[JournalEntry]:
    """Return the rows of a query whose parameter is the number before them, of one group or all."""
    if group is None:
        return table.entries_of(connection.execute(f"{query} ORDER BY number LIMIT ?", (number, limit)))
    query = f"{query} AND operation_group = ? ORDER BY number LIMIT ?"
    return table.entries_of(connection.execute(query, (number, group, limit)))


def entry(table: RowTable, operation_id: str, connection: Connection) -> JournalEntry | None:
    """Return one operation; None if there is none."""
    found = connection.execute(f"{SELECT} WHERE operation_id = ?", (operation_id,)).fetchone()
    return None if found is None else table.entry_of(found)


def delete(operation_id: str, connection: Connection) -> bool:
    """Delete one operation; returns whether there was one."""
    return connection.execute("DELETE FROM operations WHERE operation_id = ?", (operation_id,)).rowcount > 0
