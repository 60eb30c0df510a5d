"""Transports between a tracker and the service, each of which breaks one invariant."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from tests.proofs.stack.random_operations import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TIMES = ("retry-after", "retry-after-ms")


class PassThrough(httpx.AsyncBaseTransport):
    """Forwards requests without a change; the derived classes change them."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        return response if request.method != "GET" else await self.changed(request, response)

    async def changed(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        """Return the answer to a GET that the tracker gets."""
        del request
        return response


class NeverEnding(PassThrough):
    """Answers every GET with 202, so that no operation ends (I1)."""

    async def changed(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        await response.aclose()
        return httpx.Response(202, headers={"Retry-After": "60"}, request=request)


class FalseFailure(PassThrough):
    """Turns success into failure (I2)."""

    async def changed(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        body = (await response.aread()).replace(b'"Succeeded"', b'"Failed"').replace(b'"Completed"', b'"Failed"')
        headers = [(name, value) for name, value in response.headers.items() if name != "content-length"]
        return httpx.Response(response.status_code, headers=headers, content=body, request=request)


class WithoutRetryAfter(PassThrough):
    """Removes the Retry-After headers (I4)."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        for name in _TIMES:
            if name in response.headers:
                del response.headers[name]
        return response


class DuplicateGet(PassThrough):
    """Sends each GET twice, concurrently (I5)."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET":
            return await self.inner.handle_async_request(request)
        send = self.inner.handle_async_request
        one, other = await asyncio.gather(send(request), send(request))
        await other.aclose()
        return one


class WrongOrigin(PassThrough):
    """Sends GETs to another origin (I6)."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            request.url = request.url.copy_with(host="evil.example")
        return await self.inner.handle_async_request(request)


class RepeatAfterEnd(PassThrough):
    """Repeats a GET whose answer was the end (I8)."""

    async def changed(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        body = await response.aread()
        if not any(word.encode() in body for word in OUTCOMES):
            return response
        again = await self.inner.handle_async_request(request)
        await again.aread()
        return response


class LeakedTask(PassThrough):
    """Leaks a task (I10)."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        super().__init__(inner)
        self._tasks: list[asyncio.Task[object]] = []

    async def changed(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        del request
        self._tasks.append(asyncio.create_task(asyncio.sleep(1e9)))
        return response


FAULTY_TRANSPORTS: Mapping[str, Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]] = {
    "I1": NeverEnding,
    "I2": FalseFailure,
    "I4": WithoutRetryAfter,
    "I5": DuplicateGet,
    "I6": WrongOrigin,
    "I8": RepeatAfterEnd,
    "I10": LeakedTask,
}
"""The transport that breaks an invariant, by the invariant that the check must find first."""
