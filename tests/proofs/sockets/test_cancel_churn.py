"""Awaiters that are cancelled by the thousand leave the connection pool whole (rule 40).

A pool of httpcore 1.0.9 (httpx 0.28) does not survive that its own requests are cancelled (httpcore #1093). azpoll's
are not: the scheduler owns the polls, awaiters only wait. Real sockets and real time, but no assertion about time.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

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

LEAVINGS = scaled(push=36_000, nightly=1_000_000)
"""How often somebody leaves: twenty seconds of it, or ten minutes."""

PEERS_LEAVINGS = scaled(push=2000, nightly=1_000_000)
"""The same of azure-core, whose pool is another."""

TASKS, OPERATIONS, CONNECTIONS, LONGEST_S = 40, 100, 10, 0.03


def script() -> Script:
    """Return an operation that runs until it is canceled, asked every few milliseconds."""
    return Script(duration_s=float("inf"), retry_after=RetryAfter(0.005, "retry-after-ms"))


async def leave_often(turn: Callable[[random.Random], Awaitable[object]], times: int) -> None:
    """Let tasks take turns that end early."""
    left = iter(range(times))

    async def work(chance: random.Random) -> None:
        for _ in left:
            await turn(chance)

    async with asyncio.TaskGroup() as tasks:
        for number in range(TASKS):
            tasks.create_task(work(random.Random(number)))  # noqa: S311 - seeded, to be the same each time


async def abandoned(waiting: Awaitable[object], chance: random.Random) -> None:
    """Wait for something, and be cancelled after a moment."""
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(chance.uniform(0, LONGEST_S))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def served(client: Any, patience_s: float) -> int:
    """Return how many of five requests are answered."""
    requests = (client.get("/things/0", timeout=patience_s) for _ in range(5))
    answers = await asyncio.gather(*requests, return_exceptions=True)
    return sum(not isinstance(answer, BaseException) for answer in answers)


async def churn(library: Library) -> tuple[int, Counter[str]]:
    """Leave operations in every way there is; return how many of five later requests are served, and all ends."""
    module = import_module(library)
    arm = FakeARM(default=script(), limits=None, latency_s=0.005)
    async with arm.serve() as base_url:
        limits = module.Limits(max_connections=CONNECTIONS)
        async with new_client(library, base_url=base_url, trust_env=False, limits=limits) as client:
            responses = [await client.put(f"/things/{number}") for number in range(OPERATIONS)]
            async with azpoll.Tracker(client, min_interval=0, budget=None) as tracker:
                operations = [tracker.track(response) for response in responses]

                async def turn(chance: random.Random) -> None:
                    index = chance.randrange(OPERATIONS)
                    operation = operations[index]
                    if chance.random() < 0.01:
                        operation.stop_tracking()
                        operations[index] = tracker.resume(operation.resume_token())
                    else:
                        await abandoned(operation.wait(chance.choice([None, LONGEST_S / 2])), chance)

                await leave_often(turn, LEAVINGS)
                for fake in arm.operations.values():
                    fake.cancel(asyncio.get_running_loop().time())
                await asyncio.gather(*operations, return_exceptions=True)
            return await served(client, 30), Counter(str(operation.state) for operation in operations)


@EACH_LIBRARY
def test_the_pool_is_usable_after_awaiters_have_left_by_the_thousand(library: Library) -> None:
    usable, ends = asyncio.run(churn(library))
    assert usable == 5
    assert ends == {"canceled": OPERATIONS}


async def bare_churn(library: Library, patience_s: float) -> int:
    """Cancel requests themselves; return how many of five later ones are served."""
    module = import_module(library)
    async with FakeARM(default=script(), limits=None, latency_s=0.005).serve() as base_url:
        limits = module.Limits(max_connections=CONNECTIONS)
        async with new_client(library, base_url=base_url, trust_env=False, limits=limits) as client:
            await leave_often(lambda chance: abandoned(client.get("/things/0"), chance), 1000)
            return await served(client, patience_s)


def test_the_pool_of_a_bare_client_is_as_the_page_of_peers_says() -> None:
    """What the guarantee is worth: the same churn without azpoll. httpx2 has mended its pool."""
    assert asyncio.run(bare_churn("httpx2", 30)) == 5
    if version("httpcore") == "1.0.9":
        assert asyncio.run(bare_churn("httpx", 1)) == 0


async def azure_core_churn() -> int:
    """Cancel awaiters of azure-core's pollers, over aiohttp; return how many of five later GETs are served."""
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
        await leave_often(lambda chance: abandoned(chance.choice(pollers).result(), chance), PEERS_LEAVINGS)
        answers = await asyncio.gather(*(send("GET", 0) for _ in range(5)), return_exceptions=True)
        return sum(not isinstance(answer, BaseException) for answer in answers)


def test_the_pool_of_azure_core_is_as_the_page_of_peers_says() -> None:
    assert asyncio.run(azure_core_churn()) == 5
