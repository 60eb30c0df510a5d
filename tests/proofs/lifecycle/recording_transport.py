"""A transport that records the requests of one tracker."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakSet

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.testing import FakeARM, FakeOperation


class Read(NamedTuple):
    """A GET, at the loop time `at_s`. A repetition by the auth is not another read."""

    at_s: float
    subscription: str


class Overlap(NamedTuple):
    """A request that was sent while another request of the same resource was in flight."""

    resource: str
    text: str


class RecordingTransport(httpx.AsyncBaseTransport):
    """The transport of one tracker.

    Attributes:
        reads: the reads in the order of sending.
        overlapping: requests that were sent while another request of the same operation was in flight.
        at_once: the concurrency limits that a transport may declare; they are low, so that requests queue.
    """

    at_once = (1, 3)

    def __init__(self, arm: FakeARM, inner: httpx.AsyncBaseTransport, clock: Callable[[], float]) -> None:
        self._arm = arm
        self._inner = inner
        self._clock = clock
        self._under_way: Counter[str] = Counter()
        self._seen: WeakSet[httpx.Request] = WeakSet()
        self.reads: list[Read] = []
        self.overlapping: list[Overlap] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path, at_s = request.url.path, self._clock()
        subject = subject_of(path, self._arm.operations)
        if self._under_way[subject]:
            self.overlapping.append(Overlap(subject, f"{request.method} {path} at {at_s:.3f} s"))
        if request.method == "GET" and request not in self._seen:
            self._seen.add(request)
            self.reads.append(Read(at_s, path.split("/")[2]))
        self._under_way[subject] += 1
        try:
            return await self._inner.handle_async_request(request)
        finally:
            self._under_way[subject] -= 1


def subject_of(path: str, operations: Mapping[str, FakeOperation]) -> str:
    """Return the path of the resource of a request."""
    path = path.removesuffix(":cancel").removesuffix("/cancel")
    operation = operations.get(path.rpartition("/")[2])
    return path if operation is None else operation.path
