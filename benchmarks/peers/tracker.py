"""azpoll over each transport it is used with; leaving the tracker waits for all operations."""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

import azpoll
from benchmarks.peers.loops import HEADERS, client_of
from benchmarks.workload import WARMUP

if TYPE_CHECKING:
    from collections.abc import Generator

    from benchmarks.workload import Workload


async def httpx(work: Workload) -> None:
    """A plain httpx client."""
    await _poll_all(work, import_module("httpx"))


async def httpx2(work: Workload) -> None:
    """A plain httpx2 client."""
    await _poll_all(work, import_module("httpx2"))


async def fast(work: Workload) -> None:
    """An httpx client over `azpoll.fast`: Rust's reqwest, whose I/O runs in a thread of its own."""
    await _poll_all(work, import_module("httpx"), import_module("azpoll.fast").transport())


async def fast_with_auth(work: Workload) -> None:
    """The same with an auth that sets the token on each request, as one that renews tokens does."""
    library = import_module("httpx")
    base: Any = library.Auth

    class Bearer(base):  # type: ignore[misc]  # - the library is imported when it is measured
        def auth_flow(self, request: Any) -> Generator[Any, Any]:
            request.headers.update(HEADERS)
            yield request

    await _poll_all(work, library, import_module("azpoll.fast").transport(), auth=Bearer())


async def pyreqwest(work: Workload) -> None:
    """An httpx client over the transport that pyreqwest itself has for it."""
    transport = import_module("pyreqwest.compatibility.httpx").HttpxTransport()
    await _poll_all(work, import_module("httpx"), transport)


async def httpx_aiohttp(work: Workload) -> None:
    """An httpx client over aiohttp."""
    transport = import_module("httpx_aiohttp").AiohttpTransport()
    await _poll_all(work, import_module("httpx"), transport)


async def _poll_all(work: Workload, library: Any, transport: Any = None, **credential: Any) -> None:
    async with client_of(library, transport, **credential) as client:
        await _poll_once(work, library, client)
        work.warm()
        initial = work.prepared(_initial(library, work, number) for number in range(work.operations))
        with work.clock():
            async with azpoll.Tracker(client, min_interval=0, budget=None) as tracker:
                for number, response in enumerate(initial):
                    if wait_s := work.first_wait_s(number):
                        response.headers["Retry-After-ms"] = str(math.ceil(wait_s * 1000))
                    tracker.track(response)


async def _poll_once(work: Workload, library: Any, client: Any) -> None:
    """Poll `WARMUP` once, which loads what a process loads once: modules, and the table of recorded durations."""
    async with azpoll.Tracker(client, min_interval=0, budget=None, on_exit="stop") as tracker:
        async for snapshot in tracker.track(_initial(library, work, WARMUP)).snapshots():
            if snapshot.polls:
                break


def _initial(library: Any, work: Workload, number: int) -> Any:
    """Return the initial response of an operation."""
    headers = {"Azure-AsyncOperation": work.monitor(number), "Retry-After": "0"}
    return library.Response(202, headers=headers, request=library.Request("POST", work.resource(number)))
