"""The costs of a fleet: CPU time of submission, workers and server, the size of its rows, and its connections."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from typing import NamedTuple

import asyncpg

from azpoll.fleet import Fleet
from benchmarks.durable.cpu import CPUMeter, Server
from benchmarks.durable.processes import finished, started
from benchmarks.durable.service import SHARD, tokens

SUBMITTED_TOGETHER = 10_000
"""Operations of one call of `submit`."""

_BYTES = """
SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c
WHERE c.relnamespace = 'azpoll'::regnamespace AND c.relkind = 'r' AND c.relname = ANY($1::text[])
"""

_ROWS = """
SELECT (SELECT count(*) FROM azpoll.operation) + (SELECT count(*) FROM azpoll.result)
    + (SELECT count(*) FROM azpoll.pgqueuer_log)
"""

_CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""

TABLES = ["operation", "result", "pgqueuer", "pgqueuer_log", "budget"]


class FleetRun(NamedTuple):
    """Operations that went through a fleet.

    Attributes:
        operations: all of them have one result each.
        workers: processes that tracked them.
        reads: of all workers.
        submit_s: CPU seconds of the process that submitted them.
        worker_s: CPU seconds of all workers, from their first lease.
        server_s: CPU seconds of the server, from the first submission.
        wall_s: seconds from the first lease to the last result.
        memory_mib: the most memory of a worker.
        connections: the most connections of the workers.
        budgets: rows of budgets.
        rows: in all tables per operation.
        stored_bytes: in all tables with their indexes per operation.
    """

    operations: int
    workers: int
    reads: int
    submit_s: float
    worker_s: float
    server_s: float
    wall_s: float
    memory_mib: float
    connections: int
    budgets: int
    rows: float
    stored_bytes: float

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds per operation in all processes."""
        return (self.submit_s + self.worker_s + self.server_s) / self.operations * 1e3


async def through_fleet(dsn: str, operations: int, reads: int, workers: int = 1) -> FleetRun:
    """Submit operations to a new database, and let workers track them until all have ended."""
    server = await Server.of(dsn)
    before_s = server.cpu_s()
    async with Fleet.connect(dsn, listen=False) as fleet:
        submit_s = await _submit(fleet, operations)
        shards = -(-operations // SHARD // workers) if workers > 1 else 200
        processes = await asyncio.gather(
            *(started("benchmarks.durable.worker", dsn, reads, shards) for _ in range(workers))
        )
        done = asyncio.Event()
        watching = asyncio.create_task(_most_connections(dsn, done))
        begun_s = time.perf_counter()
        ended = [json.loads(line) for line in await asyncio.gather(*map(finished, processes))]
        wall_s = time.perf_counter() - begun_s
        server_s = server.cpu_s() - before_s
        done.set()
        connections = await watching
        counts = await fleet.statistics()
        assert (counts.succeeded, counts.running) == (operations, 0)
    rows, stored_bytes, budgets = await _stored(dsn)
    return FleetRun(
        operations,
        workers,
        reads=sum(each[1] for each in ended),
        submit_s=submit_s,
        worker_s=sum(each[0] for each in ended),
        server_s=server_s,
        wall_s=wall_s,
        memory_mib=max(each[2] for each in ended),
        connections=connections,
        budgets=budgets,
        rows=rows / operations,
        stored_bytes=stored_bytes / operations,
    )


async def _submit(fleet: Fleet, operations: int) -> float:
    """Return the CPU seconds of this process for the submission."""
    used_s = 0.0
    for first in range(0, operations, SUBMITTED_TOGETHER):
        made = await tokens(range(first, min(first + SUBMITTED_TOGETHER, operations)))
        gc.collect()
        meter = CPUMeter()
        await fleet.submit(made, group="all")
        used_s += meter.seconds
    return used_s


async def _most_connections(dsn: str, done: asyncio.Event) -> int:
    """Return the most connections of other processes until an event, without the one of the submission."""
    connection = await asyncpg.connect(dsn)
    most = 0
    try:
        while not done.is_set():
            most = max(most, await connection.fetchval(_CONNECTIONS) - 1)
            await asyncio.sleep(0.5)
    finally:
        await connection.close()
    return most


async def _stored(dsn: str) -> tuple[int, int, int]:
    """Return the number of rows, their bytes with all indexes, and the number of budgets."""
    connection = await asyncpg.connect(dsn)
    try:
        rows: int = await connection.fetchval(_ROWS)
        stored_bytes: int = await connection.fetchval(_BYTES, TABLES)
        budgets: int = await connection.fetchval("SELECT count(*) FROM azpoll.budget")
    finally:
        await connection.close()
    return rows, stored_bytes, budgets
