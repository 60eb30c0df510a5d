"""azpoll's policies: a `Tracker` on the whole stack, with httpx over `FakeARM`."""

from __future__ import annotations

from http import HTTPStatus

import anyio
import httpx

import azpoll
from azpoll.testing import FakeARM, IncomingRequest, run_virtual
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
    """Simulate `azpoll`, `azpoll learned` or `azpoll hints`."""
    arm = service(fleet, seed)
    other = OtherTool(arm)

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            if fleet.shared:
                tasks.start_soon(other.run)
            await _track(arm, fleet, policy)
            tasks.cancel_scope.cancel()

    run_virtual(run)
    return outcome_at(arm, fleet, policy, other_reads=other.reads, other_throttled=other.throttled)


async def _track(arm: FakeARM, fleet: Fleet, policy: str) -> None:
    durations = azpoll.Durations() if policy == "azpoll learned" else None
    async with (
        httpx.AsyncClient(transport=arm.transport(), base_url=ORIGIN) as client,
        azpoll.Tracker(client, budget=azpoll.Budget(write_rate=None), durations=durations) as tracker,
    ):
        for number in range(fleet.operations):
            deployment = f"d{number // PER_DEPLOYMENT}"
            if policy == "azpoll hints" and number % PER_DEPLOYMENT == 0:
                url = f"{ORIGIN}{GROUP}/Microsoft.Resources/deployments/{deployment}/operations?{QUERY}"
                tracker.add_hints(azpoll.DeploymentOperations(url))
            await tracker.begin("PUT", f"{GROUP}/Microsoft.Test/widgets/{deployment}-{number}?{QUERY}", result="status")
            await anyio.sleep(fleet.every_s)
