"""A fleet of operations over a fake ARM, with a record of each request; the machine may stall."""

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


class CountingTransport(httpx.AsyncBaseTransport):
    """A transport that counts the requests in flight.

    Attributes:
        most: the highest number of concurrent requests so far.
    """

    def __init__(self, arm: FakeARM) -> None:
        self._inner = arm.transport()
        self._under_way = 0
        self.max_in_flight_seen = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._under_way += 1
        self.max_in_flight_seen = max(self.max_in_flight_seen, self._under_way)
        try:
            return await self._inner.handle_async_request(request)
        finally:
            self._under_way -= 1


class Fleet:
    """A fleet of operations and its service.

    Attributes:
        arm: the service; it never throttles, so only azpoll limits the rate.
        transport: the transport to the service.
        owners: the owner by path of the resource, in the order of beginning.
        late: the lateness of the polls in seconds, by number of the operation.
        tracked: all operations, in the order of beginning.
    """

    def __init__(
        self,
        script: Script | Callable[[IncomingRequest], Script],
        *,
        clock: Callable[[], float] = anyio.current_time,
        log_size: int = 100_000,
    ) -> None:
        self.arm = FakeARM(default=script, limits=None, latency_s=LATENCY_S, clock=clock, log_size=log_size)
        self.transport = CountingTransport(self.arm)
        self.owners: dict[str, Hashable] = {}
        self.late: dict[int, list[float]] = {}
        self.tracked: list[azpoll.AsyncOperation[httpx.Response]] = []

    def client(self) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        return new_client(transport=self.transport, base_url=ORIGIN)

    def begin(
        self,
        tracker: azpoll.Tracker[httpx.Response],
        *,
        subscription: str = "s",
        provider: str = "Microsoft.Fake",
        owner: Hashable = None,
        timeout: float | None = None,
    ) -> None:
        """Begin and track one more operation, without a passage of time."""
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

    def record_lateness(self, tracker: azpoll.Tracker[httpx.Response]) -> None:
        """Record the lateness of each poll from now on."""

        def record(event: azpoll.Event) -> None:
            if isinstance(event, azpoll.PollAnswered) and event.label is not None:
                self.late.setdefault(int(event.label), []).append(event.lateness_s)

        tracker.subscribe(record)

    def polls(self, subscription: str = "") -> list[tuple[float, str]]:
        """Return the time and the resource path of each poll, of one subscription or of all."""
        within = f"/subscriptions/{subscription}"
        return [
            (request.at_s, self.arm.operations[request.operation].path)
            for request in self.arm.requests
            if request.method == "GET" and request.operation is not None and request.path.startswith(within)
        ]

    def ends(self) -> list[azpoll.OperationState]:
        """Return the state of each operation."""
        return [operation.snapshot().state for operation in self.tracked]

    def check_requests(self, budget: azpoll.Budget, scopes: int = 1) -> None:
        """Raise AssertionError after an early, concurrent or late request, or an excess over the budgets."""
        self.arm.no_early_polls()
        self.arm.one_request_at_a_time()
        self.arm.no_requests_after_end()
        for window_s in (1, 10, 60):
            self.arm.max_reads_per_second(scopes * (budget.max_rate + budget.burst / window_s), window_s=window_s)


def stall(seconds: float) -> None:
    """Advance the clock while no task runs, as blocking code or a sleeping machine does."""
    if sniffio.current_async_library() == "asyncio":
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.stall(seconds)
    else:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, trio.testing.MockClock)
        clock.jump(seconds)
