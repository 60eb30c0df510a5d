"""A model on paper of large fleets, made of the measured costs of one operation and of one read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.durable.journal import FEW_READS
from benchmarks.durable.service import SHARD

if TYPE_CHECKING:
    from benchmarks.durable.figures import Figures, FleetCost, FurtherRead

MODELLED = (1_000_000, 10_000_000)
"""Operations that start within an hour."""

WITHIN_S, LASTING_S, READS = 3600.0, 300.0, 5
"""Seconds in which they start, seconds that each lasts, and reads of each."""

HTTP_MS = 0.08
"""CPU milliseconds of a read in the HTTP library over `azpoll.fast`, from docs/performance.md: 0.105 ms with the share
of the tracker."""

BUSY = 0.7
"""The share of a core that a worker may use without polls being late."""

SHARDS = 200
"""The default number of shards of a worker."""

RATE, LEASED = 25.0, 20
"""Reads per second of a scope, and the tokens of a lease at this rate."""


class Modelled(NamedTuple):
    """A fleet on paper.

    Attributes:
        reads_per_s: of all workers.
        scopes: subscriptions that so many reads need at least: each has a row of the budget.
        worker_cores: CPU time of all workers per second.
        workers: by CPU time, and by the shards that are tracked concurrently.
        server_cores: CPU time of the database per second.
        leases_per_s: transactions that lease tokens.
        connections: of the workers.
        stored_gb: of all tables.
    """

    operations: int
    reads_per_s: float
    scopes: int
    worker_cores: float
    workers: int
    server_cores: float
    leases_per_s: float
    connections: int
    stored_gb: float


def modelled(figures: Figures, operations: int) -> Modelled | None:
    """Return the model of a fleet; None if the run has not measured the cost of a read."""
    cost, read = figures.fleet, figures.fleet.read
    if read is None:
        return None
    reads_per_s = operations * READS / WITHIN_S
    worker_cores = operations * _worker_ms(cost, read) / 1e3 / WITHIN_S
    open_shards = operations / WITHIN_S * LASTING_S / SHARD
    workers = max(math.ceil(worker_cores / BUSY), math.ceil(open_shards / SHARDS))
    server_ms = cost.server_ms + (READS - FEW_READS) * read.server_ms
    return Modelled(
        operations,
        reads_per_s,
        math.ceil(reads_per_s / RATE),
        worker_cores,
        workers,
        operations * server_ms / 1e3 / WITHIN_S,
        reads_per_s / LEASED,
        workers * figures.many.connections,
        operations * figures.many.stored_bytes / 1e9,
    )


def check(figures: Figures) -> tuple[float, float]:
    """Return the CPU seconds that the model names for the large run, and those that were measured."""
    cost, many = figures.fleet, figures.many
    return many.operations * (cost.bare_ms + cost.fleet_ms) / 1e3, many.operations * many.cpu_ms / 1e3


def _worker_ms(cost: FleetCost, read: FurtherRead) -> float:
    """Return the CPU milliseconds of a worker for an operation."""
    first = cost.bare_ms + cost.fleet_ms - cost.submit_ms - cost.server_ms
    further = read.bare_ms + read.fleet_ms - read.server_ms
    return first + (READS - FEW_READS) * further + READS * HTTP_MS
