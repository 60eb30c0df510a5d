"""Workers of one scope together keep its read limit."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from typing import TYPE_CHECKING

import pytest

from azpoll.testing import Script
from tests.proofs.fleet_database.fleet_of_processes import TimedARM, submitted, workers

if TYPE_CHECKING:
    from azpoll.fleet import Fleet

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

RATE, BURST = 25.0, 10.0
RUN_S = 8.0
JITTER_S = 0.2
"""Polls arrive up to this much later than they were sent: the processes share two cores."""


def most_in(times: list[float], window_s: float) -> int:
    """Return the greatest number of polls in any window of a length."""
    return max(bisect_right(times, start_s + window_s) - index for index, start_s in enumerate(times))


@pytest.mark.parametrize("count", [2, 4])
async def test_workers_of_one_scope_keep_its_read_limit(dsn: str, fleet: Fleet, count: int) -> None:
    """No window has more polls than the burst and the rate, and the workers use what there is."""
    arm = TimedARM(Script(duration_s=600.0, retry_after=1))
    async with arm.serve() as base_url:
        for _ in range(count):  # each worker gets a shard of the scope
            await submitted(fleet, base_url, scopes=1, each=100)
        async with workers(dsn, base_url, count, rate=RATE, burst=BURST, shards=1, lease_s=30.0) as running:
            await asyncio.sleep(RUN_S)
            ended = await asyncio.gather(*(worker.terminate() for worker in running))
    times = sorted(arm.polls)
    for window_s in (1.0, 2.0, 4.0, times[-1] - times[0]):
        assert most_in(times, window_s) <= BURST + RATE * (window_s + JITTER_S)
    assert len(times) >= 0.8 * RATE * (times[-1] - times[0])
    assert all(int(printed) > len(times) / count / 4 for _, printed in ended)
