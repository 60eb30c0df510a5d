"""A TCP proxy on 127.0.0.1 that harms the connections it carries: late, slow, cut, reset, half closed, silent.

It knows nothing of HTTP. Each connection has one `Harm`, which begins after so many bytes of the server's answers, so
that it falls anywhere: into a TLS handshake, a head, a body, or between two answers on a connection that is kept.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable

Kind = Literal["latency", "drip", "truncate", "reset", "half-close", "stall"]

_NO_LINGER = struct.pack("ii", 1, 0)  # closing then sends a reset
_CHUNK = 65_536


@dataclass(frozen=True)
class Harm:
    """What is done to the answers of one connection.

    Attributes:
        kind: "latency" sends each chunk late, "drip" byte by byte, "truncate" closes, "reset" aborts, "half-close"
            ends the answers but goes on to listen, "stall" sends nothing more and closes nothing.
        after: bytes that pass unharmed before.
        delay_s: of each chunk or byte.
        lasts: bytes that a slow connection carries before it is closed.
    """

    kind: Kind = "latency"
    after: int = 0
    delay_s: float = 0.0
    lasts: int = 2000


class Proxy:
    """Carries connections to a port of this machine.

    Args:
        port: of the server.
        harms: gives the harm of each new connection; None does no harm.
        tls: ends TLS here; None carries bytes as they are.

    Attributes:
        calm: does no harm from now on, to connections that are there already too.
    """

    def __init__(self, port: int, harms: Callable[[], Harm] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.calm = harms is None
        self._port = port
        self._harms = harms or Harm
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[int]:
        """Listen while entered; give the port."""
        listening = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        try:
            address: tuple[str, int] = listening.sockets[0].getsockname()
            yield address[1]
        finally:
            listening.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await listening.wait_closed()

    def _accept(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(client_in, client_out))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        server_out: asyncio.StreamWriter | None = None
        try:
            server_in, server_out = await asyncio.open_connection("127.0.0.1", self._port)
            asking = asyncio.create_task(_ask(client_in, server_out))
            try:
                await self._answer(server_in, client_out, self._harms())
                await asking
            finally:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
        except OSError:
            pass  # one side went away, and so goes the other
        finally:
            for writer in (client_out, server_out):
                if writer is not None:
                    writer.transport.abort()

    async def _answer(self, server: asyncio.StreamReader, client: asyncio.StreamWriter, harm: Harm) -> None:
        """Carry the server's answers until it closes, or until the harm ends them."""
        left, slow = harm.after, harm.lasts
        while chunk := await server.read(_CHUNK):
            if self.calm:
                client.write(chunk)
                await client.drain()
                continue
            client.write(chunk[:left])
            await client.drain()
            chunk, left = chunk[left:], max(0, left - len(chunk))
            slow -= len(chunk)
            if slow < 0 or (chunk and not await _harmed(chunk, client, harm)):
                break
        if harm.kind not in {"stall", "half-close"}:
            client.close()


async def _ask(client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
    """Carry the client's requests until it closes."""
    while chunk := await client.read(_CHUNK):
        server.write(chunk)
        await server.drain()
    with suppress(OSError):
        server.write_eof()


async def _harmed(chunk: bytes, client: asyncio.StreamWriter, harm: Harm) -> bool:
    """Do to a chunk what the harm says; return whether more may follow."""
    match harm.kind:
        case "latency":
            await asyncio.sleep(harm.delay_s)
            client.write(chunk)
            await client.drain()
        case "drip":
            for start in range(len(chunk)):
                await asyncio.sleep(harm.delay_s)
                client.write(chunk[start : start + 1])
                await client.drain()
        case "half-close":
            client.write_eof()
            return False
        case "reset":
            _reset(client)
            return False
        case _:
            return False
    return True


def _reset(client: asyncio.StreamWriter) -> None:
    connection = client.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    client.transport.abort()
