"""A worker in a process of its own, over a service within the process.

python -m benchmarks.durable.worker DSN READS SHARDS

It begins when its standard input says so, and ends when no shard is left. Then it prints its CPU seconds since it
began, its reads, and the MiB of memory that it had at most, as a list in JSON.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys

import azpoll
from azpoll.fleet import Fleet
from benchmarks.durable.cpu import CPUMeter
from benchmarks.durable.processes import wait_to_begin
from benchmarks.durable.service import INTERVAL_S, LIMITS, client


async def main(dsn: str, reads: int, shards: int) -> None:
    """Work until no shard is left."""
    async with (
        Fleet.connect(dsn) as fleet,
        client(reads) as http,
        azpoll.Tracker(
            http, budget=fleet.budget(LIMITS), interval=INTERVAL_S, min_interval=0, on_exit="stop"
        ) as tracker,
    ):
        await wait_to_begin()
        meter = CPUMeter()
        await fleet.work(tracker, shards=shards, drain=True)
        memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([meter.seconds, tracker.statistics().polls, memory_mib]), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
