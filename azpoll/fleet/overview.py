"""An overview of a fleet, as `JournalReader.overview` returns it of a journal.

The counts read two indexes and no table. Indexes of few rows find everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.fleet import shard_queue
from azpoll.fleet.stored_entries import LIGHT_ENDED, OPEN, OPEN_COLUMNS, ended_entry, open_entry
from azpoll.journal.overview import JournalGroup, JournalOverview

if TYPE_CHECKING:
    from asyncpg import Record

    from azpoll.fleet.cipher import Cipher
    from azpoll.fleet.database import Connection
    from azpoll.journal.rows import JournalEntry

MOST_GROUPS = 1000
"""Groups of an overview: those with the most running operations."""

_COUNTS = """
SELECT group_label, (sum(begun) - sum(ended))::bigint AS running,
    sum(ended) FILTER (WHERE state = 'succeeded') AS succeeded, sum(ended) FILTER (WHERE state = 'failed') AS failed,
    sum(ended) FILTER (WHERE state = 'canceled') AS canceled, sum(ended) FILTER (WHERE state = 'unknown') AS unknown,
    sum(ended) FILTER (WHERE state IS NULL) AS not_started
FROM (
    SELECT group_label, NULL AS state, count(*) AS begun, 0 AS ended FROM azpoll.operation GROUP BY group_label
    UNION ALL
    SELECT group_label, state, 0, count(*) FROM azpoll.result GROUP BY group_label, state
) AS counted
GROUP BY group_label ORDER BY running DESC, group_label LIMIT $1::int
"""

_NEEDS_ATTENTION = "(o.problem IS NOT NULL OR o.last_error IS NOT NULL)"
_FAILING_COUNTS = f"SELECT o.group_label, count(*) FROM {OPEN} AND {_NEEDS_ATTENTION} GROUP BY 1"  # noqa: S608 - constants
_FAILING = f"SELECT {OPEN_COLUMNS} FROM {OPEN} AND {_NEEDS_ATTENTION} ORDER BY created_at, id LIMIT $1::int"  # noqa: S608 - constants
_FAILURES = f"{LIGHT_ENDED} WHERE r.state IS DISTINCT FROM 'succeeded' ORDER BY r.number DESC LIMIT $1::int"
_OPEN_OF_SHARDS = f"""
SELECT o.* FROM unnest($1::bigint[]) AS shards(number), LATERAL (
    SELECT {OPEN_COLUMNS} FROM {OPEN} AND o.shard = shards.number LIMIT $2::int
) AS o ORDER BY o.created_at, o.id LIMIT $2::int
"""  # noqa: S608 - constants


async def read_overview(connection: Connection, cipher: Cipher, most: int) -> JournalOverview:
    """Return the overview, with at most `most` failures and running operations each."""
    counts = await connection.fetch(_COUNTS, MOST_GROUPS)
    failing: dict[str | None, int] = dict(map(tuple, await connection.fetch(_FAILING_COUNTS)))
    failures = await connection.fetch(_FAILURES, most)
    return JournalOverview(
        tuple(_group(row, failing.get(row["group_label"], 0)) for row in counts),
        tuple(ended_entry(row, cipher) for row in failures),
        tuple(await _running(connection, cipher, most, any_failing=bool(failing))),
    )


async def _running(connection: Connection, cipher: Cipher, most: int, *, any_failing: bool) -> list[JournalEntry]:
    """Return open operations: those that need attention, then those of the oldest shards."""
    rows: list[Record] = await connection.fetch(_FAILING, most) if any_failing else []
    if len(rows) < most:
        shards = await shard_queue.oldest(connection, most)
        rows = [*rows, *await connection.fetch(_OPEN_OF_SHARDS, shards, most)]
    return [open_entry(row, cipher) for row in {row["id"]: row for row in rows}.values()][:most]


def _group(row: Record, failing: int) -> JournalGroup:
    def count(name: str) -> int:
        return int(row[name] or 0)

    return JournalGroup(
        label=row["group_label"],
        running=max(count("running"), 0),
        succeeded=count("succeeded"),
        failed=count("failed"),
        canceled=count("canceled"),
        unknown=count("unknown"),
        not_started=count("not_started"),
        oldest_at=None,
        failing=failing,
    )
