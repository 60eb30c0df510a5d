"""A fleet over a fake of ARM: it begins at once, each request is on record, and time may pass with nothing run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
import httpx
import sniffio
import trio.lowlevel
import trio.testing

import azpoll
from azpoll.testing import FakeARM, IncomingRequest, VirtualLoop
from tests.support.clients import new_client

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from contextlib import AbstractAsyncContextManager

    from azpoll.testing import Script

ORIGIN = "https://management.azure.com"
LATENCY_S = 0.05


class Line(httpx.AsyncBaseTransport):
    """The way to the service, which counts who is on it.

    Attributes:
        most: requests under way at once, at most so far.
    """

    def __init__(self, arm: FakeARM) -> None:
        self._transport = arm.transport()
        self._under_way = 0
        self.most = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        try:
            return await self._transport.handle_async_request(request)
        finally:
            self._under_way -= 1


class Fleet:
    """One fleet and its service.

    Attributes:
        arm: the service; it throttles nobody, so that all is azpoll's own doing.
        line: between the two.
        owners: by path of the operation's resource, in the order they began.
        late: by number of the operation, how late each of its polls was sent, in seconds.
        tracked: all operations, in the order they began.
    """

    def __init__(
        self,
        script: Script | Callable[[IncomingRequest], Script],
        *,
        clock: Callable[[], float] = anyio.current_time,
        log_size: int = 100_000,
    ) -> None:
        self.arm = FakeARM(default=script, limits=None, latency_s=LATENCY_S, clock=clock, log_size=log_size)
        self.line = Line(self.arm)
        self.owners: dict[str, Hashable] = {}
        self.late: dict[int, list[float]] = {}
        self.tracked: list[azpoll.AsyncOperation[httpx.Response]] = []

    def client(self) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        return new_client(transport=self.line, base_url=ORIGIN)

    def begin(
        self,
        tracker: azpoll.Tracker[httpx.Response],
        *,
        subscription: str = "s",
        provider: str = "Microsoft.Fake",
        owner: Hashable = None,
        timeout: float | None = None,
    ) -> None:
        """Begin one more operation, and track it: no time passes."""
        number = len(self.tracked)
        path = f"/subscriptions/{subscription}/resourceGroups/g/providers/{provider}/things/t{number}"
        exchange = self.arm.exchange(IncomingRequest("PUT", ORIGIN, path, "api-version=1", {}, b"{}"))
        exchange.told()
        exchange.finished(complete=True)
        assert exchange.status is not None
        self.owners[path] = owner
        request = httpx.Request("PUT", f"{ORIGIN}{path}?api-version=1")
        initial = httpx.Response(exchange.status, headers=exchange.headers, content=exchange.body, request=request)
        self.tracked.append(
            tracker.track(initial, result="status", owner=owner, timeout=timeout, label=str(number)),
        )

    def watch(self, tracker: azpoll.Tracker[httpx.Response]) -> None:
        """Note from now on how late each poll is."""

        def note(event: azpoll.Event) -> None:
            if isinstance(event, azpoll.PollAnswered) and event.label is not None:
                self.late.setdefault(int(event.label), []).append(event.lateness_s)

        tracker.subscribe(note)

    def polls(self, subscription: str = "") -> list[tuple[float, str]]:
        """Return when each poll left, and the path of the resource it was about; of one subscription, or of all."""
        within = f"/subscriptions/{subscription}"
        return [
            (request.at_s, self.arm.operations[request.operation].path)
            for request in self.arm.requests
            if request.method == "GET" and request.operation is not None and request.path.startswith(within)
        ]

    def ends(self) -> list[azpoll.OperationState]:
        """Return the state of each operation."""
        return [operation.snapshot().state for operation in self.tracked]

    def kept(self, budget: azpoll.Budget, scopes: int = 1) -> None:
        """Raise AssertionError if anything was sent early, twice at once, after the end, or beyond so many budgets."""
        self.arm.no_early_polls()
        self.arm.one_request_at_a_time()
        self.arm.no_requests_after_end()
        for window_s in (1, 10, 60):
            self.arm.max_reads_per_second(scopes * (budget.max_rate + budget.burst / window_s), window_s=window_s)


def stall(seconds: float) -> None:
    """Let time pass in which no task runs: code that blocks, or a machine that sleeps."""
    if sniffio.current_async_library() == "asyncio":
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.stall(seconds)
    else:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, trio.testing.MockClock)
        clock.jump(seconds)
