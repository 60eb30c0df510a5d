"""The request log is bounded, its records tell what was asked, and statistics count all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll.testing import FakeARM, Limits, Rate, Script, Statistics, status_monitor
from tests.support.clients import ORIGIN, client_of

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.anyio


async def started(client: httpx.AsyncClient) -> str:
    """Start an operation and return its polling URL."""
    return str((await client.put("/x")).headers["azure-asyncoperation"])


async def test_the_log_is_bounded_and_the_judgment_is_not() -> None:
    arm = FakeARM(default=Script(retry_after=10), log_size=3)
    async with client_of(arm) as client:
        url = await started(client)
        await client.get(url)
        await anyio.sleep(10)
        for _ in range(5):
            await client.get(url)
            await anyio.sleep(10)
    assert len(arm.requests) == 3
    with pytest.raises(AssertionError, match=r"10\.000 s early"):
        arm.no_early_polls()
    assert arm.statistics().requests == 7


async def test_a_record_tells_what_was_asked(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script()
    start = anyio.current_time()
    await client.put("/x?api-version=1", headers={"X-Thing": "1"})
    await anyio.sleep(3)
    await client.get("/y")
    first, second = fake_arm.requests
    (operation,) = fake_arm.operations
    assert (first.at_s - start, first.method, first.url) == (0, "PUT", f"{ORIGIN}/x?api-version=1")
    assert (first.operation, first.status, first.authorized, first.path) == (operation, 201, False, "/x")
    assert first.headers["x-thing"] == "1"
    assert (second.at_s - start, second.operation, second.status) == (3, None, 404)


async def test_statistics_are_counted() -> None:
    arm = FakeARM(default=Script(duration_s=5), limits=Limits(reads=Rate(2, 0.1)))
    async with client_of(arm) as client:
        url = await started(client)
        await client.put("/other")
        await anyio.sleep(5)
        for _ in range(3):
            await client.get(url)
    assert arm.statistics() == Statistics(
        requests=5, reads=3, throttled=1, unauthorized=0, early_polls=0, started=2, ended=2, told=1
    )


async def test_a_scripted_end_is_told_once(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.default = Script(polls=[status_monitor("Failed")])
    url = await started(client)
    await client.get(url)
    await client.get(url)
    assert fake_arm.statistics().told == 1
