"""A transport that records the requests of one tracker."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakSet

import httpx

from tests.proofs.lifecycle.environment import CLIENT_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable


class Read(NamedTuple):
    """A GET, at the loop time `at_s`. A repetition by the auth is not another read."""

    at_s: float
    subscription: str


class RecordingTransport(httpx.AsyncBaseTransport):
    """The transport of one tracker.

    Args:
        inner: sends the requests.
        clock: returns the loop time.
        has_ended: whether the handle of that name has ended.

    Attributes:
        in_flight: the requests of each handle that wait for the head of their answer.
        reads: the reads in the order of sending.
        overlapping: requests that were sent while another request of the same handle was in flight.
        late: requests that were sent after their handle had ended.
        at_once: the concurrency limits that a transport may declare; they are low, so that requests queue.
    """

    at_once = (1, 3)

    def __init__(
        self, inner: httpx.AsyncBaseTransport, clock: Callable[[], float], has_ended: Callable[[str], bool]
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._has_ended = has_ended
        self.in_flight = Counter[str]()
        self._seen: WeakSet[httpx.Request] = WeakSet()
        self.reads: list[Read] = []
        self.overlapping: list[str] = []
        self.late: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        handle, path, at_s = handle_of(request), request.url.path, self._clock()
        text = f"{request.method} {path} of {handle} at {at_s:.3f} s"
        if self.in_flight[handle]:
            self.overlapping.append(text)
        if self._has_ended(handle):
            self.late.append(text)
        if request.method == "GET" and request not in self._seen:
            self._seen.add(request)
            self.reads.append(Read(at_s, path.split("/")[2]))
        self.in_flight[handle] += 1
        try:
            return await self._inner.handle_async_request(request)
        finally:
            self.in_flight[handle] -= 1


def handle_of(request: httpx.Request) -> str:
    """Return the name of the handle that sends a request; a cancel request has it in its URL."""
    return request.headers.get(CLIENT_HEADER) or request.url.params["handle"]
