"""The table `requests`: what other processes ask the owner of a journal to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from azpoll.tracking.journal import JournalRequest

if TYPE_CHECKING:
    from sqlite3 import Connection

Action = Literal["cancel", "forget"]
_ACTIONS: dict[str, Action] = {"cancel": "cancel", "forget": "forget"}
KEPT_S = 3600.0
"""How long the outcome of a request can be read, in seconds."""


def add(action: Action, operation_id: str, connection: Connection) -> int:
    """Queue a request; returns its number."""
    query = "INSERT INTO requests (action, operation_id, requested_at) VALUES (?, ?, ?)"
    return connection.execute(query, (action, operation_id, time.time())).lastrowid or 0


def waiting(connection: Connection) -> list[JournalRequest]:
    """Return the requests that have no outcome yet, oldest first."""
    found = connection.execute(
        "SELECT number, action, operation_id FROM requests WHERE outcome IS NULL ORDER BY number"
    )
    return [JournalRequest(number, _ACTIONS[action], ident) for number, action, ident in found if action in _ACTIONS]


def conclude(number: int, outcome: str, connection: Connection) -> None:
    """Store the outcome of a request."""
    connection.execute("UPDATE requests SET outcome = ? WHERE number = ?", (outcome, number))
    remove_concluded(connection)


def outcome_of(number: int, connection: Connection) -> str | None:
    """Return the outcome of a request; None before it is carried out."""
    found = connection.execute("SELECT outcome FROM requests WHERE number = ?", (number,)).fetchone()
    return None if found is None else found[0]


def remove_concluded(connection: Connection) -> None:
    """Delete the old requests that were carried out."""
    query = "DELETE FROM requests WHERE outcome IS NOT NULL AND requested_at < ?"
    connection.execute(query, (time.time() - KEPT_S,))
