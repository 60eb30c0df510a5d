"""azpoll over each transport it is used with; leaving the tracker waits for all operations."""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

import azpoll
from benchmarks.peers.naive import HEADERS, clients
from benchmarks.scene import WARMUP

if TYPE_CHECKING:
    from collections.abc import Generator

    from benchmarks.scene import Scene


async def httpx(scene: Scene) -> None:
    """The caller's httpx client as it is."""
    await _poll_all(scene, import_module("httpx"))


async def httpx2(scene: Scene) -> None:
    """The caller's httpx2 client as it is."""
    await _poll_all(scene, import_module("httpx2"))


async def httpx_aiohttp(scene: Scene) -> None:
    """An httpx client over aiohttp."""
    transport = import_module("httpx_aiohttp").AiohttpTransport()
    await _poll_all(scene, import_module("httpx"), transport)


async def aiohttp_session(scene: Scene) -> None:
    """The same over an aiohttp session that the caller has."""
    async with import_module("aiohttp").ClientSession() as session:
        transport = import_module("httpx_aiohttp").AiohttpTransport(client=session)
        await _poll_all(scene, import_module("httpx"), transport)


async def pyreqwests_own(scene: Scene) -> None:
    """An httpx client over the transport that pyreqwest itself has for it."""
    transport = import_module("pyreqwest.compatibility.httpx").HttpxTransport()
    await _poll_all(scene, import_module("httpx"), transport)


async def pyreqwest(scene: Scene) -> None:
    """An httpx client over pyreqwest: Rust's reqwest, whose I/O runs in a thread of its own."""
    await _poll_all(scene, import_module("httpx"), import_module("azpoll.fast").transport())


async def signed(scene: Scene) -> None:
    """The same with a token that an auth puts into each request, as one does that renews it."""
    library = import_module("httpx")
    base: Any = library.Auth

    class Bearer(base):  # type: ignore[misc]  # of a library that is imported when it is measured
        def auth_flow(self, request: Any) -> Generator[Any, Any]:
            request.headers.update(HEADERS)
            yield request

    await _poll_all(scene, library, import_module("azpoll.fast").transport(), auth=Bearer())


async def _poll_all(scene: Scene, library: Any, transport: Any = None, **credential: Any) -> None:
    async with clients(library, transport, **credential) as client:
        await client.get(scene.monitor(WARMUP))
        scene.warm()
        initial = scene.ready(_initial(library, scene, number) for number in range(scene.operations))
        with scene.measured():
            async with azpoll.Tracker(client, min_interval=0, budget=None) as tracker:
                for number, response in enumerate(initial):
                    if wait_s := scene.first_s(number):
                        response.headers["Retry-After-ms"] = str(math.ceil(wait_s * 1000))
                    tracker.track(response)


def _initial(library: Any, scene: Scene, number: int) -> Any:
    """Return the answer to the POST that began an operation."""
    headers = {"Azure-AsyncOperation": scene.monitor(number), "Retry-After": "0"}
    return library.Response(202, headers=headers, request=library.Request("POST", scene.resource(number)))
