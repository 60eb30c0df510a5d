"""The queue of shards, on PgQueuer: the only module that calls it.

A job of the queue is one shard; its payload is the number of the shard. PgQueuer gives a job to one worker
(`FOR UPDATE SKIP LOCKED`), and gives it to another one after its heartbeats stop. Its `QueueManager` is not used: that
needs LISTEN, which poolers forbid, and it ends when the database restarts.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import QueueManagerId
from pgqueuer.queries import EntrypointExecutionParameter, Queries
from pgqueuer.types import Channel, QueueEntrypoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from pgqueuer.models import JOB_STATUS, Job, TracebackRecord

    from azpoll.fleet.database import Connection

_SHARD = QueueEntrypoint("shard")

_SETTINGS = DBSettings(  # each name is given: an environment variable of another program must not change one
    prefix="",
    db_schema="azpoll",
    channel=Channel("azpoll_shards"),
    function="fn_pgqueuer_changed",
    statistics_table="pgqueuer_statistics",
    queue_status_type="pgqueuer_status",
    queue_table="pgqueuer",
    queue_table_log="pgqueuer_log",
    trigger="tg_pgqueuer_changed",
    schedules_table="pgqueuer_schedules",
    durability=Durability.durable,
)

_OWNED = """
SELECT id FROM azpoll.pgqueuer
WHERE id = ANY($1::bigint[]) AND queue_manager_id = $2::uuid AND status = 'picked'
ORDER BY id FOR UPDATE
"""

_ALL_OWNED = """
SELECT id FROM azpoll.pgqueuer WHERE queue_manager_id = $1::uuid AND status = 'picked' ORDER BY id FOR UPDATE
"""


_WORKERS = """
SELECT queue_manager_id AS id, count(*) AS shards,
    greatest(extract(epoch FROM now() - max(heartbeat)), 0)::float8 AS silent_s
FROM azpoll.pgqueuer WHERE status = 'picked' AND queue_manager_id IS NOT NULL
GROUP BY queue_manager_id ORDER BY queue_manager_id LIMIT 1000
"""


class LeasedShard(NamedTuple):
    """A shard that a worker has leased.

    Attributes:
        number: of the shard.
        job: of the queue.
    """

    number: int
    job: Job


class ShardCounts(NamedTuple):
    """The numbers of shards and of workers.

    Attributes:
        queued: shards that no worker has.
        leased: shards that a worker has, or had before it died.
        workers: workers with at least one shard.
    """

    queued: int
    leased: int
    workers: int


def _queries(connection: Connection) -> Queries:
    queries = Queries.from_asyncpg_connection(connection)  # type: ignore[arg-type]  # - a pool's proxy of a connection
    queries.qbe = QueryBuilderEnvironment(_SETTINGS)
    queries.qbq = QueryQueueBuilder(_SETTINGS)
    queries.qbs = QuerySchedulerBuilder(_SETTINGS)
    return queries


async def install(connection: Connection) -> None:
    """Create the tables of the queue if there are none; runs in a transaction."""
    queries = _queries(connection)
    if not await queries.schema_is_installed():
        await queries.install(create_schema=False)


def script() -> str:
    """Return the SQL that creates the tables of the queue."""
    return QueryBuilderEnvironment(_SETTINGS).build_install_query(create_schema=False)


async def upgrade(connection: Connection) -> None:
    """Bring tables of an older PgQueuer up to date; outside of a transaction, and not through a pooler."""
    queries = _queries(connection)
    plan = await queries.plan_upgrade()
    if plan.statements:
        await queries.upgrade()


async def add(connection: Connection, shards: Sequence[int]) -> None:
    """Queue new shards."""
    count = len(shards)
    payloads: list[bytes | None] = [str(number).encode() for number in shards]
    await _queries(connection).enqueue([_SHARD] * count, payloads, [0] * count)


async def oldest(connection: Connection, most: int) -> list[int]:
    """Return the numbers of up to `most` shards that are queued or leased, in the order in which they were added."""
    query = "SELECT convert_from(payload, 'UTF8')::bigint AS number FROM azpoll.pgqueuer ORDER BY id LIMIT $1::int"
    return [row["number"] for row in await connection.fetch(query, most)]


async def lease(connection: Connection, worker: UUID, most: int, lease_s: float) -> list[LeasedShard]:
    """Lease up to `most` shards that are queued, or whose worker has sent no heartbeat for `lease_s` seconds."""
    entrypoints = {_SHARD: EntrypointExecutionParameter(concurrency_limit=0)}
    timeout = timedelta(seconds=lease_s)
    jobs = await _queries(connection).dequeue(most, entrypoints, QueueManagerId(worker), None, timeout)
    return [LeasedShard(int(job.payload or b""), job) for job in jobs]


async def keep(connection: Connection, worker: UUID, shards: Iterable[LeasedShard]) -> set[int]:
    """Send a heartbeat for the shards that the worker still has; returns their numbers."""
    owned = await _owned(connection, worker, shards)
    if owned:
        await _queries(connection).update_heartbeat([shard.job.id for shard in owned])
    return {shard.number for shard in owned}


async def give_back(connection: Connection, worker: UUID, shards: Iterable[LeasedShard], delay_s: float) -> None:
    """Queue the shards again that the worker still has; no worker gets them for `delay_s` seconds."""
    queries = _queries(connection)
    for shard in await _owned(connection, worker, shards):
        await queries.retry_job(shard.job, timedelta(seconds=delay_s), None)


async def give_back_all(connection: Connection, worker: UUID) -> None:
    """Queue all shards of a worker again, also one whose lease was committed and never answered."""
    queries = _queries(connection)
    for row in await connection.fetch(_ALL_OWNED, worker):
        job = await queries.queue_job_by_id(row["id"])
        if job is not None:
            await queries.retry_job(job, timedelta(0), None)


async def finish(connection: Connection, shards: Iterable[LeasedShard]) -> None:
    """Remove shards without open operations, whichever worker has them by now."""
    finished: list[tuple[Job, JOB_STATUS, TracebackRecord | None]]
    finished = [(shard.job, "successful", None) for shard in shards]
    if finished:
        await _queries(connection).log_jobs(finished)


async def counts(connection: Connection) -> ShardCounts:
    """Return the numbers of shards and of workers."""
    queries = _queries(connection)
    sizes = {row.status: row.count for row in await queries.queue_size() if row.entrypoint == _SHARD}
    workers = await queries.active_workers()
    return ShardCounts(sizes.get("queued", 0), sizes.get("picked", 0), len(workers))


async def workers(connection: Connection) -> list[tuple[str, int, float]]:
    """Return id, number of shards and seconds without a heartbeat of each worker that has a shard."""
    rows = await connection.fetch(_WORKERS)
    return [(str(row["id"]), row["shards"], row["silent_s"]) for row in rows]


async def forget_history(connection: Connection) -> None:
    """Delete the log of the queue, which gains three rows per shard."""
    await _queries(connection).clear_queue_log(_SHARD)


async def _owned(connection: Connection, worker: UUID, shards: Iterable[LeasedShard]) -> list[LeasedShard]:
    by_id = {int(shard.job.id): shard for shard in shards}
    rows = await connection.fetch(_OWNED, list(by_id), worker)
    return [by_id[row["id"]] for row in rows]
