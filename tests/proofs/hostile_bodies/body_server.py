"""Bodies that are small on the wire or never end, and a server on loopback that sends them as they are read."""

from __future__ import annotations

import asyncio
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

MIB = 2**20
BLOCK = bytes(64 * 1024)

_JSON = b'{"status": "Succeeded", "padding": "'


def compressed(mib: int, wbits: int) -> bytes:
    """Return a JSON document of so many MiB, compressed a thousand times smaller."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, wbits)
    spaces = b" " * MIB
    return b"".join((deflater.compress(_JSON), *(deflater.compress(spaces) for _ in range(mib)), deflater.flush()))


GZIP = compressed(256, zlib.MAX_WBITS | 16)
DEFLATE = compressed(256, zlib.MAX_WBITS)
_twice = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
GZIP_OF_GZIP = _twice.compress(GZIP) + _twice.flush()


@dataclass(frozen=True)
class Bomb:
    """One answer.

    Attributes:
        headers: besides the length; without a `Content-Length` among them the body comes in chunks.
        body: sent once.
        endless: whether blocks of zeros follow for as long as somebody reads.
    """

    headers: dict[str, str]
    body: bytes = b""
    endless: bool = False

    def head(self) -> bytes:
        """Return the answer's head."""
        framing = {} if "Content-Length" in self.headers else {"Transfer-Encoding": "chunked"}
        lines = (f"{name}: {value}\r\n" for name, value in {**self.headers, **framing}.items())
        return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{''.join(lines)}\r\n".encode()

    def pieces(self) -> Iterator[bytes]:
        """Yield what follows the head."""
        chunked = "Content-Length" not in self.headers
        for piece in self._plain():
            yield b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
        if chunked:
            yield b"0\r\n\r\n"

    def _plain(self) -> Iterator[bytes]:
        if self.body:
            yield self.body
        while self.endless:
            yield BLOCK


BOMBS = {
    "gzip": Bomb({"Content-Encoding": "gzip"}, GZIP),
    "x-gzip": Bomb({"Content-Encoding": "x-gzip"}, GZIP),
    "deflate": Bomb({"Content-Encoding": "deflate"}, DEFLATE),
    "gzip-twice": Bomb({"Content-Encoding": "gzip, gzip"}, GZIP_OF_GZIP),
    "gzip-of-gzip": Bomb({"Content-Encoding": "gzip"}, GZIP_OF_GZIP),
    "brotli": Bomb({"Content-Encoding": "br"}, GZIP),
    "zstd": Bomb({"Content-Encoding": "zstd"}, GZIP),
    "endless": Bomb({}, endless=True),
    "endless-gzip": Bomb({"Content-Encoding": "gzip"}, GZIP, endless=True),
    "ten-gigabytes": Bomb({"Content-Length": str(10 * 2**30)}, endless=True),
    "long": Bomb({}, _JSON + b" " * 64 * MIB + b'"}'),
    "deep": Bomb({}, b"[" * (MIB - 1)),
    "deep-in-an-object": Bomb({}, b'{"a":' * 200_000),
    "long-number": Bomb({}, b'{"status": ' + b"9" * 5_000 + b"}"),
    "cut-gzip": Bomb({"Content-Encoding": "gzip"}, GZIP[:-100]),
}
"""By name; not one of them is a status."""


@asynccontextmanager
async def bomber() -> AsyncGenerator[str]:
    """Serve `/name` on 127.0.0.1, and an ordinary status at `/ordinary`; gives the base URL."""
    ordinary = Bomb({"Retry-After": "3600"}, b'{"status": "Running"}')

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                name = request.split(b" ")[1].decode().partition("?")[0].strip("/")
                bomb = BOMBS.get(name, ordinary)
                writer.write(bomb.head())
                for piece in bomb.pieces():
                    writer.write(piece)
                    await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
