"""azpoll's policies: a `Tracker` on the whole stack, with httpx over `FakeARM`."""

from __future__ import annotations

from http import HTTPStatus

import anyio
import httpx

import azpoll
from azpoll.hints import ResourceGraph
from azpoll.testing import FakeARM, IncomingRequest, run_virtual
from benchmarks.fleet.hint_sources import WithResourceGraph, deliver
from benchmarks.fleet.hint_times import EVERY_S, Change, changes
from benchmarks.fleet.scenario import GROUP, ORIGIN, QUERY, Fleet, Outcome, outcome_at, service

PER_DEPLOYMENT = 800
"""Resources per deployment that ARM allows."""

OTHER_READS_PER_S = 15
OTHER_BUSY_S, OTHER_PERIOD_S = 120, 300


class OtherTool:
    """Another tool with the same principal, which ignores its read limit."""

    def __init__(self, arm: FakeARM) -> None:
        self._arm = arm
        self.reads = 0
        self.throttled = 0

    async def run(self) -> None:
        """Read at a fixed rate for `OTHER_BUSY_S` of every `OTHER_PERIOD_S` seconds, until cancelled."""
        while True:
            if anyio.current_time() % OTHER_PERIOD_S < OTHER_BUSY_S:
                exchange = self._arm.exchange(IncomingRequest("GET", ORIGIN, "/subscriptions/s/resources", QUERY, {}))
                exchange.finished(complete=True)
                self.reads += 1
                self.throttled += exchange.status == HTTPStatus.TOO_MANY_REQUESTS
            await anyio.sleep(1 / OTHER_READS_PER_S)


def tracked(fleet: Fleet, policy: str, seed: int) -> Outcome:
    """Simulate azpoll under a policy of `runs.TRACKED` or `runs.HINTED`."""
    arm = service(fleet, seed)
    other = OtherTool(arm)
    known = changes(fleet, seed) if policy in {"azpoll graph", "azpoll grid"} else []

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            if fleet.shared:
                tasks.start_soon(other.run)
            await _track(arm, fleet, policy, known)
            tasks.cancel_scope.cancel()

    run_virtual(run)
    return outcome_at(arm, fleet, policy, other_reads=other.reads, other_throttled=other.throttled)


async def _track(arm: FakeARM, fleet: Fleet, policy: str, known: list[Change]) -> None:
    durations = azpoll.Durations() if policy == "azpoll learned" else None
    transport = WithResourceGraph(arm, known) if policy == "azpoll graph" else arm.transport()
    names = [f"d{number // PER_DEPLOYMENT}-{number}" for number in range(fleet.operations)]
    async with (
        httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client,
        anyio.create_task_group() as tasks,
        azpoll.Tracker(client, budget=azpoll.Budget(write_rate=None), durations=durations) as tracker,
    ):
        if policy == "azpoll graph":
            tracker.add_hints(ResourceGraph(["s"], EVERY_S))
        elif policy == "azpoll grid":
            tasks.start_soon(deliver, tracker, known, names)
        for number, name in enumerate(names):
            if policy == "azpoll hints" and number % PER_DEPLOYMENT == 0:
                deployment = f"{GROUP}/Microsoft.Resources/deployments/{name.partition('-')[0]}"
                tracker.add_hints(azpoll.DeploymentOperations(f"{ORIGIN}{deployment}/operations?{QUERY}"))
            await tracker.begin("PUT", f"{GROUP}/Microsoft.Test/widgets/{name}?{QUERY}", result="status")
            await anyio.sleep(fleet.every_s)
        await _until_empty(tracker)
        tasks.cancel_scope.cancel()


async def _until_empty(tracker: azpoll.Tracker[httpx.Response]) -> None:
    """Wait until no operation is tracked any more."""
    while tracker.statistics().running:  # noqa: ASYNC110 - the tracker has no event for this while it is open
        await anyio.sleep(1)
