"""The rows of the table `operations`, from and to the rows of `azpoll.tracking.journal`."""

from __future__ import annotations

import time
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from azpoll.operation_state import OperationState
from azpoll.tracking.journal import JournalResult, JournalRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from sqlite3 import Connection

    from azpoll.journal.cipher import Cipher

INTENT, RUNNING, NOT_STARTED = "intent", "running", "not started"
OPEN_STATES = "('intent', 'running')"
_VERDICTS = "('succeeded', 'failed', 'canceled')"

_COLUMNS = (
    *("operation_id", "state", "method", "url", "client_request_id", "label", "operation_group", "status", "options"),
    *("token", "status_code", "body", "body_length", "error", "polls", "throttled", "percent", "last_error"),
    *("created_at", "updated_at"),
)
SELECT = f"SELECT number, {', '.join(_COLUMNS)} FROM operations"  # noqa: S608 - constants
_REPLACED = [name for name in _COLUMNS if name not in {"operation_id", "created_at"}]
_INSERT = f"INSERT INTO operations ({', '.join(_COLUMNS)}) VALUES "  # noqa: S608 - constants
_REPLACE = (
    f" ON CONFLICT (operation_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _REPLACED)}"
    f" WHERE state NOT IN {_VERDICTS}"
)
"""A verdict is never replaced."""

ROWS_AT_ONCE = 32
"""The greatest number of rows of one statement. Each statement hands the interpreter lock to the event loop and back,
so one for many rows takes less CPU time than one for each."""

STATEMENTS = 128
"""The number of statements that are kept: as many as a connection of `sqlite3` keeps compiled."""


@lru_cache(STATEMENTS)
def _statement(count: int, empty: tuple[int, ...]) -> str:
    """Return the statement that stores so many rows, which all have NULL in the columns of these indexes."""
    values = ", ".join("NULL" if index in empty else "?" for index in range(len(_COLUMNS)))
    return _INSERT + ", ".join([f"({values})"] * count) + _REPLACE


class JournalEntry(NamedTuple):
    """A row with its times.

    Attributes:
        number: rises in the order in which the operations were first stored.
        created_at: Unix time in seconds of the first row of the operation.
        updated_at: Unix time in seconds of the present row.
    """

    number: int
    row: JournalRow | JournalResult
    created_at: float
    updated_at: float


class RowTable:
    """Reads and writes the table `operations`.

    Args:
        cipher: for tokens and bodies.
        max_body: the longest part of a body that is stored, in bytes.
    """

    def __init__(self, cipher: Cipher, max_body: int) -> None:
        self._cipher = cipher
        self._max_body = max_body

    def store(self, connection: Connection, rows: Sequence[JournalRow | JournalResult]) -> None:
        """Store rows; each replaces the row of the same operation."""
        now = time.time()
        for first in range(0, len(rows), ROWS_AT_ONCE):
            values = [self._values(row, now) for row in rows[first : first + ROWS_AT_ONCE]]
            empty = _empty_columns(values)
            bound = itemgetter(*(index for index in range(len(_COLUMNS)) if index not in empty))
            connection.execute(_statement(len(values), empty), list(chain.from_iterable(map(bound, values))))

    def entry_of(self, values: Sequence[Any]) -> JournalEntry:
        """Return the entry for a row of `SELECT`."""
        number, ident, state, method, url, request_id, label, group, status, options, token, *rest = values
        status_code, body, body_length, error, polls, throttled, percent, last_error, created_at, updated_at = rest
        token = self._cipher.from_stored(token)
        text = None if token is None else token.decode()
        row: JournalRow | JournalResult
        if state in {INTENT, RUNNING}:
            is_intent = state == INTENT
            common = (ident, method, url, request_id, label, group)
            row = JournalRow(*common, status, is_intent, text, options, polls, throttled, percent, last_error)
        else:
            end = None if state == NOT_STARTED else OperationState(state)
            body = self._cipher.from_stored(body) or b""
            common = (ident, method, url, request_id, label, group)
            row = JournalResult(*common, end, status_code, body, body_length, error, text, polls, throttled)
        return JournalEntry(number, row, created_at, updated_at)

    def entries_of(self, found: Iterable[Sequence[Any]]) -> list[JournalEntry]:
        """Return the entries for rows of `SELECT`."""
        return [self.entry_of(values) for values in found]

    def _values(self, row: JournalRow | JournalResult, now: float) -> tuple[object, ...]:
        token = self._cipher.to_stored(None if row.token is None else row.token.encode())
        common = (row.method, row.url, row.client_request_id, row.label, row.group)
        if isinstance(row, JournalRow):
            state = INTENT if row.intent else RUNNING
            open_row = (row.operation_id, state, *common, row.status, row.options, token)
            return (*open_row, None, None, 0, None, row.polls, row.throttled, row.percent, row.last_error, now, now)
        end = NOT_STARTED if row.state is None else row.state.value
        body = self._cipher.to_stored(row.body[: self._max_body])
        answer = (row.status_code, body, row.body_length, row.error, row.polls, row.throttled, None, None)
        return (row.operation_id, end, *common, None, "", token, *answer, now, now)


def _empty_columns(rows: Sequence[tuple[object, ...]]) -> tuple[int, ...]:
    """Return the indexes of the columns that are None in all rows; to bind None takes 0.4 us, ten times a number."""
    first, *others = rows
    candidates = (index for index, value in enumerate(first) if value is None)
    return tuple(index for index in candidates if all(row[index] is None for row in others))
