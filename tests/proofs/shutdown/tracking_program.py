"""A program that tracks operations in every state, for the cases of `child`; over real sockets on asyncio."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import sniffio

import azpoll
from azpoll.testing import Delay, FakeARM, IncomingRequest, Reply, RetryAfter, Script, status_monitor
from tests.support.clients import Library, new_client

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import TaskGroup

MOMENT_S = 0.5
PATIENCE_S = 60.0
"""With what takes long: in debug mode asyncio would tell of a slow machine."""

SOON = RetryAfter(0.02, "retry-after-ms")

SCRIPTS: dict[str, Script] = {
    "waiting": Script(retry_after=60),
    "polling": Script(retry_after=SOON, polls=[Delay(MOMENT_S, status_monitor("InProgress", retry_after=SOON))]),
    "fetching": Script(duration_s=0, retry_after=SOON, finals=[Delay(MOMENT_S)]),
    "throttled": Script(retry_after=SOON, polls=[Reply(429, retry_after=60)]),
    "ended": Script(duration_s=0, retry_after=SOON),
    "beginning": Script(retry_after=60, initial=Delay(MOMENT_S)),
}
"""By name of the operation, which is that of its resource and of its subscription."""

REQUESTS = Counter({"waiting": 1, "polling": 2, "fetching": 3, "throttled": 2, "ended": 3, "beginning": 1})
"""How many are sent when each has come into its state: the initial one, polls, and a final GET."""


def path_of(name: str) -> str:
    return f"/subscriptions/{name}/resourceGroups/g/providers/Microsoft.Fake/things/{name}?api-version=1"


def name_of(request: IncomingRequest) -> str:
    return request.path.rpartition("/")[2]


class Program:
    """Tracks one operation in each state.

    Attributes:
        told: by name, what its waiter was told, and whether with a resume token.
        operations: by name.
    """

    def __init__(self, library: Library = "httpx") -> None:
        self._library: Library = library
        self._arm = FakeARM(default=lambda request: SCRIPTS[name_of(request)], limits=None)
        self._all_told = anyio.Event()
        self.told: dict[str, list[object]] = {}
        self.operations: dict[str, azpoll.AsyncOperation[Any]] = {}
        if sniffio.current_async_library() == "asyncio":
            asyncio.get_running_loop().slow_callback_duration = PATIENCE_S

    def client_of_fake(self) -> Any:
        """Return a client without sockets."""
        origin = "https://management.azure.com"
        return new_client(self._library, transport=self._arm.transport(), base_url=origin)

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[Any]:
        """Give a client: of a server on loopback under asyncio, of the fake itself under trio."""
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

    async def bring_about(self, tracker: azpoll.Tracker[Any], tasks: TaskGroup) -> None:
        """Begin all operations, with a waiter for each, and return when all are in their states."""
        for name in SCRIPTS:
            tasks.start_soon(self._follow, tracker, name)
        while self._requests() < REQUESTS:  # noqa: ASYNC110 - the service tells nobody
            await anyio.sleep(0.01)

    def _requests(self) -> Counter[str]:
        names = (fake.path.rpartition("/")[2] for fake in self._arm.operations.values())
        identities = dict(zip(self._arm.operations, names, strict=True))
        return Counter(identities[request.operation] for request in self._arm.requests if request.operation)

    async def _follow(self, tracker: azpoll.Tracker[Any], name: str) -> None:
        try:
            operation = self.operations[name] = await tracker.begin("PUT", path_of(name))
            await operation
        except azpoll.AzpollError as error:
            self.told[name] = [type(error).__name__, error.resume_token is not None]
        else:
            self.told[name] = ["succeeded", False]
        if self.told.keys() == SCRIPTS.keys():
            self._all_told.set()

    async def tell(self) -> None:
        """Wait until all waiters are told, and say what."""
        with anyio.CancelScope(shield=True):
            await self._all_told.wait()
        say(self.told)


def say(what: object) -> None:
    """Tell the parent something."""
    print(json.dumps(what), flush=True)  # noqa: T201 - that is how
