"""The tables of operations and results: every statement that reads or writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpoll.fleet.results import FleetResult
from azpoll.fleet.worker_shard import Progress
from azpoll.operation_state import OperationState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from asyncpg import Record

    from azpoll.fleet.cipher import Cipher
    from azpoll.fleet.database import Connection

READ_AT_ONCE = 500
"""The number of results that are read by one statement."""

FORGOTTEN_AT_ONCE = 10_000
"""The number of operations that are deleted by one statement."""

_ADD = """
INSERT INTO azpoll.operation AS o (id, shard, group_label, label, token, request)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::bytea[])
ON CONFLICT (id) DO UPDATE SET shard = excluded.shard, token = excluded.token, cancel_at = NULL, problem = NULL,
    percent = NULL, last_error = NULL
WHERE o.id = ANY($7::text[])
RETURNING shard
"""

_FORGET_UNKNOWN = """
DELETE FROM azpoll.result WHERE id = ANY($1::text[]) AND state = 'unknown' RETURNING id
"""

_OPEN_OF_SHARD = """
SELECT id, group_label, label, token, request, sent_at, cancel_at, problem, percent, last_error,
    created_at < now() - interval '1 day' AS is_old
FROM azpoll.operation o
WHERE shard = $1::bigint AND NOT EXISTS (SELECT FROM azpoll.result r WHERE r.id = o.id)
ORDER BY id
"""

# The lock makes the order of the numbers that of the commits, so a reader that goes on after the last number that it
# has read misses no result.
_WRITE = """
WITH ordered AS MATERIALIZED (SELECT pg_advisory_xact_lock(2053141618))
INSERT INTO azpoll.result (id, group_label, label, state, status_code, body, body_length, error, token)
SELECT row.* FROM ordered, unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bytea[], $7::int[], $8::text[], $9::bytea[]
) AS row
ON CONFLICT (id) DO NOTHING
"""

_COLUMNS = "number, id, group_label, label, state, status_code, body, body_length, error, token, ended_at"

_CANCEL = """
UPDATE azpoll.operation o SET cancel_at = now()
WHERE id = $1 AND NOT EXISTS (SELECT FROM azpoll.result r WHERE r.id = o.id)
RETURNING id
"""

_CANCELED_OF_SHARDS = """
SELECT id, shard, cancel_at FROM azpoll.operation o
WHERE shard = ANY($1::bigint[]) AND cancel_at IS NOT NULL
    AND NOT EXISTS (SELECT FROM azpoll.result r WHERE r.id = o.id)
