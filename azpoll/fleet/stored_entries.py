"""The operations of a fleet as the entries of a journal, for tables and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpoll.fleet import initial_request
from azpoll.journal.rows import JournalEntry
from azpoll.operation_state import OperationState
from azpoll.protocol import resume_token
from azpoll.protocol.json_body import is_object
from azpoll.protocol.redaction import masked_url
from azpoll.protocol.token_content import InvalidToken
from azpoll.tracking.journal import JournalResult, JournalRow
from azpoll.transport.headers import CLIENT_REQUEST_ID

if TYPE_CHECKING:
    from asyncpg import Record

    from azpoll.fleet.cipher import Cipher
    from azpoll.fleet.database import Connection

OPEN = "azpoll.operation o WHERE NOT EXISTS (SELECT FROM azpoll.result r WHERE r.id = o.id)"
"""The operations without a result."""

OPEN_COLUMNS = """o.id, o.group_label, o.label, o.token, o.request, o.percent,
    coalesce(o.problem, o.last_error) AS last_error, o.created_at"""

_ENDED_COLUMNS = """r.number, r.id, r.group_label, r.label, o.token, o.request,
    coalesce(o.created_at, r.ended_at) AS created_at, r.ended_at,
    r.state, r.status_code, r.body_length, r.error, r.token AS result_token"""

_RESULTS = "azpoll.result r LEFT JOIN azpoll.operation o ON o.id = r.id"
_ENDED = f"SELECT {_ENDED_COLUMNS}, r.body FROM {_RESULTS}"  # noqa: S608 - constants
LIGHT_ENDED = f"SELECT {_ENDED_COLUMNS}, ''::bytea AS body FROM {_RESULTS}"  # noqa: S608 - constants
"""A body may have 1 MiB."""

READ_AT_ONCE = 200
"""The number of operations that are read by one statement."""

_LAST = "SELECT coalesce(max(number), 0) FROM azpoll.result"
_OPEN_PAGE = f"""
SELECT {OPEN_COLUMNS} FROM azpoll.operation o
WHERE o.id > $1 AND ($2::text IS NULL OR o.group_label = $2)
    AND NOT EXISTS (SELECT FROM azpoll.result r WHERE r.id = o.id AND r.number <= $3::bigint)
ORDER BY o.id LIMIT $4::int
"""  # noqa: S608 - constants
_ENDED_PAGE = f"{_ENDED} WHERE r.number > $1::bigint AND r.number <= $2::bigint"
_ENDED_ORDER = "ORDER BY r.number LIMIT $3::int"


class _Request(NamedTuple):
    """The stored part of an initial request; texts are empty if none is stored."""

    method: str = ""
    url: str = ""
    client_request_id: str | None = None


async def last_result(connection: Connection) -> int:
    """Return the number of the last result; 0 for none."""
    number: int = await connection.fetchval(_LAST)
    return number


async def open_page(
    connection: Connection, cipher: Cipher, group: str | None, after: str, last: int
) -> list[JournalEntry]:
    """Return operations without a result up to the number `last`, after an id: those of a group, or all."""
    return [open_entry(row, cipher) for row in await connection.fetch(_OPEN_PAGE, after, group, last, READ_AT_ONCE)]


async def ended_page(
    connection: Connection, cipher: Cipher, group: str | None, after: int, last: int
) -> list[JournalEntry]:
    """Return operations with a result between two numbers, the second included: those of a group, or all."""
    if group is None:
        rows = await connection.fetch(f"{_ENDED_PAGE} {_ENDED_ORDER}", after, last, READ_AT_ONCE)
    else:
        query = f"{_ENDED_PAGE} AND r.group_label = $4 {_ENDED_ORDER}"
        rows = await connection.fetch(query, after, last, READ_AT_ONCE, group)
    return [ended_entry(row, cipher) for row in rows]


def open_entry(row: Record, cipher: Cipher) -> JournalEntry:
    """Return the entry for a row of `OPEN_COLUMNS`; its number is 0."""
    token = cipher.text_of(row["token"])
    request = _request_of(token, cipher.text_of(row["request"]))
    begun_s = row["created_at"].timestamp()
    stored = JournalRow(
        row["id"],
        *request,
        row["label"],
        row["group_label"],
        status=None,
        intent=token is None,
        token=token,
        options="",
        percent=row["percent"],
        last_error=row["last_error"],
    )
    return JournalEntry(0, stored, begun_s, begun_s)


def ended_entry(row: Record, cipher: Cipher) -> JournalEntry:
    """Return the entry for a row of `LIGHT_ENDED`; its number is that of the result."""
    request = _request_of(cipher.text_of(row["token"]), cipher.text_of(row["request"]))
    stored = JournalResult(
        row["id"],
        *request,
        row["label"],
        row["group_label"],
        None if row["state"] is None else OperationState(row["state"]),
        row["status_code"],
        cipher.from_stored(row["body"]) if row["body"] else b"",
        row["body_length"],
        row["error"],
        cipher.text_of(row["result_token"]),
    )
    return JournalEntry(row["number"], stored, row["created_at"].timestamp(), row["ended_at"].timestamp())


def _request_of(token: str | None, text: str | None) -> _Request:
    if token is not None:
        try:
            content = resume_token.decode(token.partition(".")[0])  # shown only: unverified
        except InvalidToken:
            return _Request()
        return _Request(content.method, masked_url(content.resource_url), content.client_request_id)
    if text is None:
        return _Request()
    request = initial_request.read(text)
    headers = request.options.get("headers")
    ident = headers.get(CLIENT_REQUEST_ID) if is_object(headers) else None
    return _Request(request.method, masked_url(request.url), ident if isinstance(ident, str) else None)
