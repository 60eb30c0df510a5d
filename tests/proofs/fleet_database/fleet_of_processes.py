"""Workers in processes of their own, and a fake service that they reach over loopback."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

from azpoll.testing import Exchange, FakeARM, IncomingRequest, Script
from tests.support.child_processes import command_of
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from azpoll.fleet import Fleet, FleetResult

MODULE = "tests.proofs.fleet_database.worker_process"

DEFAULTS = {"rate": 1000.0, "burst": 1000.0, "lease_s": 2.0, "shards": 4}


class TimedARM(FakeARM):
    """A service that records when polls arrive, and how many are about each operation.

    Attributes:
        polls: times of the polls in seconds of the event loop.
    """

    def __init__(self, script: Script | Callable[[IncomingRequest], Script]) -> None:
        super().__init__(default=script, limits=None, floor_s=0.0, log_size=1_000_000)
        self.polls: list[float] = []

    def exchange(self, request: IncomingRequest) -> Exchange:
        """Answer a request."""
        if request.method == "GET":
            self.polls.append(asyncio.get_running_loop().time())
        return super().exchange(request)


class WorkerProcess:
    """A worker in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def kill(self) -> None:
        """Kill it with -9."""
        self.process.kill()

    async def terminate(self) -> tuple[int, str]:
        """Send SIGTERM; return the exit code, and what the process has printed since it began."""
        if self.process.returncode is None:
            self.process.terminate()
        out, _ = await asyncio.wait_for(self.process.communicate(), 30)
        assert self.process.returncode is not None
        return self.process.returncode, out.decode()


async def start_worker(dsn: str, base_url: str, **options: float) -> WorkerProcess:
    """Start a worker, and return once it works."""
    process = await asyncio.create_subprocess_exec(
        *command_of(MODULE, "-W", "error"),
        dsn,
        base_url,
        json.dumps({**DEFAULTS, **options}),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    assert line == b"begun\n"
    return WorkerProcess(process)


@asynccontextmanager
async def workers(dsn: str, base_url: str, count: int, **options: float) -> AsyncGenerator[list[WorkerProcess]]:
    """Run workers inside the context."""
    running = await asyncio.gather(*(start_worker(dsn, base_url, **options) for _ in range(count)))
    try:
        yield running
    finally:
        for worker in running:
            if worker.process.returncode is None:
                await worker.terminate()


async def submitted(fleet: Fleet, base_url: str, scopes: int, each: int) -> list[str]:
    """Begin operations of several subscriptions, and submit them."""
    async with httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        responses = [
            await client.put(f"/subscriptions/s{scope}/resourceGroups/g{number}?api-version=1", json={})
            for scope in range(scopes)
            for number in range(each)
        ]
    return await fleet.submit(responses, group="all")


async def all_results(fleet: Fleet, ids: list[str], within_s: float) -> list[FleetResult]:
    """Return the results of all operations, which are there once each and succeeded."""
    await fleet.wait(ids, timeout=within_s)
    results = [result async for result in fleet.results(group="all")]
    assert Counter(result.operation_id for result in results) == Counter(ids)
    assert {result.state for result in results} == {"succeeded"}
    return results
