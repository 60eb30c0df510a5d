"""The printed tables, which are also those of docs/workers.md."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

import azpoll
from benchmarks.durable.model import LASTING_S, MODELLED, READS, check, modelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.durable.figures import Figures
    from benchmarks.durable.fleet import FleetRun


def conditions() -> str:
    """Return the line that says on what the figures were measured."""
    python, cores = platform.python_version(), os.cpu_count()
    return f"Python {python}, {platform.system()}, {cores} cores, azpoll {azpoll.__version__}, PostgreSQL beside it"


def tables(figures: Figures) -> Iterator[str]:
    """Yield the lines of all tables."""
    yield from ("| figure | value |", "|---|---|")
    for name, value in (*_of_journal(figures), *_of_fleet(figures), *_of_kills(figures)):
        yield f"| {name} | {value} |"
    yield from ("", "| workers | operations | CPU per operation, ms | operations/s | memory of a worker, MiB |")
    yield "|---|---|---|---|---|"
    for run in dict.fromkeys((*figures.by_workers, figures.many)):
        yield _row(run)
    yield from _of_growth(figures)
    yield from _of_model(figures)


def _of_journal(figures: Figures) -> Iterator[tuple[str, str]]:
    cost, recovery = figures.journal, figures.recovery
    yield "journal: an operation of two reads without a journal", f"{cost.bare_ms:.2f} ms of CPU time"
    yield "journal: what it adds", f"{cost.journal_ms:.2f} ms of CPU time{_further(cost.read_ms)}"
    yield f"journal: recovery of {recovery.rows:,} operations", f"{recovery.cpu_s:.1f} s of CPU time"
    yield (
        "journal: rows and bytes of an operation",
        (f"1 row; {recovery.open_bytes:,.0f} bytes while it is open, {cost.ended_bytes:,.0f} after its end"),
    )


def _of_fleet(figures: Figures) -> Iterator[tuple[str, str]]:
    cost, many = figures.fleet, figures.many
    yield "fleet: an operation of two reads without a fleet", f"{cost.bare_ms:.2f} ms of CPU time"
    yield (
        "fleet: what it adds",
        (f"{cost.fleet_ms:.2f} ms of CPU time{_further(None if cost.read is None else cost.read.fleet_ms)}"),
    )
    yield "fleet: of that, submission and server", f"{cost.submit_ms:.2f} ms and {cost.server_ms:.2f} ms"
    yield (
        "fleet: rows and bytes of an operation, with indexes",
        (f"{many.rows:.2f} rows, {many.stored_bytes:,.0f} bytes"),
    )
    yield "fleet: connections of a worker", f"{many.connections}"


def _of_kills(figures: Figures) -> Iterator[tuple[str, str]]:
    for name, kills in (("journal", figures.journal_kills), ("fleet", figures.fleet_kills)):
        yield (
            f"{name}: {kills.operations:,} operations, {kills.kills} x kill -9",
            (f"{kills.lost} lost, {kills.twice} twice, {kills.false} false"),
        )
    slowest = {taken.lease_s: 0.0 for taken in figures.take_overs}
    for taken in figures.take_overs:
        slowest[taken.lease_s] = max(slowest[taken.lease_s], taken.took_s)
    yield (
        "fleet: take-over after kill -9",
        ", ".join(f"{took_s:.1f} s with a lease of {lease_s:g} s" for lease_s, took_s in slowest.items()),
    )
    reads = figures.reads
    yield (
        "fleet: reads of 4 workers on one scope with 25 reads/s and a burst of 10",
        (f"{reads.per_s:.1f} per second beyond the burst; at most {reads.in_1_s} in 1 s and {reads.in_4_s} in 4 s"),
    )


def _of_growth(figures: Figures) -> Iterator[str]:
    most = figures.by_workers[-1].workers
    yield from ("", f"The CPU time per operation with {most} workers is {figures.growth:.2f} times that with one.")
    yield f"With {most} bare trackers at the same time it is {figures.bare_growth:.2f} times that with one: this"
    yield from ("part is the machine's.", "")


def _of_model(figures: Figures) -> Iterator[str]:
    fleets = [each for operations in MODELLED if (each := modelled(figures, operations)) is not None]
    if not fleets:
        return
    yield f"Model: operations that start within an hour and last {LASTING_S:g} s, with {READS} reads each."
    yield from ("", "| | " + " | ".join(f"{each.operations:,}" for each in fleets) + " |")
    yield "|---|" + "---|" * len(fleets)
    for name, values in (
        ("reads per second", [f"{each.reads_per_s:,.0f}" for each in fleets]),
        ("scopes that so many reads need, and budget rows", [f"{each.scopes:,}" for each in fleets]),
        ("CPU of all workers, cores", [f"{each.worker_cores:.2f}" for each in fleets]),
        ("workers", [f"{each.workers:,}" for each in fleets]),
        ("CPU of the database, cores", [f"{each.server_cores:.2f}" for each in fleets]),
        ("leases of tokens per second", [f"{each.leases_per_s:,.0f}" for each in fleets]),
        ("connections", [f"{each.connections:,}" for each in fleets]),
        ("tables with indexes, GB", [f"{each.stored_gb:.1f}" for each in fleets]),
    ):
        yield f"| {name} | {' | '.join(values)} |"
    expected_s, found_s = check(figures)
    yield from ("", f"Check: {figures.many.operations:,} operations with two reads and one worker")
    yield f"take {expected_s:,.0f} s of CPU time in the model, and took {found_s:,.0f} s."


def _row(run: FleetRun) -> str:
    per_s = run.operations / run.wall_s
    return f"| {run.workers} | {run.operations:,} | {run.cpu_ms:.2f} | {per_s:,.0f} | {run.memory_mib:.0f} |"


def _further(read_ms: float | None) -> str:
    return "" if read_ms is None else f"; {max(read_ms, 0.0):.3f} ms for each further read"
