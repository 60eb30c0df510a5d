"""Kills processes of a journal and of a fleet, counts lost and doubled operations, and times the take-over."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from azpoll.fleet import Fleet
from azpoll.testing import FakeARM, Script
from tests.proofs.fleet_database.fleet_of_processes import start_worker, submitted
from tests.proofs.journal.killing import kill_and_recover

if TYPE_CHECKING:
    from uuid import UUID

    from azpoll.testing import IncomingRequest
    from benchmarks.durable.databases import Databases
    from benchmarks.durable.sizes import Sizes
    from tests.proofs.fleet_database.fleet_of_processes import WorkerProcess

LEASE_S = 2.0
"""The lease of the workers that are killed."""

KILLED_EVERY_S = 5.0
"""Seconds from one kill to the next, so that operations are left for the last one."""

TAKEN_OVER_S = 5.0
"""The most seconds that a take-over may take beyond the lease."""

LOOK_S = 0.05
"""Seconds between two looks at the shards: how exact the time of a take-over is."""

SCOPES = 20
"""Subscriptions of the operations of a fleet."""

SEED = 1

_OWNERS = "SELECT DISTINCT queue_manager_id FROM azpoll.pgqueuer"


class Kills(NamedTuple):
    """The counts of operations whose processes were killed.

    Attributes:
        kills: processes that were killed.
        lost: operations without an end.
        twice: operations with two ends, and initial requests that were sent twice.
        false: ends that the service did not report.
    """

    operations: int
    kills: int
    lost: int
    twice: int
    false: int


class TakeOver(NamedTuple):
    """The time from kill -9 until another worker has leased all shards of the killed one, both in seconds."""

    lease_s: float
    took_s: float


async def journal_kills(sizes: Sizes) -> Kills:
    """Kill a process with a journal at random moments, while it begins and polls operations."""
    with tempfile.TemporaryDirectory() as folder:
        found = await kill_and_recover(Path(folder), operations=sizes.killed, kills=sizes.journal_kills, seed=SEED)
    lost = found.lost + max(sizes.killed - found.ends, 0)
    return Kills(sizes.killed, found.kills, lost, found.repeated, found.false + found.forgotten)


async def fleet_kills(databases: Databases, sizes: Sizes) -> Kills:
    """Kill one worker after the other, each of which has all shards; another one takes over each time."""
    chance = random.Random(SEED)
    longest_s = 4.0 + KILLED_EVERY_S * sizes.fleet_kills

    def script(request: IncomingRequest) -> Script:
        del request
        return Script(duration_s=chance.uniform(1.0, longest_s), retry_after=1)

    arm = FakeARM(default=script, limits=None, floor_s=0.0, log_size=1_000)
    async with databases.new() as dsn, arm.serve() as base_url, Fleet.connect(dsn) as fleet:
        ids = await submitted(fleet, base_url, SCOPES, sizes.killed // SCOPES)
        worker = await start_worker(dsn, base_url, lease_s=LEASE_S, shards=SCOPES)
        for _ in range(sizes.fleet_kills):
            _, worker = await _replaced(dsn, base_url, worker, LEASE_S)
        ends = Counter([result.operation_id async for result in fleet.results(group="all")])
        states = {result.state for result in await fleet.wait(ids, 1)}
        await worker.terminate()
    lost, twice = len(set(ids) - ends.keys()), sum(count > 1 for count in ends.values())
    return Kills(len(ids), sizes.fleet_kills, lost, twice, len(states - {"succeeded"}))


async def take_overs(databases: Databases, sizes: Sizes) -> list[TakeOver]:
    """Kill a worker for each lease, and wait until another one has its shards."""
    return list(await asyncio.gather(*(_take_over(databases, lease_s) for lease_s in sizes.leases_s)))


async def _take_over(databases: Databases, lease_s: float) -> TakeOver:
    arm = FakeARM(default=Script(duration_s=600.0, retry_after=1), limits=None, floor_s=0.0, log_size=1_000)
    async with databases.new() as dsn, arm.serve() as base_url, Fleet.connect(dsn) as fleet:
        await submitted(fleet, base_url, SCOPES, 2)
        first = await start_worker(dsn, base_url, lease_s=lease_s, shards=SCOPES)
        took_s, second = await _replaced(dsn, base_url, first, lease_s)
        await second.terminate()
    return TakeOver(lease_s, took_s)


async def _replaced(dsn: str, base_url: str, worker: WorkerProcess, lease_s: float) -> tuple[float, WorkerProcess]:
    """Kill the worker that has all shards; return after how many seconds another one has them, and that worker."""
    loop = asyncio.get_running_loop()
    connection = await asyncpg.connect(dsn)
    try:
        while len(owners := await _owners(connection)) > 1 or None in owners:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(LOOK_S)
        other = await start_worker(dsn, base_url, lease_s=lease_s, shards=SCOPES)
        worker.kill()
        killed_s = loop.time()
        while owners & await _owners(connection):  # noqa: ASYNC110 - as above
            await asyncio.sleep(LOOK_S)
        took_s = loop.time() - killed_s
    finally:
        await connection.close()
    await worker.process.wait()
    return took_s, other


async def _owners(connection: asyncpg.Connection[asyncpg.Record]) -> set[UUID | None]:
    """Return the workers that have shards, and None if a shard is queued."""
    return {row["queue_manager_id"] for row in await connection.fetch(_OWNERS)}
