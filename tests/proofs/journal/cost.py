"""The cost of a journal: CPU time per operation, and how long the event loop is held.

python -m tests.proofs.journal.cost
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import azpoll
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of
from tests.support.journals import THING

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATIONS, RUNS = 1500, 4


class Cost(NamedTuple):
    """Milliseconds: of CPU time per operation, in all threads; and of the longest callbacks of the event loop."""

    cpu_ms: float
    held_p99_ms: float


def measured(journal: azpoll.Journal | None) -> Cost:
    """Return the cost of operations that end at their second poll."""
    held: list[float] = []
    run: Callable[[asyncio.Handle], None] = asyncio.Handle._run  # noqa: SLF001 - each callback is measured

    def timed(handle: asyncio.Handle) -> None:
        begun = time.thread_time()
        run(handle)
        held.append(time.thread_time() - begun)

    patched: Any = asyncio.Handle
    patched._run = timed  # noqa: SLF001 - as above
    try:
        begun = time.process_time()
        asyncio.run(_operations(journal))
        cpu_s = time.process_time() - begun
    finally:
        patched._run = run  # noqa: SLF001 - as above
    held.sort()
    return Cost(cpu_s / OPERATIONS * 1e3, held[int(len(held) * 0.99)] * 1e3)


async def _operations(journal: azpoll.Journal | None) -> None:
    arm = FakeARM(default=Script(duration_s=0.2), floor_s=0, limits=None, latency_s=0.03)
    options: dict[str, Any] = {"min_interval": 0, "interval": 0.4, "budget": None, "max_in_flight": 40}
    async with client_of(arm) as client, azpoll.Tracker(client, journal=journal, **options) as tracker:

        async def one(number: int) -> None:
            await (await tracker.begin("PUT", THING.replace("/t?", f"/{number}?"), json={}))

        await asyncio.gather(*map(one, range(OPERATIONS)))


def main() -> None:
    costs: dict[str, list[Cost]] = {"without": [], "with": []}
    for number in range(RUNS):
        costs["without"].append(measured(None))
        with tempfile.TemporaryDirectory() as folder:
            costs["with"].append(measured(azpoll.SQLiteJournal(Path(folder) / f"{number}.db")))
    for name, found in costs.items():
        cpu_ms, held_ms = min(each.cpu_ms for each in found), min(each.held_p99_ms for each in found)
        print(f"{name} a journal: {cpu_ms:.3f} ms per operation, the loop is held for {held_ms:.2f} ms at p99")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
