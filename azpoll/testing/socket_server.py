"""Delivery of an `Exchange` over real sockets: a small HTTP/1.1 server on 127.0.0.1, asyncio only.

Requests on a connection are answered one after the other and the connection is kept. There is no TLS and no chunked
request body: a request that needs the latter is answered 411.
"""

from __future__ import annotations

import asyncio
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
_MAX_HEAD = 65_536
_NO_LINGER = struct.pack("ii", 1, 0)  # closing then sends a reset
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_LENGTH_REQUIRED = b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def serve(ask: Callable[[IncomingRequest], Exchange], port: int) -> AsyncGenerator[str]:
    """Serve while entered; give the base URL. All connections are closed on exit.

    Raises:
        RuntimeError: not under asyncio.
        OSError: the port is taken.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError("FakeARM.serve() needs asyncio; use FakeARM.transport() under trio") from None
    connections: set[_Connection] = set()
    listening = await loop.create_server(lambda: _Connection(ask, connections), "127.0.0.1", port)
    try:
        address: tuple[str, int] = listening.sockets[0].getsockname()
        yield f"http://{address[0]}:{address[1]}"
    finally:
        listening.close()
        for connection in tuple(connections):
            connection.abort()
        while connections:  # noqa: ASYNC110 - an aborted connection is lost at the next turn of the loop
            await asyncio.sleep(0)
        await listening.wait_closed()


class _Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, ask: Callable[[IncomingRequest], Exchange], connections: set[_Connection]) -> None:
        self._ask = ask
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._slow: asyncio.Task[None] | None = None
        self._half_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._slow is not None:
            self._slow.cancel()
        self._transport = None
        self._connections.discard(self)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._answer_all()

    def eof_received(self) -> bool:
        """Keep the connection open where answers are still due."""
        self._half_closed = True
        return self._slow is not None

    def _answer_all(self) -> None:
        while self._slow is None and self._transport is not None and not self._transport.is_closing():
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                if len(self._buffer) > _MAX_HEAD:
                    self._refuse(_BAD_REQUEST)
                return
            try:
                method, target, headers = _head(bytes(self._buffer[:end]))
                size = int(headers.get("content-length", "0"))
            except ValueError:
                self._refuse(_BAD_REQUEST)
                return
            if "transfer-encoding" in headers:
                self._refuse(_LENGTH_REQUIRED)
                return
            start = end + len(_HEAD_END)
            if len(self._buffer) < start + size:
                return
            body = bytes(self._buffer[start : start + size])
            del self._buffer[: start + size]
            self._answer(_incoming(method, target, headers, body), self._transport)

    def _refuse(self, answer: bytes) -> None:
        if self._transport is not None:
            self._transport.write(answer)
            self._transport.close()

    def _answer(self, request: IncomingRequest, transport: asyncio.Transport) -> None:
        exchange = self._ask(request)
        if exchange.at_once:
            if exchange.status is not None:
                exchange.told()
                transport.write(_answer_head(exchange) + exchange.body)
            _end(exchange, transport)
        else:
            self._slow = asyncio.get_running_loop().create_task(self._answer_slowly(exchange, transport))

    async def _answer_slowly(self, exchange: Exchange, transport: asyncio.Transport) -> None:
        try:
            await asyncio.sleep(exchange.delay_s)
            if exchange.status is not None:
                exchange.told()
                transport.write(_answer_head(exchange))
                for chunk in exchange.chunks():
                    await asyncio.sleep(exchange.drip.every_s if exchange.drip else 0)
                    transport.write(chunk)
            _end(exchange, transport)
        finally:
            exchange.finished(complete=False)
            self._slow = None
        self._answer_all()
        if self._half_closed and self._slow is None:
            transport.close()


def _end(exchange: Exchange, transport: asyncio.Transport) -> None:
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


def _head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _version = first.split(" ")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return method, target, headers


def _incoming(method: str, target: str, headers: dict[str, str], body: bytes) -> IncomingRequest:
    origin = f"http://{headers.get('host', '127.0.0.1')}"
    if not target.startswith("/"):  # the absolute form, as clients send it to proxies
        parts = urlsplit(target)
        origin, target = f"{parts.scheme}://{parts.netloc}", target.removeprefix(f"{parts.scheme}://{parts.netloc}")
    path, _, query = target.partition("?")
    return IncomingRequest(method, origin, path or "/", query, headers, body)


def _answer_head(exchange: Exchange) -> bytes:
    status = exchange.status or 0
    reason = ""
    with suppress(ValueError):
        reason = HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {reason}"]
    lines += [f"{name}: {value}" for name, value in exchange.headers]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")
