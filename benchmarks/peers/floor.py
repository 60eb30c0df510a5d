"""The least a poll can cost with asyncio: bytes written, an answer found by its length, and no HTTP library."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.peers.naive import poll_all
from benchmarks.wire import AUTHORIZATION

if TYPE_CHECKING:
    from benchmarks.scene import Scene

CONNECTIONS = 16


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way."""

    answered: asyncio.Future[bytes]

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport: Any = transport  # uvloop's is of no class of asyncio's

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        """Send a request; the future gets the answer."""
        self.answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self.answered

    def data_received(self, data: bytes) -> None:
        """Find the end of an answer."""
        self._received += data
        head, complete, body = self._received.partition(b"\r\n\r\n")
        if complete and len(body) >= int(_value(head, b"Content-Length: ")):
            self._received = b""
            self.answered.set_result(head + b"\r\n\r\n" + body)


def _value(head: bytes, name: bytes) -> bytes:
    begin = head.index(name) + len(name)
    end = head.find(b"\r\n", begin)
    return head[begin:] if end < 0 else head[begin:end]


async def connections(scene: Scene) -> None:
    """A task for each operation over a few connections."""
    loop, host = asyncio.get_running_loop(), urlsplit(scene.origin)
    rest = f" HTTP/1.1\r\nHost: {host.netloc}\r\nAuthorization: {AUTHORIZATION}\r\n\r\n".encode()
    assert host.hostname is not None
    assert host.port is not None
    made = [await loop.create_connection(Connection, host.hostname, host.port) for _ in range(CONNECTIONS)]
    free, gate = deque(connection for _, connection in made), asyncio.Semaphore(CONNECTIONS)

    async def ask(url: str) -> tuple[str, float]:
        async with gate:
            connection = free.pop()
            answer = await connection.ask(b"GET " + url[len(scene.origin) :].encode() + rest)
            free.append(connection)
        head, _, body = answer.partition(b"\r\n\r\n")
        return json.loads(body)["status"], float(_value(head, b"Retry-After: "))

    await poll_all(scene, ask)
    for transport, _ in made:
        transport.close()
