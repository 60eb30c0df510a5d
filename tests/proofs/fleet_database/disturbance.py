"""A fleet whose workers, connections and server are killed at random, and a judgement of its results."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import httpx

from azpoll.fleet import Fleet
from azpoll.testing import Script
from tests.proofs.fleet_database.fleet_of_processes import TimedARM, start_worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azpoll.testing import IncomingRequest
    from tests.proofs.fleet_database.fleet_of_processes import WorkerProcess
    from tests.support.postgres import PostgresServer

WORKERS, LEASE_S, WAIT_S = 3, 2.0, 60.0
AT_ONCE = 40
"""Operations of one batch."""

OUTCOMES = ("Succeeded", "Succeeded", "Failed", "Canceled")


class Judgement(NamedTuple):
    """The results of a disturbed fleet.

    Attributes:
        disturbances: number of each kind.
        operations: number of operations that were submitted.
        lost: operations without a result.
        repeated: results of an operation beyond its first.
        false: results with another state than that of the service.
    """

    disturbances: dict[str, int]
    operations: int
    lost: int
    repeated: int
    false: int


class Disturbance:
    """Runs workers, and disturbs one thing after the other.

    Args:
        server: of the database; it is restarted if it is ours.
        dsn: of the database, which has the tables of a fleet.
        seed: of the random choices.
    """

    def __init__(self, server: PostgresServer, dsn: str, seed: int) -> None:
        self._server, self._dsn = server, dsn
        self._chance = random.Random(seed)  # noqa: S311 - seeded
        self._arm = TimedARM(self._script)
        self._workers: list[WorkerProcess] = []
        self._counts: Counter[str] = Counter()
        self._outcomes: dict[str, str] = {}  # of the service, by path
        self._paths: dict[str, str] = {}  # by id

    async def run(self, seconds: float) -> Judgement:
        """Disturb the fleet for some seconds, then let it end, and judge it."""
        async with self._arm.serve() as base_url, Fleet.connect(self._dsn) as fleet:
            self._workers = [await start_worker(self._dsn, base_url, lease_s=LEASE_S) for _ in range(WORKERS)]
            try:
                until_s = asyncio.get_running_loop().time() + seconds
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._submit(fleet, base_url, until_s))
                    tasks.create_task(self._disturb(base_url, until_s))
                with suppress(TimeoutError):
                    await fleet.wait(list(self._paths), timeout=WAIT_S)
                return await self._judge(fleet)
            finally:
                for worker in self._workers:
                    await worker.terminate()

    def _script(self, request: IncomingRequest) -> Script:
        outcome = self._outcomes[request.path] = self._chance.choice(OUTCOMES)
        return Script(duration_s=self._chance.uniform(0.2, 4.0), retry_after=1, outcome=outcome)

    async def _submit(self, fleet: Fleet, base_url: str, until_s: float) -> None:
        """Begin operations, and submit them in batches."""
        number = 0
        async with httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
            while asyncio.get_running_loop().time() < until_s:
                responses: list[httpx.Response] = []
                for _ in range(AT_ONCE):
                    number += 1
                    path = f"/subscriptions/s{number % 4}/resourceGroups/g{number}"
                    responses.append(await client.put(f"{path}?api-version=1", json={}))
                ids = await fleet.submit(responses, group="all")
                self._paths.update(zip(ids, (response.url.path for response in responses), strict=True))
                await asyncio.sleep(self._chance.uniform(0.2, 1.0))

    async def _disturb(self, base_url: str, until_s: float) -> None:
        kinds: list[tuple[str, float, Callable[[str], Awaitable[None]]]] = [
            ("kill -9 of a worker", 6, self._kill),
            ("SIGTERM to a worker", 2, self._terminate),
            ("all connections cut", 3, self._cut),
        ]
        if self._server.restart is not None:
            kinds.append(("restart of the server", 1, self._restart))
        while asyncio.get_running_loop().time() < until_s:
            await asyncio.sleep(self._chance.uniform(0.1, 2.5))
            name, _, disturb = self._chance.choices(kinds, [weight for _, weight, _ in kinds])[0]
            await disturb(base_url)
            self._counts[name] += 1

    async def _kill(self, base_url: str) -> None:
        worker = self._take()
        worker.kill()
        await worker.process.wait()
        self._workers.append(await start_worker(self._dsn, base_url, lease_s=LEASE_S))

    async def _terminate(self, base_url: str) -> None:
        code, _ = await self._take().terminate()
        assert code == 0
        self._workers.append(await start_worker(self._dsn, base_url, lease_s=LEASE_S))

    async def _cut(self, _: str) -> None:
        knife = await asyncpg.connect(self._dsn)
        await knife.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        await knife.close()

    async def _restart(self, _: str) -> None:
        assert self._server.restart is not None
        await asyncio.to_thread(self._server.restart)

    def _take(self) -> WorkerProcess:
        return self._workers.pop(self._chance.randrange(len(self._workers)))

    async def _judge(self, fleet: Fleet) -> Judgement:
        states = [(result.operation_id, str(result.state)) async for result in fleet.results(group="all")]
        found = {ident for ident, _ in states}
        right = {ident: self._outcomes[path].lower() for ident, path in self._paths.items()}
        return Judgement(
            dict(self._counts),
            operations=len(right),
            lost=len(right.keys() - found),
            repeated=len(states) - len(found),
            false=sum(right.get(ident) != state for ident, state in states),
        )
