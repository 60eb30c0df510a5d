"""What people write by hand: for each operation a task that asks, sleeps and asks again."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.scene import WARMUP
from benchmarks.wire import AUTHORIZATION

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from benchmarks.scene import Scene

GATE = 8
"""Requests under way at once behind a gate."""

CONNECTIONS = 100
"""Of whoever has no limit of its own: as many as others take."""

HEADERS = {"Authorization": AUTHORIZATION}


async def httpx(scene: Scene) -> None:
    """An httpx client with the limits it has by itself, but no limit on the wait for a connection."""
    await _of_client(scene, import_module("httpx"))


async def httpx2(scene: Scene) -> None:
    """The same with httpx2."""
    await _of_client(scene, import_module("httpx2"))


async def gated(scene: Scene) -> None:
    """The same with httpx and a semaphore before the client, as those do who have measured."""
    await _of_client(scene, import_module("httpx"), asyncio.Semaphore(GATE))


async def aiohttp(scene: Scene) -> None:
    """An aiohttp session with the limits it has by itself."""
    async with import_module("aiohttp").ClientSession(headers=HEADERS) as session:

        async def ask(url: str) -> tuple[str, float]:
            async with session.get(url) as response:
                return (await response.json())["status"], float(response.headers["Retry-After"])

        await poll_all(scene, ask)


async def pyreqwest(scene: Scene) -> None:
    """Pyreqwest by itself."""
    async with import_module("pyreqwest.client").ClientBuilder().max_connections(CONNECTIONS).build() as client:

        async def ask(url: str) -> tuple[str, float]:
            response = await client.get(url).headers(HEADERS).build().send()
            return (await response.json())["status"], float(response.headers["Retry-After"])

        await poll_all(scene, ask)


async def zapros(scene: Scene) -> None:
    """A zapros client."""
    library = import_module("zapros")
    limits = {"max_connections_per_host": CONNECTIONS, "max_idle_connections_per_host": CONNECTIONS}
    handler = library.AsyncStdNetworkHandler(http1=limits)
    async with library.AsyncClient(handler, default_headers=HEADERS) as client:

        async def ask(url: str) -> tuple[str, float]:
            response = await client.get(url)
            return response.json["status"], float(response.headers["Retry-After"])

        await poll_all(scene, ask)


async def _of_client(scene: Scene, library: Any, gate: AbstractAsyncContextManager[object] | None = None) -> None:
    gate = gate or nullcontext()
    async with clients(library) as client:

        async def ask(url: str) -> tuple[str, float]:
            async with gate:
                response = await client.get(url)
            return response.json()["status"], float(response.headers["Retry-After"])

        await poll_all(scene, ask)


@asynccontextmanager
async def clients(library: Any, transport: Any = None, **credential: Any) -> AsyncGenerator[Any]:
    """Yield a client of httpx or httpx2 as everybody makes one, with the token in its headers if there is no other."""
    credential = credential or {"headers": HEADERS}
    timeout = library.Timeout(30, pool=None)
    async with library.AsyncClient(timeout=timeout, transport=transport, trust_env=False, **credential) as client:
        yield client


async def poll_all(scene: Scene, ask: Callable[[str], Awaitable[tuple[str, float]]]) -> None:
    """Poll every operation in a task of its own; `ask` returns the status and the seconds to wait."""

    async def poll(number: int) -> None:
        url, wait_s = scene.monitor(number), scene.first_s(number)
        while True:
            await asyncio.sleep(wait_s)
            status, wait_s = await ask(url)
            if status == "Succeeded":
                return

    await ask(scene.monitor(WARMUP))
    scene.warm()
    with scene.measured():
        await asyncio.gather(*(poll(number) for number in range(scene.operations)))
