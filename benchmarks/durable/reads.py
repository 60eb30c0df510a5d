"""The reads of workers that share one scope: counted where they arrive, over real HTTP."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from azpoll.fleet import Fleet
from azpoll.testing import Script
from tests.proofs.fleet_database.fleet_of_processes import TimedARM, submitted, workers

if TYPE_CHECKING:
    from benchmarks.durable.databases import Databases
    from benchmarks.durable.sizes import Sizes

WORKERS = 4
RATE, BURST = 25.0, 10.0
"""Reads per second of ARM; so few are saved up that a run of seconds shows the rate."""

LATE_S = 0.2
"""The most seconds by which a read arrives after it was sent, while the processes share two cores."""


class Reads(NamedTuple):
    """The reads of one scope.

    Attributes:
        per_s: mean of reads per second, without those that were saved up.
        in_1_s: the most in any second.
        in_4_s: the most in any four seconds.
    """

    per_s: float
    in_1_s: int
    in_4_s: int


async def shared_reads(databases: Databases, sizes: Sizes) -> Reads:
    """Count the reads of four workers that share the budget of one scope."""
    arm = TimedARM(Script(duration_s=600.0, retry_after=1))
    async with databases.new() as dsn, Fleet.connect(dsn) as fleet, arm.serve() as base_url:
        for _ in range(WORKERS):  # each worker gets a shard
            await submitted(fleet, base_url, scopes=1, each=50)
        async with workers(dsn, base_url, WORKERS, rate=RATE, burst=BURST, shards=1, lease_s=30.0):
            await asyncio.sleep(sizes.read_s)
    times = sorted(arm.polls)
    return Reads((len(times) - BURST) / (times[-1] - times[0]), _most_in(times, 1.0), _most_in(times, 4.0))


def allowed_in(window_s: float) -> float:
    """Return the most reads that a token bucket lets through in a time."""
    return BURST + RATE * (window_s + LATE_S)


def _most_in(times: list[float], window_s: float) -> int:
    return max(bisect_right(times, start_s + window_s) - index for index, start_s in enumerate(times))
