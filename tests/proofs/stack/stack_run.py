"""One run: a fleet of operations through a tracker and the caller's client, in virtual time."""

from __future__ import annotations

import gc
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import anyio

import azpoll
from azpoll.testing import FakeARM, IncomingRequest, Limits, Rate, run_virtual
from tests.proofs.stack.awaiter_result import end_and_text
from tests.proofs.stack.random_operations import FAULTS, ORIGIN, end_of, random_fleet
from tests.proofs.stack.stack_invariants import History
from tests.support.canary import CANARY
from tests.support.clients import client_of

if TYPE_CHECKING:
    from azpoll.options import Method
    from azpoll.testing import Statistics

BUDGET = azpoll.Budget(write_rate=None)
PLENTY = Rate(1_000_000, 1e6)
SUBSCRIPTIONS = 3


@dataclass(frozen=True)
class RunOptions:
    """The options of a run.

    Attributes:
        seed: the seed of all random choices.
        operations: the number of operations.
        other_reads_per_s: the read rate of another client with the same principal; ARM counts both together.
        faults: the kinds of faults.
        library: the HTTP library of the client.
        backend: the event loop.
        durations: the completion times of the tracker, as its argument.
    """

    seed: int
    operations: int
    other_reads_per_s: float = 0.0
    faults: frozenset[str] = frozenset(FAULTS)
    library: Literal["httpx", "httpx2"] = "httpx"
    backend: Literal["asyncio", "trio"] = "asyncio"
    durations: Literal["recorded"] | None = "recorded"


def run(options: RunOptions) -> tuple[History, Statistics]:
    """Run a fleet to its end; return its history and the statistics of the service."""
    random.seed(options.seed)  # azpoll's jitter
    fleet = random_fleet(options.seed, options.operations, options.faults)
    scripts = iter(fleet.scripts)
    limits = Limits(reads=Rate(250, 25), writes=PLENTY, deletes=PLENTY, retry_after_s=10)
    arm = FakeARM(default=lambda _request: next(scripts), limits=limits, latency_s=0.05, log_size=10)
    arm.require_token(CANARY)
    history = History(arm, reads_per_s=SUBSCRIPTIONS * (BUDGET.max_rate + BUDGET.burst))
    history.expected = {number: end_of(script) for number, script in enumerate(fleet.scripts)}
    run_virtual(_run_beside_other_client, options, fleet.methods, arm, history, backend=options.backend)
    gc.collect()
    return history, arm.statistics()


async def _run_beside_other_client(options: RunOptions, methods: list[Method], arm: FakeARM, history: History) -> None:
    async with anyio.create_task_group() as tasks:
        if options.other_reads_per_s:
            tasks.start_soon(_read_as_another_client, arm, options.other_reads_per_s)
        await _track(options, methods, arm, history)
        tasks.cancel_scope.cancel()
    history.leaked_tasks = len(anyio.get_running_tasks()) - 1 if options.backend == "asyncio" else 0


async def _track(options: RunOptions, methods: list[Method], arm: FakeARM, history: History) -> None:
    client = client_of(arm, options.library, headers={"Authorization": f"Bearer {CANARY}"}, timeout=None)
    # `max_in_flight` bounds the CPU time of the test.
    tracker = azpoll.Tracker(client, budget=BUDGET, max_in_flight=8, durations=options.durations)
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
    end, text = await end_and_text(operation)
    history.ends.setdefault(number, []).append(end)
    history.texts += [text, repr(operation), repr(operation.snapshot())]


async def _read_as_another_client(arm: FakeARM, reads_per_s: float) -> None:
    headers = {"authorization": f"Bearer {CANARY}"}
    while True:
        exchange = arm.exchange(IncomingRequest("GET", ORIGIN, "/subscriptions/s0/resources", "api-version=1", headers))
        exchange.finished(complete=True)
        await anyio.sleep(1 / reads_per_s)


def _url(number: int) -> str:
    scope = f"/subscriptions/s{number % SUBSCRIPTIONS}/resourceGroups/g{number % 11}"
    return f"{scope}/providers/Microsoft.Test/widgets/w{number}?api-version=1&sig={CANARY}"
