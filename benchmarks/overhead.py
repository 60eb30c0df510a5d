"""What azpoll itself costs: CPU per poll and bytes per waiting operation, over transports that do nothing.

Run: python -m benchmarks.overhead [--operations 1000] [--polls 20]

Three costs per poll, each the median of five rounds taken in turn:

* bare: `client.build_request` and `client.send` of the caller's client, eight at once, over a null transport.
* stack: the same polls through a `Tracker` over the same client.
* own: stack minus bare, what azpoll adds; and beside it the scheduler and the protocol alone, with no
  client at all.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import random
import statistics
import time
import tracemalloc
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio

import azpoll
from azpoll.protocol.answer import Answer
from azpoll.protocol.delay import Pace
from azpoll.protocol.machine import start
from azpoll.protocol.states import Plan
from azpoll.protocol.target import Trust, origin_of
from azpoll.record import Record
from azpoll.schedule.scheduler import Scheduler
from azpoll.schedule.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azpoll.protocol.answer import Unreachable
    from azpoll.protocol.states import Pending

ARM = "https://management.azure.com/subscriptions/00000000-0000-0000-0000-000000000000"
RESOURCE = ARM + "/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm{}?api-version=2024-07-01"
MONITOR = ARM + "/providers/Microsoft.Compute/locations/westeurope/operations/op{}?api-version=2024-07-01"
RUNNING = b'{"startTime":"2026-11-22T10:00:00.0000000+00:00","status":"InProgress","name":"9a062a88-e463-4697"}'
SUCCEEDED = b'{"startTime":"2026-11-22T10:00:00.0000000+00:00","status":"Succeeded","name":"9a062a88-e463-4697"}'
HEADERS = [
    ("Cache-Control", "no-cache"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("Date", "Sun, 22 Nov 2026 10:00:00 GMT"),
    ("x-ms-request-id", "9a062a88-e463-4697-bef2-fe039df73a02"),
    ("x-ms-correlation-request-id", "9a062a88-e463-4697-bef2-fe039df73a03"),
    ("x-ms-ratelimit-remaining-subscription-reads", "249"),
    ("x-ms-routing-request-id", "WESTEUROPE:20261122T100000Z:9a062a88"),
    ("Retry-After", "0"),
]
GATE = 8


class Service:
    """Answers polls without a network: each operation ends at its last poll."""

    def __init__(self, polls: int) -> None:
        self._polls = polls
        self._seen: dict[str, int] = {}

    def body(self, url: str) -> bytes:
        """Return the next answer to a poll of a URL."""
        seen = self._seen[url] = self._seen.get(url, 0) + 1
        return SUCCEEDED if seen >= self._polls else RUNNING


def null_client(library: Any, service: Service) -> Any:
    """Return a client of httpx or httpx2 whose transport answers at once."""

    class NullTransport(library.AsyncBaseTransport):  # type: ignore[misc]  # a class of either library
        async def handle_async_request(self, request: Any) -> Any:
            return library.Response(200, headers=HEADERS, stream=Body(service.body(str(request.url))))

    class Body(library.AsyncByteStream):  # type: ignore[misc]  # a class of either library
        def __init__(self, body: bytes) -> None:
            self._body = body

        async def __aiter__(self) -> Any:
            yield self._body

    return library.AsyncClient(transport=NullTransport())


def initial_response(library: Any, number: int) -> Any:
    """Return the answer to the POST that starts one virtual machine."""
    return library.Response(
        202,
        headers={"Azure-AsyncOperation": MONITOR.format(number), "Retry-After": "0"},
        request=library.Request("POST", RESOURCE.format(number)),
    )


async def bare(library: Any, operations: int, polls: int) -> float:
    """CPU seconds of the client alone."""
    service = Service(polls)
    async with null_client(library, service) as client:
        urls = iter([MONITOR.format(number) for number in range(operations)] * polls)

        async def work() -> None:
            for url in urls:
                response = await client.send(client.build_request("GET", url), stream=True)
                await response.aread()
                await response.aclose()

        begun = time.process_time()
        async with anyio.create_task_group() as tasks:
            for _ in range(GATE):
                tasks.start_soon(work)
        return time.process_time() - begun


async def stack(library: Any, operations: int, polls: int) -> float:
    """CPU seconds of the same polls through a tracker."""
    service = Service(polls)
    async with null_client(library, service) as client:
        responses = [initial_response(library, number) for number in range(operations)]
        begun = time.process_time()
        async with azpoll.Tracker(client, min_interval=0, max_in_flight=GATE, budget=None) as tracker:
            tracked = [tracker.track(response) for response in responses]
        spent = time.process_time() - begun
        assert all(operation.done() for operation in tracked)
        return spent


class Alone:
    """A home for records that nobody listens to."""

    def changed(self, record: Record, came: Answer | Unreachable | None, lateness_s: float) -> None:
        """Hear nothing."""


def records(
    library: Any, operations: int, polls: int, pace: Pace
) -> tuple[list[Record], Callable[[Pending], Awaitable[Answer]]]:
    """Return operations and a service without any client."""
    service = Service(polls)
    trust = Trust(library.URL, origin_of(library.URL(ARM)))
    now = datetime.now(UTC)
    headers = {name.lower(): value for name, value in HEADERS}
    home = Alone()

    async def ask(state: Pending) -> Answer:
        return Answer(200, headers, service.body(state.ask.url), state.ask.url, now, anyio.current_time())

    made: list[Record] = []
    for number in range(operations):
        first = {"azure-asyncoperation": MONITOR.format(number), "retry-after": "0"}
        plan = Plan("POST", RESOURCE.format(number), trust, pace=pace)
        initial = Answer(202, first, b"", plan.resource_url, now, anyio.current_time())
        made.append(Record(f"{number:016x}", None, start(plan, initial), home, anyio.current_time()))
    return made, ask


async def alone(library: Any, operations: int, polls: int) -> float:
    """CPU seconds of scheduler and protocol without a client."""
    made, ask = records(library, operations, polls, Pace(floor=0.0))

    async def post(_url: str) -> Answer:
        raise AssertionError

    begun = time.process_time()
    async with anyio.create_task_group() as tasks:
        scheduler = Scheduler(
            ask, post, tasks, max_in_flight=GATE, budget=None, timing=Timing(random.Random(0)), throttled=print
        )
        for record in made:
            scheduler.put(record, anyio.current_time())
        for record in made:
            await record.wait_ended()
        tasks.cancel_scope.cancel()
    return time.process_time() - begun


async def bytes_per_operation(library: Any, operations: int) -> float:
    """Traced bytes of one waiting operation, its URLs included."""
    service = Service(2)
    async with (
        null_client(library, service) as client,
        azpoll.Tracker(client, min_interval=3600, on_exit="stop") as tracker,
    ):
        tracker.track(initial_response(library, -1))
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        tracked = [tracker.track(initial_response(library, number)) for number in range(operations)]
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return (after - before) / len(tracked)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=1000)
    parser.add_argument("--polls", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--client", choices=("httpx", "httpx2"), default="httpx")
    options = parser.parse_args()
    library = importlib.import_module(options.client)
    spent: dict[str, list[float]] = {"bare": [], "stack": [], "alone": []}
    for _ in range(options.rounds):
        for name, measure in (("bare", bare), ("stack", stack), ("alone", alone)):
            gc.collect()
            cpu_s = anyio.run(measure, library, options.operations, options.polls)
            spent[name].append(cpu_s / options.operations / options.polls * 1e6)
    medians = {name: statistics.median(values) for name, values in spent.items()}
    size = anyio.run(bytes_per_operation, library, options.operations)
    urls = len(RESOURCE.format(options.operations)) + len(MONITOR.format(options.operations))
    print(f"{options.operations} operations, {options.polls} polls each, {options.client} {library.__version__}")
    print(f"bare client      {medians['bare']:7.1f} us CPU per poll")
    print(f"azpoll over it   {medians['stack']:7.1f} us")
    own, alone_us = medians["stack"] - medians["bare"], medians["alone"]
    print(f"azpoll's own     {own:7.1f} us  (scheduler and protocol alone: {alone_us:.1f} us)")
    print(f"waiting operation {size:6.0f} bytes, of which {urls} are its two URLs")


if __name__ == "__main__":
    main()
