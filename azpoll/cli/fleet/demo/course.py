"""`Course`: submits operations, kills a worker with -9, and reads the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx

from azpoll.cli.demo.workload import OPERATIONS_PER_SUBSCRIPTION
from azpoll.cli.fleet.demo.postgres import temporary_postgres
from azpoll.cli.fleet.demo.workers import LEASE_S, paused, worker_processes
from azpoll.cli.fleet_database import connected_fleet
from azpoll.cli.signals import stop_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from anyio.abc import Process

    from azpoll.cli.demo.view import View
    from azpoll.cli.demo.workload import PlannedOperation
    from azpoll.cli.exit_codes import ExitCode
    from azpoll.cli.fleet.demo.workers import WorkerProcesses
    from azpoll.fleet import Fleet, FleetResult, FleetStatistics

GROUP = "demo"

_CONCURRENT_REQUESTS = 8
_LOOK_S, _LINE_S = 0.2, 1.0
"""Seconds between two looks at the counts, and between two lines about them."""
_BEFORE_KILL_S = 0.5
"""Seconds for which both workers track before one is killed."""
_BEAT_S = 1.5 * LEASE_S / 3
"""Seconds in which a worker that lives sends a heartbeat."""
_PATIENCE_S, _OPERATIONS_PER_S = 60.0, 20.0
"""Operations without a result count as lost after these seconds, and as many as these operations may take."""


class Course:
    """The course of the demo.

    Args:
        base_url: of the simulated service.
        plans: the operations.
        view: shows what happens.

    Attributes:
        ids: of the operations in the fleet, in the order of the plans.
        results: in the order in which they were stored.
        taken_over_s: seconds from the kill until the other worker had all shards; None if that was not seen.
        stopped_by: the exit code of the signal that ended the demo; None if none did.
    """

    def __init__(self, base_url: str, plans: Sequence[PlannedOperation], view: View) -> None:
        self.plans = plans
        self.ids: list[str] = []
        self.results: list[FleetResult] = []
        self.taken_over_s: float | None = None
        self.stopped_by: ExitCode | None = None
        self._base_url = base_url
        self._view = view
        self._scope: anyio.CancelScope | None = None
        self._started_s = 0.0
        self._pids: dict[str, int] = {}

    async def run(self) -> None:
        """Run the demo, until all operations have a result or a signal arrives."""
        self._scope = anyio.CancelScope()
        async with stop_signals(self._stop):
            with self._scope, temporary_postgres() as dsn:
                async with connected_fleet(dsn) as fleet:
                    await fleet.install()
                    self._view.line("PostgreSQL runs in a temporary folder, with the tables of a fleet.", "quiet")
                    async with worker_processes(dsn, self._base_url) as workers:
                        await self._play(fleet, workers)

    def _stop(self, code: ExitCode) -> None:
        self.stopped_by = self.stopped_by or code
        if self._scope is not None:
            self._scope.cancel()

    async def _play(self, fleet: Fleet, workers: WorkerProcesses) -> None:
        self._view.heading(f"{len(self.plans):,} operations, two workers, and kill -9")
        shards = -(-len(self.plans) // OPERATIONS_PER_SUBSCRIPTION)
        half = max(shards // 2, 1)
        first, second = await workers.start("--shards", str(half)), await workers.start()
        responses = await self._begin()
        self._started_s = anyio.current_time()
        with paused(second):  # until the first has its half
            self.ids = await fleet.submit(responses, group=GROUP)
            self._line(f"{len(self.ids):,} operations are submitted to worker {first.pid} and worker {second.pid}")
            counts = await _until(fleet, lambda counts: counts.shards.leased >= half)
            self._pids |= {each.id: first.pid for each in counts.workers}
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, fleet)
            tasks.start_soon(self._kill, fleet, first, second)
            with anyio.move_on_after(_PATIENCE_S + len(self.plans) / _OPERATIONS_PER_S):
                async for result in fleet.results(group=GROUP):
                    self.results.append(result)
            tasks.cancel_scope.cancel()
        self._show_counts(await fleet.statistics())

    async def _begin(self) -> list[httpx.Response]:
        """Send the initial requests, as a program without azpoll does."""
        responses: dict[int, httpx.Response] = {}

        async def send(client: httpx.AsyncClient, plans: Iterator[tuple[int, PlannedOperation]]) -> None:
            for number, plan in plans:
                responses[number] = await client.request(plan.method, plan.url, json={"location": "westeurope"})

        async with httpx.AsyncClient(base_url=self._base_url, trust_env=False) as client:
            plans = iter(enumerate(self.plans))
            async with anyio.create_task_group() as tasks:
                for _ in range(_CONCURRENT_REQUESTS):
                    tasks.start_soon(send, client, plans)
        return [responses[number] for number in range(len(self.plans))]

    async def _watch(self, fleet: Fleet) -> None:
        """Show the counts."""
        while True:
            self._show_counts(await fleet.statistics())
            await anyio.sleep(_LINE_S)

    async def _kill(self, fleet: Fleet, first: Process, second: Process) -> None:
        """Kill the first worker while both track, and see its shards go to the second."""
        counts = await _until(fleet, lambda counts: not counts.shards.queued)
        self._pids |= {each.id: second.pid for each in counts.workers if each.id not in self._pids}
        await anyio.sleep(_BEFORE_KILL_S)
        first.kill()
        killed_s = anyio.current_time()
        self._line(f"kill -9 {first.pid}: no heartbeat from now on, and a lease of {LEASE_S} s", "bad")
        await _until(fleet, lambda counts: len(counts.workers) <= 1)
        self.taken_over_s = anyio.current_time() - killed_s
        self._line(f"worker {second.pid} has taken over, {self.taken_over_s:.1f} s after the kill", "good")

    def _show_counts(self, counts: FleetStatistics) -> None:
        workers = ", ".join(
            f"{self._pids[each.id]} has {each.shards}"
            + (f", silent for {each.silent_s:.0f} s" * (each.silent_s > _BEAT_S))
            for each in counts.workers
            if each.id in self._pids
        )
        ended = len(self.plans) - counts.running
        self._line(f"{ended:>5,} of {len(self.plans):,} ended; shards: {workers or 'none is left'}")

    def _line(self, text: str, style: str = "") -> None:
        self._view.line(f"{anyio.current_time() - self._started_s:5.1f} s  {text}", style)


async def _until(fleet: Fleet, condition: Callable[[FleetStatistics], bool]) -> FleetStatistics:
    """Look at the counts until a condition holds."""
    while True:
        counts = await fleet.statistics()
        if condition(counts):
            return counts
        await anyio.sleep(_LOOK_S)
