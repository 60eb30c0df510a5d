"""Trackers without a fleet, each in a process of its own: CPU time grows with their number, since they share caches.

python -m benchmarks.durable.bare_trackers OPERATIONS READS

It prints the CPU milliseconds per operation.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys

import azpoll
from benchmarks.durable.cpu import CPUMeter
from benchmarks.durable.processes import finished, started, wait_to_begin
from benchmarks.durable.service import INTERVAL_S, LIMITS, client, tokens


async def bare_ms(made: list[str], reads: int) -> float:
    """Return the CPU milliseconds per operation of a tracker that resumes tokens, without a fleet."""
    gc.collect()
    async with client(reads) as http:
        meter = CPUMeter()
        async with azpoll.Tracker(http, budget=LIMITS, interval=INTERVAL_S, min_interval=0.0) as tracker:
            for number, token in enumerate(made):
                tracker.resume(token)
                if number % 20 == 0:
                    await asyncio.sleep(0)
        assert tracker.statistics().succeeded == len(made)
        return meter.seconds / len(made) * 1e3


async def together_ms(operations: int, reads: int, processes: int) -> float:
    """Return the mean CPU milliseconds per operation of as many trackers at the same time, with all operations."""
    share = operations // processes
    running = await asyncio.gather(*(started(__name__, share, reads) for _ in range(processes)))
    return statistics.mean(map(float, await asyncio.gather(*map(finished, running))))


async def main(operations: int, reads: int) -> None:
    """Track operations when the standard input says so."""
    made = await tokens(range(operations))
    await wait_to_begin()
    print(await bare_ms(made, reads), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
