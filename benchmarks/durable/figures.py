"""All figures of a run, and the parts in which they are measured."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.durable.bare_trackers import bare_ms, together_ms
from benchmarks.durable.fleet import FleetRun, through_fleet
from benchmarks.durable.journal import FEW_READS, MORE_READS, JournalCost, Recovery, journal_cost, recovery
from benchmarks.durable.kills import Kills, TakeOver, fleet_kills, journal_kills, take_overs
from benchmarks.durable.reads import Reads, shared_reads
from benchmarks.durable.service import SHARD, tokens

if TYPE_CHECKING:
    from benchmarks.durable.databases import Databases
    from benchmarks.durable.sizes import Sizes


class FurtherRead(NamedTuple):
    """CPU time of a read beyond the first two of an operation, in ms.

    Attributes:
        bare_ms: of a tracker without a fleet, without the HTTP library.
        fleet_ms: what a fleet adds to it: the lease of its token.
        server_ms: the part of the server of that.
    """

    bare_ms: float
    fleet_ms: float
    server_ms: float


class FleetCost(NamedTuple):
    """CPU time of operations in a fleet, in ms per operation with two reads.

    Attributes:
        operations: of each run.
        bare_ms: of a tracker without a fleet, in the same rounds.
        fleet_ms: what a fleet adds to it in all processes.
        submit_ms: of the process that submits; a part of `fleet_ms`.
        server_ms: of the server; a part of `fleet_ms`.
        read: a further read; None if it was not measured.
    """

    operations: int
    bare_ms: float
    fleet_ms: float
    submit_ms: float
    server_ms: float
    read: FurtherRead | None


class Figures(NamedTuple):
    """All figures of a run.

    Attributes:
        by_workers: the median run, by CPU time per operation, of each number of workers.
        growth: CPU time per operation with the most workers over that with one: the median of the rounds.
        bare_growth: the same for as many bare trackers without a fleet: what the machine adds.
    """

    journal: JournalCost
    recovery: Recovery
    fleet: FleetCost
    many: FleetRun
    by_workers: list[FleetRun]
    growth: float
    bare_growth: float
    journal_kills: Kills
    fleet_kills: Kills
    take_overs: list[TakeOver]
    reads: Reads


def measured(databases: Databases, sizes: Sizes) -> Figures:
    """Measure everything, one part after the other."""
    _say("cost of a journal")
    journal = journal_cost(sizes)
    _say("recovery of a journal")
    recovered = recovery(sizes)
    return asyncio.run(_measured(databases, sizes, journal, recovered))


async def _measured(databases: Databases, sizes: Sizes, journal: JournalCost, recovered: Recovery) -> Figures:
    _say("cost of a fleet")
    fleet = await _fleet_cost(databases, sizes)
    _say("workers")
    by_workers, growth, bare_growth = await _by_workers(databases, sizes)
    _say("many operations")
    many = await _run(databases, sizes.many, FEW_READS, 1) if sizes.many else by_workers[0]
    _say("kills")
    left, fleet_left, taken = await asyncio.gather(
        journal_kills(sizes), fleet_kills(databases, sizes), take_overs(databases, sizes)
    )
    _say("reads of one scope")
    reads = await shared_reads(databases, sizes)
    return Figures(journal, recovered, fleet, many, by_workers, growth, bare_growth, left, fleet_left, taken, reads)


async def _by_workers(databases: Databases, sizes: Sizes) -> tuple[list[FleetRun], float, float]:
    """Compare numbers of workers, and of bare trackers, in turn."""
    rounds: list[list[FleetRun]] = []
    bare: list[float] = []
    most = sizes.workers[-1]
    for _ in range(sizes.rounds):
        rounds.append([await _run(databases, sizes.scaled, FEW_READS, workers) for workers in sizes.workers])
        alone_ms, shared_ms = [await together_ms(sizes.scaled, FEW_READS, processes) for processes in (1, most)]
        bare.append(shared_ms / alone_ms)
    growth = statistics.median(runs[-1].cpu_ms / runs[0].cpu_ms for runs in rounds)
    medians = [sorted(runs, key=_cpu_ms)[len(runs) // 2] for runs in zip(*rounds, strict=True)]
    return medians, growth, statistics.median(bare)


def _cpu_ms(run: FleetRun) -> float:
    return run.cpu_ms


async def _fleet_cost(databases: Databases, sizes: Sizes) -> FleetCost:
    """Compare a fleet with the bare tracker, in turn."""
    operations = sizes.shards * SHARD
    made = await tokens(range(operations))
    few: list[tuple[float, FleetRun]] = []
    more: list[tuple[float, FleetRun]] = []
    for _ in range(sizes.rounds):
        few.append((await bare_ms(made, FEW_READS), await _run(databases, operations, FEW_READS, 1)))
        if sizes.more_reads:
            more.append((await bare_ms(made, MORE_READS), await _run(databases, operations, MORE_READS, 1)))
    median = statistics.median
    return FleetCost(
        operations,
        median(bare for bare, _ in few),
        median(run.cpu_ms - bare for bare, run in few),
        median(run.submit_s for _, run in few) / operations * 1e3,
        median(run.server_s for _, run in few) / operations * 1e3,
        _further_read(few, more) if more else None,
    )


def _further_read(few: list[tuple[float, FleetRun]], more: list[tuple[float, FleetRun]]) -> FurtherRead:
    median, further = statistics.median, MORE_READS - FEW_READS
    pairs = list(zip(few, more, strict=True))
    bare = median(longer - shorter for (shorter, _), (longer, _) in pairs) / further
    both = median(longer.cpu_ms - shorter.cpu_ms for (_, shorter), (_, longer) in pairs) / further
    server_s = median(longer.server_s - shorter.server_s for (_, shorter), (_, longer) in pairs) / further
    return FurtherRead(bare, both - bare, server_s / few[0][1].operations * 1e3)


async def _run(databases: Databases, operations: int, reads: int, workers: int) -> FleetRun:
    async with databases.new() as dsn:
        return await through_fleet(dsn, operations, reads, workers)


def _say(part: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {part}", file=sys.stderr, flush=True)