"""

_FORGET = """
WITH ended AS (
    DELETE FROM azpoll.result WHERE number IN (
        SELECT number FROM azpoll.result
        WHERE ended_at <= now() - $1::float8 * interval '1 second' AND ($2::text IS NULL OR group_label = $2)
        ORDER BY number LIMIT $3
    ) RETURNING id
)
DELETE FROM azpoll.operation WHERE id IN (SELECT id FROM ended)
"""


class NewOperation(NamedTuple):
    """An operation to be stored.

    Attributes:
        shard: its number.
        token: resume token; None before the initial request is sent.
        request: the initial request as JSON text; None if it was sent.
    """

    operation_id: str
    shard: int
    group: str | None
    label: str | None
    token: str | None
    request: str | None


class OpenOperation(NamedTuple):
    """A stored operation without a result.

    Attributes:
        was_sent: whether a worker was about to send the initial request, or has sent it.
        is_canceled: whether its cancellation was asked for.
        has_problem: whether a worker has stored why it does not track it, or did not cancel it.
        progress: as a worker has stored it.
        is_old: whether it was stored more than a day ago.
    """

    operation_id: str
    group: str | None
    label: str | None
    token: str | None
    request: str | None
    was_sent: bool
    is_canceled: bool
    has_problem: bool
    progress: Progress
    is_old: bool


class EndedOperation(NamedTuple):
    """A result to be stored; fields are as in `FleetResult`."""

    operation_id: str
    group: str | None
    label: str | None
    state: OperationState | None
    status_code: int | None
    body: bytes
    body_length: int
    error: str | None
    token: str | None


class OperationTable:
    """Reads and writes operations and results. Each method is one step of the caller's transaction.

    Args:
        cipher: for tokens, requests and bodies.
    """

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    async def new_shards(self, connection: Connection, count: int) -> list[int]:
        """Return the numbers of new shards."""
        rows = await connection.fetch(
            "SELECT nextval('azpoll.shard_number') AS number FROM generate_series(1, $1::int)", count
        )
        return [row["number"] for row in rows]

    async def add(self, connection: Connection, operations: Sequence[NewOperation]) -> set[int]:
        """Store operations, but none that is stored already; returns the shards that have any.

        An operation whose result is unknown is stored again, and loses that result.
        """
        ids = [operation.operation_id for operation in operations]
        again = [row["id"] for row in await connection.fetch(_FORGET_UNKNOWN, ids)]
        stored = self._cipher.stored_text
        columns = zip(*(each._replace(token=None, request=None) for each in operations), strict=True)
        id_column, shards, groups, labels, _, _ = (list(column) for column in columns)
        tokens = [stored(operation.token) for operation in operations]
        requests = [stored(operation.request) for operation in operations]
        rows = await connection.fetch(_ADD, id_column, shards, groups, labels, tokens, requests, again)
        return {row["shard"] for row in rows}

    async def open_of_shard(self, connection: Connection, shard: int) -> list[OpenOperation]:
        """Return the operations of a shard that have no result."""
        text_of = self._cipher.text_of
        return [
            OpenOperation(
                row["id"],
                row["group_label"],
                row["label"],
                text_of(row["token"]),
                text_of(row["request"]),
                row["sent_at"] is not None,
                row["cancel_at"] is not None,
                row["problem"] is not None,
                Progress(row["percent"], row["last_error"]),
                row["is_old"],
            )
            for row in await connection.fetch(_OPEN_OF_SHARD, shard)
        ]

    async def mark_sent(self, connection: Connection, operation_id: str, *, sent: bool = True) -> None:
        """Store that an initial request is about to be sent, or was not sent after all."""
        at = "now()" if sent else "NULL"
        await connection.execute(f"UPDATE azpoll.operation SET sent_at = {at} WHERE id = $1", operation_id)  # noqa: S608 - of two constants

    async def store_tokens(self, connection: Connection, tokens: Iterable[tuple[str, str]]) -> None:
        """Replace tokens by operation id; an initial request is no longer needed, and is deleted."""
        rows = [(operation_id, self._cipher.stored_text(token)) for operation_id, token in tokens]
        await connection.execute(
            "UPDATE azpoll.operation o SET token = row.token, request = NULL"
            " FROM unnest($1::text[], $2::bytea[]) AS row(id, token) WHERE o.id = row.id",
            [operation_id for operation_id, _ in rows],
            [token for _, token in rows],
        )

    async def store_problem(self, connection: Connection, operation_ids: Sequence[str], problem: str | None) -> None:
        """Store why operations are not tracked, or were not canceled, as text without secrets; None for no reason."""
        query = "UPDATE azpoll.operation SET problem = $2 WHERE id = ANY($1::text[])"
        await connection.execute(query, operation_ids, problem)

    async def write(self, connection: Connection, results: Sequence[EndedOperation]) -> None:
        """Store results, but none of an operation that has one already; forget the requests that were refused."""
        rows = [
            result._replace(
                body=self._cipher.to_stored(result.body) if result.body else b"",
                state=None if result.state is None else result.state.value,  # type: ignore[arg-type]  # - as stored
            )
            for result in results
        ]
        columns = [list(column) for column in zip(*rows, strict=True)]
        columns[-1] = [self._cipher.stored_text(result.token) for result in results]
        await connection.execute(_WRITE, *columns)
        begun = [result.operation_id for result in results if result.state is None]
        if begun:
            await connection.execute("UPDATE azpoll.operation SET request = NULL WHERE id = ANY($1::text[])", begun)

    async def results(self, connection: Connection, group: str | None, after: int) -> list[FleetResult]:
        """Return the next results of a group, or of all, after a number."""
        query = f"SELECT {_COLUMNS} FROM azpoll.result WHERE number > $1::bigint"  # noqa: S608 - of a constant
        order = f" ORDER BY number LIMIT {READ_AT_ONCE}"
        if group is None:
            return self._results_of(await connection.fetch(query + order, after))
        return self._results_of(await connection.fetch(f"{query} AND group_label = $2{order}", after, group))

    async def results_by_id(self, connection: Connection, ids: Sequence[str], after: int) -> list[FleetResult]:
        """Return the results of operations after a number."""
        query = f"SELECT {_COLUMNS} FROM azpoll.result WHERE number > $1::bigint AND id = ANY($2::text[])"  # noqa: S608 - of a constant
        return self._results_of(await connection.fetch(query, after, ids))

    async def is_complete(self, connection: Connection, group: str | None, last: int) -> bool:
        """Whether every operation of a group, or of all, has a result with a number up to `last`."""
        condition = "TRUE" if group is None else "group_label = $2"
        counts = f"""
            SELECT (SELECT count(*) FROM azpoll.operation WHERE {condition})
                <= (SELECT count(*) FROM azpoll.result WHERE number <= $1::bigint AND {condition})
        """  # noqa: S608 - of constants
        complete: bool = await connection.fetchval(counts, last, *([] if group is None else [group]))
        return complete

    async def missing(self, connection: Connection, ids: Sequence[str]) -> set[str]:
        """Return the ids of which no operation is stored."""
        rows = await connection.fetch("SELECT id FROM azpoll.operation WHERE id = ANY($1::text[])", ids)
        return set(ids) - {row["id"] for row in rows}

    async def cancel(self, connection: Connection, operation_id: str) -> bool:
        """Mark an operation as canceled by its caller; False if it has a result."""
        return await connection.fetchval(_CANCEL, operation_id) is not None

    async def canceled(self, connection: Connection, shards: Sequence[int]) -> list[tuple[int, str, datetime]]:
        """Return shard and id of the open operations whose cancellation was asked for, and when."""
        rows = await connection.fetch(_CANCELED_OF_SHARDS, shards)
        return [(row["shard"], row["id"], row["cancel_at"]) for row in rows]

    async def forget(self, connection: Connection, group: str | None, older_s: float) -> int:
        """Delete some operations that ended at least `older_s` seconds ago; returns their number, at last 0."""
        done = await connection.execute(_FORGET, older_s, group, FORGOTTEN_AT_ONCE)
        return int(done.rpartition(" ")[2])

    def _results_of(self, rows: Iterable[Record]) -> list[FleetResult]:
        from_stored = self._cipher.from_stored
        return [
            FleetResult(
                row["number"],
                row["id"],
                row["group_label"],
                row["label"],
                None if row["state"] is None else OperationState(row["state"]),
                row["status_code"],
                from_stored(row["body"]) if row["body"] else b"",
                row["body_length"],
                row["error"],
                self._cipher.text_of(row["token"]),
                row["ended_at"],
            )
            for row in rows
        ]
