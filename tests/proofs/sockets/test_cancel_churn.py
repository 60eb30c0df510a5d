"""The connection pool works after thousands of awaiters were cancelled (rule 40).

A pool of httpcore 1.0.9 (httpx 0.28) stops working when its requests are cancelled (httpcore #1093). azpoll does not
cancel them: the scheduler owns the polls, awaiters only wait. The test uses real sockets and asserts no time.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from azure.core import AsyncPipelineClient
from azure.core.pipeline import policies
from azure.core.pipeline.transport import AioHttpTransport, HttpRequest
from azure.core.polling import AsyncLROPoller
from azure.mgmt.core.polling.async_arm_polling import AsyncARMPolling

import azpoll
from azpoll.testing import FakeARM, RetryAfter, Script
from tests.support.clients import Library, new_client
from tests.support.marks import EACH_LIBRARY
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.slow

CANCELLATIONS = scaled(push=12_000, nightly=1_000_000)
"""The number of cancelled awaiters: about 7 s, or 10 min."""

AZURE_CORE_CANCELLATIONS = scaled(push=2000, nightly=1_000_000)
"""The number for azure-core, which has another pool."""

TASKS, OPERATIONS, CONNECTIONS, MAX_WAIT_S = 40, 100, 10, 0.03


def script() -> Script:
    """Return an operation that runs until it is canceled and is polled every 5 ms."""
    return Script(duration_s=float("inf"), retry_after=RetryAfter(0.005, "retry-after-ms"))


async def repeat(action: Callable[[random.Random], Awaitable[object]], times: int) -> None:
    """Run actions that are cancelled early, in several tasks."""
    remaining = iter(range(times))

    async def run(chance: random.Random) -> None:
        for _ in remaining:
            await action(chance)

    async with asyncio.TaskGroup() as tasks:
        for number in range(TASKS):
            tasks.create_task(run(random.Random(number)))  # noqa: S311 - seeded


async def cancel_early(waiting: Awaitable[object], chance: random.Random) -> None:
    """Await an awaitable, and cancel it after a random time."""
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(chance.uniform(0, MAX_WAIT_S))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def served(client: Any, timeout_s: float) -> int:
    """Return the number of five requests that are answered."""
    requests = (client.get("/things/0", timeout=timeout_s) for _ in range(5))
    answers = await asyncio.gather(*requests, return_exceptions=True)
    return sum(not isinstance(answer, BaseException) for answer in answers)


async def churn(library: Library) -> tuple[int, Counter[str]]:
    """Cancel awaiters in every way; return the number of five later requests that are served, and all ends."""
    module = import_module(library)
    arm = FakeARM(default=script(), limits=None, latency_s=0.005)
    async with arm.serve() as base_url:
        limits = module.Limits(max_connections=CONNECTIONS)
        async with new_client(library, base_url=base_url, trust_env=False, limits=limits) as client:
            responses = [await client.put(f"/things/{number}") for number in range(OPERATIONS)]
            async with azpoll.Tracker(client, min_interval=0, budget=None) as tracker:
                operations = [tracker.track(response) for response in responses]

                async def action(chance: random.Random) -> None:
                    index = chance.randrange(OPERATIONS)
                    operation = operations[index]
                    if chance.random() < 0.01:
                        operation.stop_tracking()
                        operations[index] = tracker.resume(operation.resume_token())
                    else:
                        await cancel_early(operation.wait(chance.choice([None, MAX_WAIT_S / 2])), chance)

                await repeat(action, CANCELLATIONS)
                for fake in arm.operations.values():
                    fake.cancel(asyncio.get_running_loop().time())
                await asyncio.gather(*operations, return_exceptions=True)
            return await served(client, 30), Counter(str(operation.state) for operation in operations)


@EACH_LIBRARY
def test_the_pool_works_after_thousands_of_cancelled_awaiters(library: Library) -> None:
    usable, ends = asyncio.run(churn(library))
    assert usable == 5
    assert ends == {"canceled": OPERATIONS}


async def bare_churn(library: Library, timeout_s: float) -> int:
    """Cancel requests of the client itself; return the number of five later ones that are served."""
    module = import_module(library)
    async with FakeARM(default=script(), limits=None, latency_s=0.005).serve() as base_url:
        limits = module.Limits(max_connections=CONNECTIONS)
        async with new_client(library, base_url=base_url, trust_env=False, limits=limits) as client:
            await repeat(lambda chance: cancel_early(client.get("/things/0"), chance), 1000)
            return await served(client, timeout_s)


def test_cancelled_requests_break_the_pool_of_a_bare_httpx_client() -> None:
    """Without azpoll the same cancellations break the pool of httpx; httpx2 has a fixed pool."""
    assert asyncio.run(bare_churn("httpx2", 30)) == 5
    if version("httpcore") == "1.0.9":
        assert asyncio.run(bare_churn("httpx", 1)) == 0


async def azure_core_churn() -> int:
    """Cancel awaiters of azure-core's pollers over aiohttp; return the number of five later GETs that are served."""
    async with (
        FakeARM(default=script(), limits=None, latency_s=0.005).serve() as base_url,
        AsyncPipelineClient[Any, Any](
            base_url, policies=[policies.RequestIdPolicy(), policies.AsyncRetryPolicy()], transport=AioHttpTransport()
        ) as client,
    ):

        async def send(method: str, number: int) -> Any:
            return await client._pipeline.run(HttpRequest(method, f"{base_url}/things/{number}"))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as generated clients do

        pollers: list[AsyncLROPoller[Any]] = [
            AsyncLROPoller(client, await send("PUT", number), lambda response: response, AsyncARMPolling())
            for number in range(OPERATIONS)
        ]
        await repeat(lambda chance: cancel_early(chance.choice(pollers).result(), chance), AZURE_CORE_CANCELLATIONS)
        answers = await asyncio.gather(*(send("GET", 0) for _ in range(5)), return_exceptions=True)
        return sum(not isinstance(answer, BaseException) for answer in answers)


def test_cancelled_pollers_do_not_break_the_pool_of_azure_core() -> None:
    assert asyncio.run(azure_core_churn()) == 5
