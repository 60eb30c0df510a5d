"""Operations of many processes and machines, in a PostgreSQL database.

    async with Fleet.connect("postgresql://user@host/database") as fleet:
        ids = await fleet.submit(tokens_or_responses, group="deploy-42")
        async for result in fleet.results(group="deploy-42"):
            ...

A worker, on any machine:

    async with Fleet.connect(dsn) as fleet, Tracker(client, budget=fleet.budget()) as tracker:
        await fleet.work(tracker)

It needs `pip install 'azpoll[fleet]'`, PostgreSQL 13 or later, and asyncio. `docs/workers.md` describes it.
"""

from __future__ import annotations

try:
    from azpoll.fleet.fleet import Fleet
except ModuleNotFoundError as error:
    if error.name not in {"asyncpg", "pgqueuer"}:
        raise
    raise ModuleNotFoundError("azpoll.fleet needs pgqueuer: python -m pip install 'azpoll[fleet]'") from error

from azpoll.fleet.errors import FleetError, FleetUnavailable
from azpoll.fleet.initial_request import FleetBeginOptions
from azpoll.fleet.results import FleetResult
from azpoll.fleet.shard_queue import ShardCounts
from azpoll.fleet.statistics import FleetBudget, FleetStatistics, FleetWorker

__all__ = [
    "Fleet",
    "FleetBeginOptions",
    "FleetBudget",
    "FleetError",
    "FleetResult",
    "FleetStatistics",
    "FleetUnavailable",
    "FleetWorker",
    "ShardCounts",
]
