"""A program with an operation in every state, for the cases of `exit_process`; on asyncio over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import sniffio
import trio

import azpoll
from azpoll.testing import Delay, FakeARM, IncomingRequest, Reply, RetryAfter, Script, status_monitor
from tests.support.clients import Library, new_client

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import TaskGroup

LATENCY_S = 0.5
SLOW_CALLBACK_S = 60.0
"""The slow-callback limit: asyncio's debug mode would otherwise report a slow machine."""

SOON = RetryAfter(0.02, "retry-after-ms")

SCRIPTS: dict[str, Script] = {
    "waiting": Script(retry_after=60),
    "polling": Script(retry_after=SOON, polls=[Delay(LATENCY_S, status_monitor("InProgress", retry_after=SOON))]),
    "fetching": Script(duration_s=0, retry_after=SOON, finals=[Delay(LATENCY_S)]),
    "throttled": Script(retry_after=SOON, polls=[Reply(429, retry_after=60)]),
    "ended": Script(duration_s=0, retry_after=SOON),
    "beginning": Script(retry_after=60, initial=Delay(LATENCY_S)),
}
"""The scripts by the name of the operation, which is also the name of its resource and subscription."""

REQUESTS = Counter({"waiting": 1, "polling": 2, "fetching": 3, "throttled": 2, "ended": 3, "beginning": 1})
"""The number of requests until each operation is in its state: initial request, polls, final GET."""


def path_of(name: str) -> str:
    return f"/subscriptions/{name}/resourceGroups/g/providers/Microsoft.Fake/things/{name}?api-version=1"


def name_of(request: IncomingRequest) -> str:
    return request.path.rpartition("/")[2]


class Program:
    """Tracks one operation in each state.

    Attributes:
        results: the result of each awaiter, and whether with a resume token, by name.
        operations: the operations by name.
    """

    def __init__(self, library: Library = "httpx") -> None:
        self._library: Library = library
        self._arm = FakeARM(default=lambda request: SCRIPTS[name_of(request)], limits=None)
        self._all_ended = anyio.Event()
        self.results: dict[str, list[object]] = {}
        self.operations: dict[str, azpoll.AsyncOperation[Any]] = {}
        if sniffio.current_async_library() == "asyncio":
            asyncio.get_running_loop().slow_callback_duration = SLOW_CALLBACK_S

    def client_of_fake(self) -> Any:
        """Return a client without sockets."""
        origin = "https://management.azure.com"
        return new_client(self._library, transport=self._arm.transport(), base_url=origin)

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[Any]:
        """Yield a client: of a loopback server on asyncio, of the fake transport on trio."""
        if sniffio.current_async_library() == "trio":
            async with self.client_of_fake() as client:
                yield client
        else:
            async with (
                self._arm.serve() as url,
                new_client(self._library, base_url=url, trust_env=False) as client,
            ):
                yield client

    def tracker(self, client: Any) -> azpoll.Tracker[Any]:
        return azpoll.Tracker(client, min_interval=0, budget=None)

    async def start(self, tracker: azpoll.Tracker[Any], tasks: TaskGroup) -> None:
        """Begin and await all operations; return when all are in their states."""
        for name in SCRIPTS:
            tasks.start_soon(self._follow, tracker, name)
        while self._requests() < REQUESTS:  # noqa: ASYNC110 - there is no event to await
            await anyio.sleep(0.01)

    def _requests(self) -> Counter[str]:
        names = (fake.path.rpartition("/")[2] for fake in self._arm.operations.values())
        identities = dict(zip(self._arm.operations, names, strict=True))
        return Counter(identities[request.operation] for request in self._arm.requests if request.operation)

    @trio.lowlevel.enable_ki_protection  # an interrupt in an awaiter itself would end it without a result
    async def _follow(self, tracker: azpoll.Tracker[Any], name: str) -> None:
        try:
            operation = self.operations[name] = await tracker.begin("PUT", path_of(name))
            await operation
        except azpoll.AzpollError as error:
            self.results[name] = [type(error).__name__, error.resume_token is not None]
        else:
            self.results[name] = ["succeeded", False]
        if self.results.keys() == SCRIPTS.keys():
            self._all_ended.set()

    async def report_results(self) -> None:
        """Wait until all awaiters have a result, and report the results."""
        with anyio.CancelScope(shield=True):
            await self._all_ended.wait()
        report(self.results)


def report(value: object) -> None:
    """Report a value to the parent process."""
    print(json.dumps(value), flush=True)  # noqa: T201 - the parent reads stdout
