"""Workers die, the database restarts, connections are cut: each operation still has one result."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from azpoll.testing import Script
from tests.proofs.fleet_database.disturbance import Disturbance
from tests.proofs.fleet_database.fleet_of_processes import TimedARM, all_results, submitted, workers
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from azpoll.fleet import Fleet
    from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

LEASE_S = 2.0
SEED = 5


async def shards_are_shared(fleet: Fleet) -> bool:
    """Whether both workers have shards, and none is left."""
    counts = (await fleet.statistics()).shards
    return counts.workers == 2 and not counts.queued


async def test_a_killed_worker_loses_no_operation(dsn: str, fleet: Fleet) -> None:
    """`kill -9` while tracking: the other worker takes over within the lease and 5 s."""
    arm = TimedARM(Script(duration_s=4.0, retry_after=1))
    async with arm.serve() as base_url, workers(dsn, base_url, 2, lease_s=LEASE_S) as (first, _):
        ids = await submitted(fleet, base_url, scopes=6, each=10)
        await eventually(lambda: shards_are_shared(fleet))
        await asyncio.sleep(0.5)
        first.kill()
        killed_s = asyncio.get_running_loop().time()
        await eventually(lambda: taken_over(fleet), LEASE_S + 5.0)
        assert asyncio.get_running_loop().time() - killed_s <= LEASE_S + 5.0
        await all_results(fleet, ids, 15)
    counts = await fleet.statistics()
    assert (counts.running, counts.succeeded) == (0, 60)


async def taken_over(fleet: Fleet) -> bool:
    """Whether only one worker is left."""
    return (await fleet.statistics()).shards.workers == 1


async def test_a_terminated_worker_gives_back_its_shards_at_once(dsn: str, fleet: Fleet) -> None:
    arm = TimedARM(Script(duration_s=2.0, retry_after=1))
    async with arm.serve() as base_url, workers(dsn, base_url, 2, lease_s=60.0) as (first, second):
        ids = await submitted(fleet, base_url, scopes=6, each=5)
        await eventually(lambda: shards_are_shared(fleet))
        code, printed = await first.terminate()
        assert code == 0
        assert int(printed) >= 0
        await all_results(fleet, ids, 10)
        assert second.process.returncode is None


async def test_a_restart_of_the_database_loses_nothing(dsn: str, fleet: Fleet, postgres: PostgresServer) -> None:
    if postgres.restart is None:
        pytest.skip("the server of AZPOLL_TEST_DSN is not ours to restart")
    arm = TimedARM(Script(duration_s=3.0, retry_after=1))
    async with arm.serve() as base_url, workers(dsn, base_url, 2, lease_s=LEASE_S):
        ids = await submitted(fleet, base_url, scopes=6, each=10)
        await eventually(lambda: shards_are_shared(fleet))
        reading = asyncio.create_task(fleet.wait(ids, timeout=18))
        for _ in range(2):
            await asyncio.to_thread(postgres.restart)
            await asyncio.sleep(1.0)
        assert len(await reading) == 60
        await all_results(fleet, ids, 5)


async def test_cut_connections_lose_nothing(dsn: str, fleet: Fleet) -> None:
    """Every connection of every process is cut, ten times."""
    arm = TimedARM(Script(duration_s=2.0, retry_after=1))
    async with arm.serve() as base_url, workers(dsn, base_url, 2, lease_s=LEASE_S):
        ids = await submitted(fleet, base_url, scopes=6, each=10)
        reading = asyncio.create_task(fleet.wait(ids, timeout=18))
        for _ in range(10):
            await asyncio.sleep(0.3)
            knife = await asyncpg.connect(dsn)
            await knife.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            await knife.close()
        assert len(await reading) == 60
        await all_results(fleet, ids, 5)


async def test_random_disturbances_lose_repeat_and_falsify_nothing(dsn: str, postgres: PostgresServer) -> None:
    """`python -m tests.proofs.fleet_database` does the same for ten minutes."""
    found = await Disturbance(postgres, dsn, SEED).run(8.0)
    assert found.operations >= 40
    assert found.disturbances
    assert (found.lost, found.repeated, found.false) == (0, 0, 0)
