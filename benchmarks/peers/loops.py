"""Loops written by hand: a task per operation that polls, sleeps and polls again."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.payloads import AUTHORIZATION
from benchmarks.workload import WARMUP

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from benchmarks.workload import Workload

GATE = 8
"""Concurrent requests behind a semaphore."""

CONNECTIONS = 100
"""Connections of a library without a limit of its own; the other libraries have the same number."""

HEADERS = {"Authorization": AUTHORIZATION}


async def httpx(work: Workload) -> None:
    """An httpx client with its default limits, but no timeout while it waits for a connection."""
    await _over_client(work, import_module("httpx"))


async def httpx2(work: Workload) -> None:
    """The same with httpx2."""
    await _over_client(work, import_module("httpx2"))


async def gated(work: Workload) -> None:
    """The same with httpx and a semaphore before the client."""
    await _over_client(work, import_module("httpx"), asyncio.Semaphore(GATE))


async def aiohttp(work: Workload) -> None:
    """An aiohttp session with its default limits."""
    async with import_module("aiohttp").ClientSession(headers=HEADERS) as session:

        async def poll(url: str) -> tuple[str, float]:
            async with session.get(url) as response:
                return (await response.json())["status"], float(response.headers["Retry-After"])

        await poll_all(work, poll)


async def pyreqwest(work: Workload) -> None:
    """A pyreqwest client."""
    async with import_module("pyreqwest.client").ClientBuilder().max_connections(CONNECTIONS).build() as client:

        async def poll(url: str) -> tuple[str, float]:
            response = await client.get(url).headers(HEADERS).build().send()
            return (await response.json())["status"], float(response.headers["Retry-After"])

        await poll_all(work, poll)


async def _over_client(work: Workload, library: Any, gate: AbstractAsyncContextManager[object] | None = None) -> None:
    gate = gate or nullcontext()
    async with client_of(library) as client:

        async def poll(url: str) -> tuple[str, float]:
            async with gate:
                response = await client.get(url)
            return response.json()["status"], float(response.headers["Retry-After"])

        await poll_all(work, poll)


@asynccontextmanager
async def client_of(library: Any, transport: Any = None, **credential: Any) -> AsyncGenerator[Any]:
    """Yield a client of httpx or httpx2; without a `credential` the token is in its headers."""
    credential = credential or {"headers": HEADERS}
    timeout = library.Timeout(120, pool=None)  # as in README.md; azpoll then sets no timer for each read and write
    async with library.AsyncClient(timeout=timeout, transport=transport, trust_env=False, **credential) as client:
        yield client


async def poll_all(work: Workload, poll: Callable[[str], Awaitable[tuple[str, float]]]) -> None:
    """Poll each operation in a task of its own; `poll` returns the status and the seconds to wait."""

    async def wait(number: int) -> None:
        url, wait_s = work.monitor(number), work.first_wait_s(number)
        while True:
            await asyncio.sleep(wait_s)
            status, wait_s = await poll(url)
            if status == "Succeeded":
                return

    await poll(work.monitor(WARMUP))
    work.warm()
    with work.clock():
        await asyncio.gather(*(wait(number) for number in range(work.operations)))
