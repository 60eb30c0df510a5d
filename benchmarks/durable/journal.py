"""The costs of a journal in an SQLite file: CPU time per operation, the size of its rows, and recovery."""

from __future__ import annotations

import asyncio
import gc
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import azpoll
from benchmarks.durable.cpu import CPUMeter
from benchmarks.durable.service import INTERVAL_S, client, resource_url, responses

if TYPE_CHECKING:
    from benchmarks.durable.sizes import Sizes

FEW_READS, MORE_READS = 2, 6
"""Reads per operation: the least, and enough to see what one of them costs."""

ROUNDS = 5
"""Comparisons of operations without and with a journal. Each takes a few seconds."""

BEGUN_TOGETHER, EACH_S = 40, 0.025
"""So many operations begin together, each 25 ms, so that with and without a journal polls are due at the same times.
Polls that are due at one instant cost less, and a tracker without a journal would begin all operations at one."""


class JournalCost(NamedTuple):
    """CPU time in ms of all threads.

    Attributes:
        bare_ms: of an operation with two reads, without a journal.
        journal_ms: what a journal adds to it.
        read_ms: what a journal adds to each further read; None if it was not measured.
        ended_bytes: of an ended operation in the file.
    """

    bare_ms: float
    journal_ms: float
    read_ms: float | None
    ended_bytes: float


class Recovery(NamedTuple):
    """The recovery of a journal with open operations.

    Attributes:
        rows: open operations that were recovered.
        cpu_s: CPU seconds of all threads.
        wall_s: seconds until `recover` returned.
        open_bytes: of an open operation in the file.
    """

    rows: int
    cpu_s: float
    wall_s: float
    open_bytes: float


def journal_cost(sizes: Sizes) -> JournalCost:
    """Run operations without and with a journal in turn."""
    added: dict[int, list[float]] = {FEW_READS: [], **({MORE_READS: []} if sizes.more_reads else {})}
    bare: list[float] = []
    ended_bytes = 0.0
    _compare(sizes.compared // 4, FEW_READS)  # loads modules and fills the caches
    for _ in range(ROUNDS):
        for reads, found in added.items():
            without_ms, with_ms, ended_bytes = _compare(sizes.compared, reads)
            found.append(with_ms - without_ms)
            if reads == FEW_READS:
                bare.append(without_ms)
    medians = {reads: statistics.median(found) for reads, found in added.items()}
    read_ms = None
    if sizes.more_reads:
        read_ms = (medians[MORE_READS] - medians[FEW_READS]) / (MORE_READS - FEW_READS)
    return JournalCost(statistics.median(bare), medians[FEW_READS], read_ms, ended_bytes)


def _compare(count: int, reads: int) -> tuple[float, float, float]:
    """Return the CPU milliseconds of an operation without and with a journal, and its bytes in the file."""
    without_ms = asyncio.run(_operations(count, reads, None))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "operations.db"
        with_ms = asyncio.run(_operations(count, reads, azpoll.SQLiteJournal(path)))
        return without_ms, with_ms, path.stat().st_size / count


def recovery(sizes: Sizes) -> Recovery:
    """Fill a journal with open operations, as a process does that is killed, and recover it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "operations.db"
        asyncio.run(_fill(path, sizes.open_rows))
        size = path.stat().st_size
        gc.collect()
        rows, cpu_s, wall_s = asyncio.run(_recover(path))
    return Recovery(rows, cpu_s, wall_s, size / sizes.open_rows)


async def _operations(count: int, reads: int, journal: azpoll.Journal | None) -> float:
    """Return the CPU milliseconds of an operation, from its request to its result."""
    options: dict[str, Any] = {"min_interval": 0, "interval": INTERVAL_S, "budget": None}
    gc.collect()
    async with client(reads) as http:
        meter = CPUMeter()
        async with azpoll.Tracker(http, journal=journal, max_in_flight=BEGUN_TOGETHER, **options) as tracker:

            async def one(number: int) -> None:
                await asyncio.sleep(number // BEGUN_TOGETHER * EACH_S)
                operation = await tracker.begin("PUT", resource_url(number), json={})
                assert (await operation).status_code == 200

            await asyncio.gather(*map(one, range(count)))
        return meter.seconds / count * 1e3


async def _fill(path: Path, count: int) -> None:
    async with (
        client(FEW_READS) as http,
        azpoll.Tracker(http, journal=azpoll.SQLiteJournal(path), interval=3600, on_exit="stop") as tracker,
    ):
        for first in range(0, count, 1_000):
            for response in responses(range(first, min(first + 1_000, count))):
                tracker.track(response)
            await asyncio.sleep(0)


async def _recover(path: Path) -> tuple[int, float, float]:
    async with (
        client(FEW_READS) as http,
        azpoll.Tracker(http, journal=azpoll.SQLiteJournal(path), interval=3600, on_exit="stop") as tracker,
    ):
        meter, begun_s = CPUMeter(), time.perf_counter()
        operations = await tracker.recover()
        return len({operation.id for operation in operations}), meter.seconds, time.perf_counter() - begun_s
