"""Delivery of an `Exchange` over real sockets: a small HTTP/1.1 server on 127.0.0.1, asyncio only.

The server answers the requests on a connection one after the other and keeps the connection. It supports neither TLS
nor chunked request bodies: a request with a chunked body is answered 411.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from azpoll.testing.exchange import Exchange, IncomingRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

_HEAD_END = b"\r\n\r\n"
_MAX_HEAD_BYTES = 65_536
_MAX_BODY_BYTES = 64 * 1024 * 1024
_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rf"({_NAME}) ([!-~]+) HTTP/1\.[01]")
_HEADER = re.compile(rf"({_NAME}):([^\x00\r\n]*)")
_SIZE = re.compile(r"[0-9]{1,18}")
_ONCE = frozenset({"content-length", "host"})
_NO_LINGER = struct.pack("ii", 1, 0)  # makes close send a reset
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_LENGTH_REQUIRED = b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def serve(handle: Callable[[IncomingRequest], Exchange], port: int) -> AsyncGenerator[str]:
    """Serve inside the context, which gives the base URL. All connections are closed on exit.

    Raises:
        RuntimeError: not under asyncio.
        OSError: the port is in use.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError("FakeARM.serve() needs asyncio; use FakeARM.transport() under trio") from None
    connections: set[_Connection] = set()
    server = await loop.create_server(lambda: _Connection(handle, connections), "127.0.0.1", port)
    try:
        address: tuple[str, int] = server.sockets[0].getsockname()
        yield f"http://{address[0]}:{address[1]}"
    finally:
        server.close()
        for connection in tuple(connections):
            connection.abort()
        while connections:  # noqa: ASYNC110 - an aborted connection is lost in the next iteration of the event loop
            await asyncio.sleep(0)
        await server.wait_closed()


class _Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, handle: Callable[[IncomingRequest], Exchange], connections: set[_Connection]) -> None:
        self._handle = handle
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._slow_answer: asyncio.Task[None] | None = None
        self._half_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports are not a subclass of it
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._slow_answer is not None:
            self._slow_answer.cancel()
        self._transport = None
        self._connections.discard(self)

    def abort(self) -> None:
        """Close the connection without sending buffered data."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._answer_buffered()

    def eof_received(self) -> bool:
        """Keep the connection open while an answer is pending."""
        self._half_closed = True
        return self._slow_answer is not None

    def _answer_buffered(self) -> None:
        """Answer the complete requests in the buffer, up to one whose answer takes time."""
        while self._slow_answer is None and self._transport is not None and not self._transport.is_closing():
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                if len(self._buffer) > _MAX_HEAD_BYTES:
                    self._reject(_BAD_REQUEST)
                return
            try:
                method, target, headers = _parse_head(bytes(self._buffer[:end]))
                size = _body_size(headers)
            except ValueError:
                self._reject(_BAD_REQUEST)
                return
            if "transfer-encoding" in headers:
                self._reject(_LENGTH_REQUIRED)
                return
            start = end + len(_HEAD_END)
            if len(self._buffer) < start + size:
                return
            body = bytes(self._buffer[start : start + size])
            del self._buffer[: start + size]
            self._answer(_to_request(method, target, headers, body), self._transport)

    def _reject(self, answer: bytes) -> None:
        if self._transport is not None:
            self._transport.write(answer)
            self._transport.close()

    def _answer(self, request: IncomingRequest, transport: asyncio.Transport) -> None:
        exchange = self._handle(request)
        if exchange.is_immediate:
            if exchange.status is not None:
                exchange.told()
                transport.write(_render_head(exchange) + exchange.body)
            _finish(exchange, transport)
        else:
            self._slow_answer = asyncio.get_running_loop().create_task(self._answer_slowly(exchange, transport))

    async def _answer_slowly(self, exchange: Exchange, transport: asyncio.Transport) -> None:
        try:
            await asyncio.sleep(exchange.delay_s)
            if exchange.status is not None:
                exchange.told()
                transport.write(_render_head(exchange))
                for chunk in exchange.chunks():
                    await asyncio.sleep(exchange.drip.every_s if exchange.drip else 0)
                    transport.write(chunk)
            _finish(exchange, transport)
        finally:
            exchange.finished(complete=False)
            self._slow_answer = None
        self._answer_buffered()
        if self._half_closed and self._slow_answer is None:
            transport.close()


def _finish(exchange: Exchange, transport: asyncio.Transport) -> None:
    exchange.finished(complete=exchange.status is not None and not exchange.cut)
    if exchange.reset:
        _reset(transport)
    elif exchange.status is None or exchange.cut:
        transport.close()


def _reset(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def _parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    request_line = _REQUEST_LINE.fullmatch(first)
    if request_line is None:
        raise ValueError("not a request line of HTTP/1")
    headers: dict[str, str] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise ValueError("not a header")
        name, value = header[1].lower(), header[2].strip(" \t")
        if name in _ONCE and headers.get(name, value) != value:
            raise ValueError("two values of a header that has one")
        headers[name] = value
    return request_line[1], request_line[2], headers


def _body_size(headers: dict[str, str]) -> int:
    """Return the size that a request names for its body in bytes; raises `ValueError` if it is none."""
    size = headers.get("content-length", "0")
    if _SIZE.fullmatch(size) is None or int(size) > _MAX_BODY_BYTES:
        raise ValueError("not the size of a body")
    return int(size)


def _to_request(method: str, target: str, headers: dict[str, str], body: bytes) -> IncomingRequest:
    origin = f"http://{headers.get('host', '127.0.0.1')}"
    if not target.startswith("/"):  # the absolute form, which clients send to proxies
        parts = urlsplit(target)
        origin, target = f"{parts.scheme}://{parts.netloc}", target.removeprefix(f"{parts.scheme}://{parts.netloc}")
    path, _, query = target.partition("?")
    return IncomingRequest(method, origin, path or "/", query, headers, body)


def _render_head(exchange: Exchange) -> bytes:
    status = exchange.status or 0
    reason = ""
    with suppress(ValueError):
        reason = HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {reason}"]
    lines += [f"{name}: {value}" for name, value in exchange.headers]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")
