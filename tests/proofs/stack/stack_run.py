"""One run: a fleet through a tracker over the caller's client, in virtual time."""

from __future__ import annotations

import gc
import random
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import anyio

import azpoll
from azpoll.testing import FakeARM, IncomingRequest, Limits, Rate, run_virtual
from tests.proofs.stack.awaiter_result import told_of
from tests.proofs.stack.random_operations import FAULTS, ORIGIN, drawn, verdict_of
from tests.proofs.stack.stack_invariants import History
from tests.support.canary import CANARY

if TYPE_CHECKING:
    from azpoll.testing import Statistics

BUDGET = azpoll.Budget(write_rate=None)
PLENTY = Rate(1_000_000, 1e6)
SUBSCRIPTIONS = 3


@dataclass(frozen=True)
class World:
    """What a run is made of.

    Attributes:
        seed: of everything that is drawn.
        operations: in all.
        other_reads_per_s: of another tool that uses the same principal; ARM counts them together.
        faults: that may be drawn.
        library: of the client.
        backend: of the event loop.
    """

    seed: int
    operations: int
    other_reads_per_s: float = 0.0
    faults: frozenset[str] = frozenset(FAULTS)
    library: Literal["httpx", "httpx2"] = "httpx"
    backend: Literal["asyncio", "trio"] = "asyncio"


def run(world: World) -> tuple[History, Statistics]:
    """Run a world to its end; returns what happened, and the service's own counts."""
    random.seed(world.seed)  # of azpoll's jitter
    fleet = drawn(world.seed, world.operations, world.faults)
    scripts = iter(fleet.scripts)
    limits = Limits(reads=Rate(250, 25), writes=PLENTY, deletes=PLENTY, retry_after_s=10)
    arm = FakeARM(default=lambda _request: next(scripts), limits=limits, latency_s=0.05, log_size=10)
    arm.require_token(CANARY)
    history = History(arm, reads_per_s=SUBSCRIPTIONS * (BUDGET.max_rate + BUDGET.burst))
    history.truth = {number: verdict_of(script) for number, script in enumerate(fleet.scripts)}
    run_virtual(_drive, world, fleet.methods, arm, history, backend=world.backend)
    gc.collect()
    return history, arm.statistics()


async def _drive(world: World, methods: list[str], arm: FakeARM, history: History) -> None:
    async with anyio.create_task_group() as tasks:
        if world.other_reads_per_s:
            tasks.start_soon(_other_tool, arm, world.other_reads_per_s)
        await _track(world, methods, arm, history)
        tasks.cancel_scope.cancel()
    history.left = len(anyio.get_running_tasks()) - 1 if world.backend == "asyncio" else 0


async def _track(world: World, methods: list[str], arm: FakeARM, history: History) -> None:
    client: Any = import_module(world.library).AsyncClient(
        transport=arm.transport(world.library),
        base_url=ORIGIN,
        headers={"Authorization": f"Bearer {CANARY}"},
        timeout=None,
    )
    tracker = azpoll.Tracker(client, budget=BUDGET, max_in_flight=8)  # else it is CPU time that decides
    async with client, tracker, anyio.create_task_group() as waiters:
        tracker.subscribe(lambda event: history.texts.append(repr(event)))
        for number, method in enumerate(methods):
            operation = await tracker.begin(method, _url(number), owner=number % 7)
            history.waiters[number] = 1 + number % 3
            for _ in range(history.waiters[number]):
                waiters.start_soon(_wait, operation, number, history)
            if number % 50 == 49:
                await anyio.sleep(5)


async def _wait(operation: azpoll.AsyncOperation[Any], number: int, history: History) -> None:
    told, text = await told_of(operation)
    history.told.setdefault(number, []).append(told)
    history.texts += [text, repr(operation), repr(operation.snapshot())]


async def _other_tool(arm: FakeARM, reads_per_s: float) -> None:
    headers = {"authorization": f"Bearer {CANARY}"}
    while True:
        exchange = arm.exchange(IncomingRequest("GET", ORIGIN, "/subscriptions/s0/resources", "api-version=1", headers))
        exchange.finished(complete=True)
        await anyio.sleep(1 / reads_per_s)


def _url(number: int) -> str:
    scope = f"/subscriptions/s{number % SUBSCRIPTIONS}/resourceGroups/g{number % 11}"
    return f"{scope}/providers/Microsoft.Test/widgets/w{number}?api-version=1&sig={CANARY}"
