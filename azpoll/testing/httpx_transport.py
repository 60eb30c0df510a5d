"""Delivery of an `Exchange` to a client of httpx or httpx2, in the same process and without a socket.

Unlike `ASGITransport`, the transport streams the body, keeps the client's read timeout and raises the library's own
errors. The base classes of both libraries are alike, so one implementation, mixed with them, serves both.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Literal, Protocol

import anyio

from azpoll.testing.exchange import Exchange, IncomingRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import ModuleType

    import httpx
    import httpx2


class _URL(Protocol):
    scheme: str
    netloc: bytes
    raw_path: bytes


class _Headers(Protocol):
    def items(self) -> list[tuple[str, str]]: ...


class _Request(Protocol):
    """The members that both libraries' requests share."""

    method: str
    extensions: Mapping[str, object]

    @property
    def url(self) -> _URL: ...
    @property
    def headers(self) -> _Headers: ...
    async def aread(self) -> bytes: ...


class _ReadTimeout:
    """Sleeps within the read timeout of one request, and raises the library's errors for it."""

    def __init__(self, library: ModuleType, request: _Request) -> None:
        self._library = library
        self._request = request
        timeouts = request.extensions.get("timeout")
        limit: object = timeouts.get("read") if isinstance(timeouts, dict) else None  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType] - extensions are untyped
        self._limit_s = limit if isinstance(limit, int | float) else None

    async def sleep(self, seconds: float) -> None:
        if self._limit_s is not None and seconds > self._limit_s:
            await anyio.sleep(self._limit_s)
            raise self.error("ReadTimeout", "The read operation timed out")
        await anyio.sleep(seconds)

    def error(self, name: str, message: str) -> Exception:
        error_type: Callable[..., Exception] = getattr(self._library, name)
        return error_type(message, request=self._request)


class _BodyStream:
    """The body in chunks; mixed with the library's AsyncByteStream."""

    def __init__(self, exchange: Exchange, timeout: _ReadTimeout) -> None:
        self._exchange = exchange
        self._timeout = timeout
        self._chunks = exchange.chunks()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        exchange = self._exchange
        for chunk in self._chunks:
            if exchange.drip:
                await self._timeout.sleep(exchange.drip.every_s)
            return chunk
        if exchange.cut:
            message = "peer closed connection without sending complete message body"
            raise self._timeout.error("RemoteProtocolError", message)
        exchange.finished(complete=True)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._exchange.finished(complete=False)


class _Transport:
    """Delivers exchanges; mixed with the library's AsyncBaseTransport."""

    def __init__(self, handle: Callable[[IncomingRequest], Exchange], library: ModuleType) -> None:
        self._handle = handle
        self._library = library
        self._stream_type = type("FakeBody", (_BodyStream, library.AsyncByteStream), {})

    async def handle_async_request(self, request: _Request) -> object:
        exchange = self._handle(await _read_request(request))
        timeout = _ReadTimeout(self._library, request)
        try:
            if exchange.delay_s > 0:
                await timeout.sleep(exchange.delay_s)
            if exchange.status is None:
                raise _connection_error(exchange, timeout)  # noqa: TRY301 - the exchange is finished below
            exchange.told()
            stream = self._stream_type(exchange, timeout)
            response: object = self._library.Response(exchange.status, headers=exchange.headers, stream=stream)
        except BaseException:
            exchange.finished(complete=False)
            raise
        return response


def _connection_error(exchange: Exchange, timeout: _ReadTimeout) -> Exception:
    if exchange.reset:
        return timeout.error("ReadError", "Connection reset by peer")
    return timeout.error("RemoteProtocolError", "Server disconnected without sending a response.")


async def _read_request(request: _Request) -> IncomingRequest:
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    return IncomingRequest(
        method=request.method,
        origin=f"{request.url.scheme}://{request.url.netloc.decode('ascii')}",
        path=path,
        query=query,
        headers={sys.intern(name.lower()): value for name, value in request.headers.items()},
        body=await request.aread(),
    )


def fake_transport(
    handle: Callable[[IncomingRequest], Exchange], library: Literal["httpx", "httpx2"]
) -> httpx.AsyncBaseTransport | httpx2.AsyncBaseTransport:
    """Return a transport of that library that delivers the exchanges of `handle`."""
    module = import_module(library)
    transport_type = type("FakeTransport", (_Transport, module.AsyncBaseTransport), {})
    transport: httpx.AsyncBaseTransport | httpx2.AsyncBaseTransport = transport_type(handle, module)
    return transport
