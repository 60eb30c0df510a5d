"""One run of a scenario: its service and its callers, some of which are cancelled."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import httpx

import azpoll
from azpoll.testing import FakeARM
from tests.proofs.cancellation.cancelled_caller import Caller
from tests.proofs.cancellation.stepping_loops import CancelMethod, Steps, run_stepping
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ORIGIN = "https://management.azure.com"
LATENCY_S = 0.5

Operation = azpoll.AsyncOperation[httpx.Response]


def path_of(number: int) -> str:
    return f"/subscriptions/s1/resourceGroups/g/providers/Microsoft.Fake/things/t{number}?api-version=1"


@dataclass
class ScenarioRun:
    """One run of a scenario.

    Attributes:
        method: how callers are cancelled.
        steps: the steps of the event loop.
        callers: all callers; all but the last are cancelled, or the only one.
        arm: the service.
        leaked_tasks: the number of tasks that run after the end.
        owner: the caller that holds the tracker, in scenarios that cancel it.
    """

    method: CancelMethod
    steps: Steps
    callers: list[Caller]
    arm: FakeARM = field(default_factory=lambda: FakeARM(latency_s=LATENCY_S))
    leaked_tasks: int = 0
    owner: Caller | None = None

    @property
    def cancelled(self) -> list[Caller]:
        """The callers that are cancelled."""
        if self.owner is not None:
            return [self.owner]
        return self.callers[:-1] or self.callers

    def client(self, auth: httpx.Auth | None = None) -> httpx.AsyncClient:
        return client_of(self.arm, auth=auth)

    def cancel_callers(self) -> None:
        for caller in self.cancelled:
            caller.cancel()

    async def run_callers(self, action_of: Callable[[int], Callable[[], Awaitable[str]]]) -> None:
        """Run all callers. Steps count from the start of the last caller until the cancelled ones have a result."""
        begun = 0

        async def repeat(number: int) -> None:
            action = action_of(number)

            async def counted() -> str:
                nonlocal begun
                begun += 1
                if begun == len(self.callers):
                    self.steps.begin(self.cancel_callers)
                return await action()

            await self.callers[number].repeat(counted)
            if all(caller.result for caller in self.cancelled):
                self.steps.end()

        async with anyio.create_task_group() as tasks:
            for number in range(len(self.callers)):
                tasks.start_soon(repeat, number)


@dataclass(frozen=True)
class Scenario:
    """A scenario in which callers are cancelled.

    Attributes:
        run: runs the scenario.
        results: the results that a caller may get.
        cancelled_in: functions of azpoll whose awaits must be among the cancelled ones.
        extra_requests: the number of requests that one cancellation may add.
        max_delay_s: the time that a cancellation may take, in seconds.
        restarts: whether a repeated action begins anew and may repeat requests.
        max_callers: the number of concurrent callers.
    """

    run: Callable[[ScenarioRun], Awaitable[None]]
    results: frozenset[str]
    cancelled_in: frozenset[str]
    extra_requests: int = 0
    max_delay_s: float = 0.0
    restarts: bool = False
    max_callers: int = 8


def run_scenario(scenario: Scenario, method: CancelMethod, number: int, *at: int) -> ScenarioRun:
    """Run a scenario once, and cancel before the steps of the given numbers."""
    random.seed(0)  # azpoll's jitter
    run = ScenarioRun(method, Steps(frozenset(at)), [Caller(method, scenario.max_delay_s) for _ in range(number)])

    async def main() -> None:
        before = len(anyio.get_running_tasks())
        await scenario.run(run)
        run.steps.end()
        await anyio.lowlevel.checkpoint()
        run.leaked_tasks = len(anyio.get_running_tasks()) - before

    run_stepping(main, method=method, steps=run.steps)
    return run


def check(scenario: Scenario, run: ScenarioRun, undisturbed: ScenarioRun) -> None:
    """Assert the invariants of a run; `undisturbed` is the run without a cancellation."""
    results = {caller.result for caller in run.callers}
    assert results <= scenario.results, results
    run.arm.no_early_polls()
    if not scenario.restarts:
        run.arm.one_request_at_a_time()
        run.arm.no_requests_after_end()
    cost = len(run.arm.requests) - len(undisturbed.arm.requests)
    cancellations = sum(caller.cancellations for caller in run.cancelled)
    assert cost <= scenario.extra_requests * cancellations, f"{cancellations} cancellations added {cost} requests"
    assert run.leaked_tasks == 0, f"{run.leaked_tasks} tasks still run"
