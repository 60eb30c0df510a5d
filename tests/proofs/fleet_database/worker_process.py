"""A worker of a fleet in a process of its own, which ends at SIGTERM.

python -m tests.proofs.fleet_database.worker_process DSN BASE_URL OPTIONS_AS_JSON
"""

from __future__ import annotations

import asyncio
import json
import sys

import httpx

import azpoll
from azpoll.fleet import Fleet


async def main(dsn: str, base_url: str, options: dict[str, float]) -> None:
    """Work; print a line once the worker has begun, and the number of polls at the end."""
    rate, burst = options["rate"], options["burst"]
    limits = azpoll.Budget(rate=rate, max_rate=rate, burst=burst, increase_per_s=0.0)
    headers = {"Authorization": "Bearer k4n4ry-0f-g0ld"}
    async with (
        Fleet.connect(dsn) as fleet,
        httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client,
        azpoll.Tracker(client, budget=fleet.budget(limits), interval=0.1, min_interval=0.1, on_exit="stop") as tracker,
    ):
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        await fleet.work(tracker, lease_s=options["lease_s"], shards=int(options["shards"]))
        sys.stdout.write(f"{tracker.statistics().polls}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
