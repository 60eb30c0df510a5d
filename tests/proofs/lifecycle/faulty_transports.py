"""What may stand between a tracker and the service and bring about each thing that must not be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from tests.proofs.stack.random_operations import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TIMES = ("retry-after", "retry-after-ms")


class Between(httpx.AsyncBaseTransport):
    """Hands requests on, and changes nothing; those derived from it do."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        return response if request.method != "GET" else await self.changed(request, response)

    async def changed(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        """Return the answer to a GET as the tracker is to see it."""
        del request
        return response


class Endless(Between):
    """Lets no operation end (I1)."""

    async def changed(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        await response.aclose()
        return httpx.Response(202, headers={"Retry-After": "60"}, request=request)


class Liar(Between):
    """Tells success as failure (I2)."""

    async def changed(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        body = (await response.aread()).replace(b'"Succeeded"', b'"Failed"').replace(b'"Completed"', b'"Failed"')
        headers = [(name, value) for name, value in response.headers.items() if name != "content-length"]
        return httpx.Response(response.status_code, headers=headers, content=body, request=request)


class Hasty(Between):
    """Keeps from the tracker how long to wait (I4)."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        for name in _TIMES:
            if name in response.headers:
                del response.headers[name]
        return response


class Doubling(Between):
    """Sends each GET twice at once (I5)."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET":
            return await self.inner.handle_async_request(request)
        ask = self.inner.handle_async_request
        one, other = await asyncio.gather(ask(request), ask(request))
        await other.aclose()
        return one


class Astray(Between):
    """Sends GETs to another origin (I6)."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            request.url = request.url.copy_with(host="evil.example")
        return await self.inner.handle_async_request(request)


class Insisting(Between):
    """Asks again what was answered with an end (I8)."""

    async def changed(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        body = await response.aread()
        if not any(word.encode() in body for word in OUTCOMES):
            return response
        again = await self.inner.handle_async_request(request)
        await again.aread()
        return response


class Lingering(Between):
    """Leaves a task behind (I10)."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        super().__init__(inner)
        self._tasks: list[asyncio.Task[object]] = []

    async def changed(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        del request
        self._tasks.append(asyncio.create_task(asyncio.sleep(1e9)))
        return response


SABOTAGE: Mapping[str, Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]] = {
    "I1": Endless,
    "I2": Liar,
    "I4": Hasty,
    "I5": Doubling,
    "I6": Astray,
    "I8": Insisting,
    "I10": Lingering,
}
"""By the invariant that the judge is to find broken first."""
