"""A raw poll, the least that asyncio allows: bytes written, a response read by its length, and no HTTP library."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.payloads import AUTHORIZATION
from benchmarks.peers.loops import poll_all

if TYPE_CHECKING:
    from benchmarks.workload import Workload

CONNECTIONS = 16


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request in flight."""

    response: asyncio.Future[bytes]

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport: Any = transport  # uvloop's is not derived from asyncio's

    def send(self, request: bytes) -> asyncio.Future[bytes]:
        """Send a request; the future receives the response."""
        self.response = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self.response

    def data_received(self, data: bytes) -> None:
        """Complete the future once the response is complete."""
        self._received += data
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if complete and len(body) >= int(_value(head, b"Content-Length: ")):
            self._received = b""
            self.response.set_result(head + b"\r\n\r\n" + body)


def _value(head: bytes, name: bytes) -> bytes:
    start = head.index(name) + len(name)
    end = head.find(b"\r\n", start)
    return head[start:] if end < 0 else head[start:end]


async def connections(work: Workload) -> None:
    """Poll in a task per operation over `CONNECTIONS` connections."""
    loop, host = asyncio.get_running_loop(), urlsplit(work.origin)
    rest = f" HTTP/1.1\r\nHost: {host.netloc}\r\nAuthorization: {AUTHORIZATION}\r\n\r\n".encode()
    assert host.hostname is not None
    assert host.port is not None
    made = [await loop.create_connection(Connection, host.hostname, host.port) for _ in range(CONNECTIONS)]
    idle, gate = deque(connection for _, connection in made), asyncio.Semaphore(CONNECTIONS)

    async def poll(url: str) -> tuple[str, float]:
        async with gate:
            connection = idle.pop()
            response = await connection.send(b"GET " + url[len(work.origin) :].encode() + rest)
            idle.append(connection)
        head, _, body = response.partition(b"\r\n\r\n")
        return json.loads(body)["status"], float(_value(head, b"Retry-After: "))

    await poll_all(work, poll)
    for transport, _ in made:
        transport.close()
