"""Workers of one scope together keep its read limit."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from typing import TYPE_CHECKING

import pytest

from azpoll.testing import Script
from tests.proofs.fleet_database.fleet_of_processes import TimedARM, submitted, workers
from tests.support.fleet_fixtures import ONE_SERVER

if TYPE_CHECKING:
    from azpoll.fleet import Fleet

pytestmark = [pytest.mark.slow, ONE_SERVER, pytest.mark.anyio]

RATE, BURST = 25.0, 10.0
RUN_S = 8.0
JITTER_S = 0.1
"""Polls arrive up to this much later than they were sent: processes share two cores."""


def most_in(times: list[float], window_s: float) -> int:
    """Return the greatest number of polls in any window of a length."""
    return max(bisect_right(times, start_s + window_s) - index for index, start_s in enumerate(times))


@pytest.mark.parametrize("count", [2, 4])
async def test_workers_of_one_scope_keep_its_read_limit(dsn: str, fleet: Fleet, count: int) -> None:
    """At most the rate and the burst from the start, and in no window more than that and the leased tokens."""
    arm = TimedARM(Script(duration_s=600.0, retry_after=1))
    async with arm.serve() as base_url:
        for part in range(count):  # each worker gets shards of the scope
            await submitted_part(fleet, base_url, part)
        async with workers(dsn, base_url, count, rate=RATE, burst=BURST, shards=1, lease_s=30.0):
            start_s = asyncio.get_running_loop().time()
            await asyncio.sleep(RUN_S)
            counts = await fleet.statistics()
            elapsed_s = asyncio.get_running_loop().time() - start_s
        assert counts.shards.workers == count
    times = sorted(arm.polls)
    assert len(times) >= 0.7 * RATE * (RUN_S - 2.0)  # a resumed operation waits a second for the other clock
    assert len(times) <= BURST + RATE * (elapsed_s + 8.0)
    leased = 20 * count
    for window_s in (1.0, 2.0, 4.0):
        assert most_in(times, window_s) <= BURST + RATE * (window_s + JITTER_S) + leased


async def submitted_part(fleet: Fleet, base_url: str, part: int) -> None:
    """Submit operations of the one scope, as a shard of their own."""
    del part
    await submitted(fleet, base_url, scopes=1, each=100)
