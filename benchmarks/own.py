"""What azpoll itself costs: a poll through a tracker, less the same poll handed to the client's transport by hand.

The transport is the library's own, but its connections do nothing, so that nothing hides the difference. By hand means:
a request made beforehand, its answer's body read, nothing understood. What an operation costs once (its URLs checked,
its record made) is told apart, by comparing operations of few polls and of many.
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import pstats
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import azpoll
from benchmarks.peers.naive import GATE, HEADERS
from benchmarks.wire import HEADERS as ANSWERED
from benchmarks.wire import MONITOR, RESOURCE, RUNNING, SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable

    from benchmarks.measures import Figures

CORES = {"httpx": "httpcore", "httpx2": "httpcore2"}
"""Each HTTP library and the library of its connections."""

ORIGIN = "https://management.azure.com"
OPERATIONS = 400
FEW, MANY = 5, 20
REPEATS = 3
"""The differences of costs are a tenth of them, and so is what the machine's moment does to one of them."""


def null_transport(library: Any, polls: int) -> Any:
    """Return the library's own transport with a pool that answers at once; each URL succeeds at its last poll."""
    transport = library.AsyncHTTPTransport()
    transport._pool = _null_pool(import_module(CORES[library.__name__]), polls)  # noqa: SLF001 - it takes no other
    return transport


def _null_pool(core: Any, polls: int) -> Any:
    seen: dict[bytes, int] = {}
    headers = [(name.encode(), value.encode()) for name, value in (*ANSWERED, ("Retry-After", "0"))]

    class NullPool(core.AsyncConnectionPool):  # type: ignore[misc]  # a class of either library
        async def handle_async_request(self, request: Any) -> Any:
            target = request.url.target
            count = seen[target] = seen.get(target, 0) + 1
            return core.Response(200, headers=headers, content=Body(SUCCEEDED if count == polls else RUNNING))

    class Body:
        def __init__(self, body: bytes) -> None:
            self._body = body

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield self._body

        async def aclose(self) -> None: ...

    return NullPool()


def own(client: str) -> Figures:
    """CPU and function calls per poll, of the transport alone and of azpoll over it; what each operation costs once."""
    library = import_module(client)
    asyncio.run(_tracked(library, 1)[1]())  # what is made once is made now
    us = _per_poll(_cpu_us, library, REPEATS)
    calls, functions = (_per_poll(count, library) for count in (_calls, _functions))
    return {
        "bare_us": us.bare,
        "us": us.tracked - us.bare,
        "once_us": us.once,
        "bare_calls": calls.bare,
        "calls": calls.tracked - calls.bare,
        "once_calls": calls.once,
        "functions": functions.tracked,
    }


class _Cost(NamedTuple):
    bare: float
    tracked: float
    once: float


def _per_poll(cost: Callable[[Prepared], float], library: Any, repeats: int = 1) -> _Cost:
    """Return what a poll costs by hand and tracked, and what an operation costs besides its polls."""
    by_hand = few = many = 0.0
    for _ in range(repeats):
        by_hand += cost(_by_hand(library, MANY))
        few += cost(_tracked(library, FEW))
        many += cost(_tracked(library, MANY))
    by_hand, few, many = (each / repeats / OPERATIONS for each in (by_hand, few, many))
    tracked = (many - few) / (MANY - FEW)
    return _Cost(by_hand / MANY, tracked, few - FEW * tracked)


Prepared = tuple[object, "Callable[[], Coroutine[Any, Any, None]]"]


def _by_hand(library: Any, polls: int) -> Prepared:
    transport = null_transport(library, polls)
    requests = [
        library.Request("GET", ORIGIN + MONITOR.format(number), headers=HEADERS) for number in range(OPERATIONS)
    ]

    async def work(rest: Iterable[Any]) -> None:
        for request in rest:
            response = await transport.handle_async_request(request)
            async for _ in response.stream:
                pass
            await response.stream.aclose()

    async def main() -> None:
        rest = iter(requests * polls)
        await asyncio.gather(*(work(rest) for _ in range(GATE)))

    return requests, main


def _tracked(library: Any, polls: int) -> Prepared:
    transport = null_transport(library, polls)
    initial = [_initial(library, number) for number in range(OPERATIONS)]

    async def main() -> None:
        client = library.AsyncClient(transport=transport, headers=HEADERS)
        async with client, azpoll.Tracker(client, min_interval=0, max_in_flight=GATE, budget=None) as tracker:
            for response in initial:
                tracker.track(response)

    return initial, main


def _initial(library: Any, number: int) -> Any:
    headers = {"Azure-AsyncOperation": ORIGIN + MONITOR.format(number), "Retry-After": "0"}
    return library.Response(202, headers=headers, request=library.Request("POST", ORIGIN + RESOURCE.format(number)))


def _cpu_us(prepared: Prepared) -> float:
    gc.collect()
    begun_s = time.process_time()
    asyncio.run(prepared[1]())
    return (time.process_time() - begun_s) * 1e6


def _calls(prepared: Prepared) -> int:
    """Count all calls, those of methods of strings and dictionaries included."""
    return sum(_profiled(prepared).values())


def _functions(prepared: Prepared) -> int:
    """Count the calls of azpoll's own functions."""
    package = str(Path(azpoll.__file__).parent)
    return sum(calls for place, calls in _profiled(prepared).items() if place.startswith(package))


def _profiled(prepared: Prepared) -> Counter[str]:
    """Return how many calls were made of functions in each file."""
    profile = cProfile.Profile()
    profile.runcall(asyncio.run, prepared[1]())
    calls = Counter[str]()
    for (file, _, _), (_, count, *_) in vars(pstats.Stats(profile))["stats"].items():  # typeshed does not know it
        calls[file] += count
    return calls
