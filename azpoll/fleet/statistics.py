"""The counts of a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpoll.fleet import shard_queue

if TYPE_CHECKING:
    from azpoll.fleet.database import Connection
    from azpoll.fleet.shard_queue import ShardCounts

_BUDGETS = """
SELECT name, rate * scarcity AS rate, tokens,
    greatest(extract(epoch FROM closed_until - now()), 0)::float8 AS closed_s
FROM azpoll.budget ORDER BY name LIMIT 1000
"""


class FleetBudget(NamedTuple):
    """The tokens of one scope that all workers share.

    Attributes:
        name: reads, writes or deletes, and the scope.
        rate: requests per second that it gains.
        tokens: requests that were saved up when it was last used.
        closed_s: seconds for which a 429 still closes it; 0 if it is open.
    """

    name: str
    rate: float
    tokens: float
    closed_s: float


class FleetWorker(NamedTuple):
    """A worker with at least one shard.

    Attributes:
        id: a UUID, new in each call of `work`.
        shards: that it has.
        silent_s: seconds since its last heartbeat. After its lease other workers take over.
    """

    id: str
    shards: int
    silent_s: float


class FleetStatistics(NamedTuple):
    """The counts of a fleet.

    Attributes:
        running: operations without a result.
        failed: operations that the service reported as failed.
        unknown: operations whose status could not be read.
        not_started: initial requests that started no operation.
        problems: operations that a worker refused, or whose cancellation was refused.
        shards: the numbers of shards and workers.
        budgets: of each scope, at most 1,000.
        workers: those that have a shard, at most 1,000.
        last_result: the number of the last result, 0 for none: `results(after=...)` yields the later ones.
    """

    running: int
    succeeded: int
    failed: int
    canceled: int
    unknown: int
    not_started: int
    problems: int
    shards: ShardCounts
    budgets: tuple[FleetBudget, ...]
    workers: tuple[FleetWorker, ...]
    last_result: int


async def read_statistics(connection: Connection) -> FleetStatistics:
    """Return the counts."""
    rows = await connection.fetch("SELECT state, count(*) AS count FROM azpoll.result GROUP BY state")
    ended: dict[str | None, int] = {row["state"]: row["count"] for row in rows}
    total: int = await connection.fetchval("SELECT count(*) FROM azpoll.operation")
    problems: int = await connection.fetchval(f"SELECT count(*) {_PROBLEMS}")
    budgets = tuple(FleetBudget(*row.values()) for row in await connection.fetch(_BUDGETS))
    return FleetStatistics(
        running=max(total - sum(ended.values()), 0),
        succeeded=ended.get("succeeded", 0),
        failed=ended.get("failed", 0),
        canceled=ended.get("canceled", 0),
        unknown=ended.get("unknown", 0),
        not_started=ended.get(None, 0),
        problems=problems,
        shards=await shard_queue.counts(connection),
        budgets=budgets,
        workers=tuple(FleetWorker(*row) for row in await shard_queue.workers(connection)),
        last_result=await connection.fetchval("SELECT coalesce(max(number), 0) FROM azpoll.result"),
    )


async def read_problems(connection: Connection, limit: int) -> dict[str, str]:
    """Return the problems of open operations by id."""
    query = f"SELECT o.id, o.problem {_PROBLEMS} ORDER BY o.id LIMIT $1::int"
    return {row["id"]: row["problem"] for row in await connection.fetch(query, limit)}


_PROBLEMS = """
FROM azpoll.operation o
WHERE o.problem IS NOT NULL AND NOT EXISTS (SELECT FROM azpoll.result r WHERE r.id = o.id)
"""
