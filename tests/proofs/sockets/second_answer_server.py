"""A server on 127.0.0.1 that sends a second answer behind its first one, before it is asked for it."""

from __future__ import annotations

import gzip
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import anyio
import trustme
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import SocketStream

Timing = Literal["together", "later"]
Scheme = Literal["http", "https"]

MOST_READ_AT_ONCE = 65_536
"""The number of bytes that httpcore takes from a stream at a time."""


def _answer(body: bytes, head: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (head, len(body), body)


RUNNING = _answer(b'{"status": "Running"}')
SURPLUS = _answer(b'{"status": "Succeeded"}')

FIRST_ANSWERS: dict[str, bytes] = {
    "length": RUNNING,
    "chunks": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n{"status": "Running"}\r\n0\r\n\r\n',
    "no-content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not-modified": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "empty": _answer(b"", b"202 Accepted"),
    "redirect": b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n",
    "one-read": _answer(b" " * (MOST_READ_AT_ONCE - 43)),
}
"""The first answers by name. With the last one, all bytes of the second are left to the stream of the socket."""

CUT_GZIP = gzip.compress(b'{"status": "Running"}' * 9)[:-9]
UNDECODABLE = {
    "cut": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(CUT_GZIP), CUT_GZIP),
    "unknown": b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
}
"""First answers whose body cannot be decoded. The first of them arrives to its end before that is known."""


@cache
def tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext, bytes]:
    """Return the contexts of a server and of its clients, and the certificate of the authority that both know."""
    authority, server, client = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.configure_trust(client)  # pyright: ignore[reportUnknownMemberType] - OpenSSL's too
    authority.issue_cert("127.0.0.1").configure_cert(server)  # pyright: ignore[reportUnknownMemberType] - as above
    return server, client, authority.cert_pem.bytes()


class _Corked(ByteStream):
    """A stream that sends nothing while `is_corked`, then everything in one segment."""

    def __init__(self, stream: SocketStream) -> None:
        self.is_corked = False
        self._stream = stream
        self._held = b""

    async def send(self, item: bytes) -> None:
        self._held += item
        if not self.is_corked:
            held, self._held = self._held, b""
            await self._stream.send(held)

    async def receive(self, max_bytes: int = MOST_READ_AT_ONCE) -> bytes:
        return await self._stream.receive(max_bytes)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


@dataclass
class SecondAnswerServer:
    """Answers the first request of its first connection with a first answer and `SURPLUS`, and others with `RUNNING`.

    Attributes:
        first: the first answer.
        timing: whether `SURPLUS` is sent in one segment with the first answer, or by `send_surplus`.
        tls: the context of TLS; None for none.
        connections: the number of connections so far.
    """

    first: bytes
    timing: Timing
    tls: ssl.SSLContext | None = None
    connections: int = 0
    _attacked: Any = None

    async def send_surplus(self) -> None:
        """Send the second answer on the idle connection."""
        if self.timing == "later":
            await self._attacked.send(SURPLUS)

    async def serve(self, connection: SocketStream) -> None:
        """Answer the requests of one connection."""
        self.connections += 1
        is_first = self.connections == 1
        corked = _Corked(connection)
        async with connection:
            stream: Any = corked
            if self.tls is not None:
                stream = await TLSStream.wrap(corked, server_side=True, ssl_context=self.tls, standard_compatible=False)
            try:
                while await stream.receive():
                    if is_first:
                        await self._attack(stream, corked)
                    else:
                        await stream.send(RUNNING)
                    is_first = False
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass

    async def _attack(self, stream: Any, corked: _Corked) -> None:
        self._attacked = stream
        corked.is_corked = self.timing == "together"
        await stream.send(self.first)
        if corked.is_corked:
            corked.is_corked = False
            await stream.send(SURPLUS)


@asynccontextmanager
async def serve(server: SecondAnswerServer) -> AsyncGenerator[str]:
    """Listen while entered; yield the base URL."""
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, server.serve)
        port: int = dict(listener.extra_attributes)[SocketAttribute.local_port]()
        yield f"{'http' if server.tls is None else 'https'}://127.0.0.1:{port}"
        tasks.cancel_scope.cancel()
