"""A fake service, initial responses and workers for the tests of fleets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import azpoll
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import httpx

    from azpoll.fleet import Fleet

GROUP = "/subscriptions/s/resourceGroups"

FAST = azpoll.Budget(rate=10_000.0, max_rate=10_000.0, burst=10_000.0, write_rate=10_000.0, write_burst=10_000.0)


def quick_arm(duration_s: float = 0.05, **script: object) -> FakeARM:
    """Return a service whose operations end soon, and which never throttles."""
    planned = Script(duration_s=duration_s, retry_after=0, **script)  # type: ignore[arg-type]  # - the fields of a script
    return FakeARM(default=planned, limits=None, floor_s=0.0)


async def responses_of(client: httpx.AsyncClient, count: int, subscription: str = "s") -> list[httpx.Response]:
    """Return the initial responses of new operations."""
    url = f"/subscriptions/{subscription}/resourceGroups/g%d?api-version=1"
    return [await client.put(url % number, json={}) for number in range(count)]


def quick_tracker(client: httpx.AsyncClient, fleet: Fleet, **options: object) -> azpoll.Tracker[httpx.Response]:
    """Return a tracker that polls each 20 ms, with the shared budget of a fleet."""
    given: dict[str, object] = {"budget": fleet.budget(FAST), "interval": 0.02, "min_interval": 0.02}
    return azpoll.Tracker(client, **{**given, "on_exit": "stop", **options})  # type: ignore[arg-type]  # - its keywords


@asynccontextmanager
async def working(
    fleet: Fleet, client: httpx.AsyncClient, *, lease_s: float = 5.0, shards: int = 200, **options: object
) -> AsyncGenerator[asyncio.Task[None]]:
    """Run a worker inside the context."""
    async with quick_tracker(client, fleet, **options) as tracker:
        worker = asyncio.create_task(fleet.work(tracker, lease_s=lease_s, shards=shards))
        try:
            yield worker
        finally:
            worker.cancel()
            with suppress(asyncio.CancelledError):
                await worker


@asynccontextmanager
async def service(arm: FakeARM) -> AsyncGenerator[httpx.AsyncClient]:
    """Give a client of a fake service."""
    async with client_of(arm) as client:
        yield client


async def submit_red_and_blue(fleet: Fleet) -> None:
    """Let two operations of the group "red" fail, and leave one of "blue" open."""
    arm = quick_arm(outcome="Failed", error={"code": "QuotaExceeded", "message": "no cores"})
    async with service(arm) as client:
        ids = await fleet.submit(await responses_of(client, 2), group="red")
        async with working(fleet, client):
            await fleet.wait(ids, 20)
        await fleet.submit(await responses_of(client, 1), group="blue")
