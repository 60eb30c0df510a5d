"""Hostile bodies, small on the wire or endless, and a loopback server that sends them."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

MIB = 2**20
BLOCK = bytes(64 * 1024)
PIECE = 16 * 1024

_JSON = b'{"status": "Succeeded", "padding": "'


def compressed(mib: int, wbits: int) -> bytes:
    """Return a compressed JSON document of `mib` MiB; it is about 1,000 times smaller."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, wbits)
    spaces = b" " * MIB
    return b"".join((deflater.compress(_JSON), *(deflater.compress(spaces) for _ in range(mib)), deflater.flush()))


@dataclass(frozen=True)
class HostileBody:
    """One answer with a hostile body.

    Attributes:
        headers: the headers; without a `Content-Length` among them the body is chunked.
        body: the body, sent once.
        endless: whether blocks of zeros follow until the client stops reading.
        chunk: the size of the chunks in bytes; None for one chunk.
    """

    headers: dict[str, str]
    body: bytes = b""
    endless: bool = False
    chunk: int | None = None

    def head(self) -> bytes:
        """Return the status line and the headers."""
        framing = {} if "Content-Length" in self.headers else {"Transfer-Encoding": "chunked"}
        lines = (f"{name}: {value}\r\n" for name, value in {**self.headers, **framing}.items())
        return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{''.join(lines)}\r\n".encode()

    def pieces(self) -> Iterator[bytes]:
        """Yield the pieces of the body, as they are sent."""
        if self.chunk is not None:
            yield from self._chunks(self.chunk)
            return
        chunked = "Content-Length" not in self.headers
        for piece in self._plain():
            yield b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
        if chunked:
            yield b"0\r\n\r\n"

    def _chunks(self, size: int) -> Iterator[bytes]:
        """Yield chunks, `PIECE` bytes of the body in each piece, since few clients read all of them."""
        length = PIECE - PIECE % size
        for block in range(0, len(self.body), length):
            end = min(len(self.body), block + length)
            pieces = (self.body[start : min(start + size, end)] for start in range(block, end, size))
            yield b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        yield b"0\r\n\r\n"

    def _plain(self) -> Iterator[bytes]:
        if self.body:
            yield self.body
        while self.endless:
            yield BLOCK


@cache
def hostile_bodies() -> dict[str, HostileBody]:
    """Return the hostile bodies by name; none of them is a status."""
    once = compressed(256, zlib.MAX_WBITS | 16)
    twice = gzip.compress(once)
    return {
        "gzip": HostileBody({"Content-Encoding": "gzip"}, once),
        "x-gzip": HostileBody({"Content-Encoding": "x-gzip"}, once),
        "deflate": HostileBody({"Content-Encoding": "deflate"}, compressed(256, zlib.MAX_WBITS)),
        "gzip-twice": HostileBody({"Content-Encoding": "gzip, gzip"}, twice),
        "gzip-of-gzip": HostileBody({"Content-Encoding": "gzip"}, twice),
        "brotli": HostileBody({"Content-Encoding": "br"}, once),
        "zstd": HostileBody({"Content-Encoding": "zstd"}, once),
        "endless": HostileBody({}, endless=True),
        "endless-gzip": HostileBody({"Content-Encoding": "gzip"}, once, endless=True),
        "ten-gigabytes": HostileBody({"Content-Length": str(10 * 2**30)}, endless=True),
        "long": HostileBody({}, _JSON + b" " * 64 * MIB + b'"}'),
        "deep": HostileBody({}, b"[" * (MIB - 1)),
        "deep-in-an-object": HostileBody({}, b'{"a":' * 200_000),
        "long-number": HostileBody({}, b'{"status": ' + b"9" * 5_000 + b"}"),
        "cut-gzip": HostileBody({"Content-Encoding": "gzip"}, once[:-100]),
    }


@asynccontextmanager
async def serve_bodies(bodies: Mapping[str, HostileBody]) -> AsyncGenerator[str]:
    """Serve each body at `/name` on 127.0.0.1, and an ordinary status at `/ordinary`; yield the base URL."""
    ordinary = HostileBody({"Retry-After": "3600"}, b'{"status": "Running"}')

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                name = request.split(b" ")[1].decode().partition("?")[0].strip("/")
                body = bodies.get(name, ordinary)
                writer.write(body.head())
                for piece in body.pieces():
                    writer.write(piece)
                    await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
