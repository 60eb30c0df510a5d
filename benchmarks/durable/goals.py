"""The goals of the journal and of fleets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.durable.kills import TAKEN_OVER_S
from benchmarks.durable.model import check
from benchmarks.durable.reads import allowed_in
from benchmarks.goal import Goal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.durable.figures import Figures

JOURNAL_MS, FLEET_MS = 0.2, 0.8
"""CPU milliseconds that a journal and a fleet may add to an operation."""

ROWS, RECOVERED_S = 100_000, 10.0
"""CPU seconds of the recovery of so many operations. Seconds of a clock are longer on a machine with other work."""

GROWTH = 1.1
"""Growth of the CPU time per operation from one worker to the most, over that of as many bare trackers. Processes that
share caches and memory take more CPU time each, whatever they do."""

MODEL = 1.25
"""CPU time of the large run over that of the model."""

LOOSE = 3.0
"""Factor on the limits of CPU times in a quick run, where a few operations pay for the start of each process."""

BARE_MS = 0.5
"""CPU milliseconds of an operation without a journal on the machine of these limits. A quick run may share a slower
machine, so its limits of CPU times grow with its own figure."""


def goals(figures: Figures, *, quick: bool) -> Iterator[Goal]:
    """Yield a verdict for each goal."""
    factor = LOOSE * max(1.0, figures.journal.bare_ms / BARE_MS) if quick else 1.0
    for name, kills in (("journal", figures.journal_kills), ("fleet", figures.fleet_kills)):
        text = f"{kills.operations:,} operations, {kills.kills} kills of a {name}: 0 lost, 0 twice, 0 false"
        left = (kills.lost, kills.twice, kills.false)
        yield Goal(text, ", ".join(map(str, left)), left == (0, 0, 0))
    yield _at_most("CPU of a journal per operation", figures.journal.journal_ms, JOURNAL_MS * factor, "ms")
    yield _at_most("CPU of a fleet per operation", figures.fleet.fleet_ms, FLEET_MS * factor, "ms")
    recovery = figures.recovery
    limit_s = factor * RECOVERED_S * recovery.rows / ROWS
    yield _at_most(f"CPU of the recovery of {recovery.rows:,} operations", recovery.cpu_s, limit_s, "s")
    text = f"CPU per operation, growth from 1 to {figures.by_workers[-1].workers} workers"
    growth = figures.growth / figures.bare_growth
    yield _at_most(text, growth, GROWTH * (LOOSE if quick else 1.0), "x that of bare trackers")
    late_s = max(taken.took_s - taken.lease_s for taken in figures.take_overs)
    yield _at_most("take-over after kill -9, beyond the lease", late_s, TAKEN_OVER_S, "s")
    if not quick:
        expected_s, found_s = check(figures)
        yield _at_most(f"CPU of {figures.many.operations:,} operations", found_s / expected_s, MODEL, "x the model")
    reads = figures.reads
    for window_s, found in ((1.0, reads.in_1_s), (4.0, reads.in_4_s)):
        text = f"reads of 4 workers in {window_s:g} s, with those saved up"
        yield _at_most(text, found, allowed_in(window_s), "", digits=0)
    yield _at_most("reads of 4 workers per second", reads.per_s, 25.0 * (1.1 if quick else 1.01), "")


def _at_most(text: str, found: float, limit: float, unit: str, digits: int = 2) -> Goal:
    return Goal(f"{text} <= {limit:,.4g} {unit}".rstrip(), f"{found:,.{digits}f}", found <= limit)
