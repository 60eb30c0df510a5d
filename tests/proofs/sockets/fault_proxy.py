"""A TCP proxy on 127.0.0.1 that injects faults: latency, slow bytes, truncation, resets, half closes, stalls.

The proxy does not parse HTTP. Each connection has one `Fault`, which starts after a number of bytes of answers. So it
may hit a TLS handshake, a head, a body, or the time between two answers on a kept connection.
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

_NO_LINGER = struct.pack("ii", 1, 0)  # close() then sends a reset
_CHUNK = 65_536


@dataclass(frozen=True)
class Fault:
    """The fault of one connection.

    Attributes:
        kind: "latency" delays each chunk, "drip" each byte; "truncate" closes the connection, "reset" aborts it;
            "half-close" ends the answers but still reads; "stall" sends nothing more and closes nothing.
        after: the number of bytes before the fault starts.
        delay_s: the delay of each chunk or byte.
        lasts: the number of bytes that a slow connection carries before it is closed.
    """

    kind: Kind = "latency"
    after: int = 0
    delay_s: float = 0.0
    lasts: int = 2000


class Proxy:
    """Forwards connections to a port of this machine.

    Args:
        port: the port of the server.
        faults: returns the fault of each new connection; None injects no fault.
        tls: terminates TLS; None forwards the bytes unchanged.

    Attributes:
        calm: whether no fault is injected from now on, existing connections included.
    """

    def __init__(self, port: int, faults: Callable[[], Fault] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.calm = faults is None
        self._port = port
        self._faults = faults or Fault
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[int]:
        """Listen while entered; yield the port."""
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
        task = asyncio.create_task(self._forward(client_in, client_out))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        server_out: asyncio.StreamWriter | None = None
        try:
            server_in, server_out = await asyncio.open_connection("127.0.0.1", self._port)
            requests = asyncio.create_task(_forward_requests(client_in, server_out))
            try:
                await self._forward_answers(server_in, client_out, self._faults())
                await requests
            finally:
                requests.cancel()
                await asyncio.gather(requests, return_exceptions=True)
        except OSError:
            pass  # one side closed, so the other is closed too
        finally:
            for writer in (client_out, server_out):
                if writer is not None:
                    writer.transport.abort()

    async def _forward_answers(self, server: asyncio.StreamReader, client: asyncio.StreamWriter, fault: Fault) -> None:
        """Forward the answers until the server closes or the fault ends them."""
        left, slow = fault.after, fault.lasts
        while chunk := await server.read(_CHUNK):
            if self.calm:
                client.write(chunk)
                await client.drain()
                continue
            client.write(chunk[:left])
            await client.drain()
            chunk, left = chunk[left:], max(0, left - len(chunk))
            slow -= len(chunk)
            if slow < 0 or (chunk and not await _apply(chunk, client, fault)):
                break
        if fault.kind not in {"stall", "half-close"}:
            client.close()


async def _forward_requests(client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
    """Forward the requests until the client closes."""
    while chunk := await client.read(_CHUNK):
        server.write(chunk)
        await server.drain()
    with suppress(OSError):
        server.write_eof()


async def _apply(chunk: bytes, client: asyncio.StreamWriter, fault: Fault) -> bool:
    """Apply the fault to a chunk; return whether more chunks may follow."""
    match fault.kind:
        case "latency":
            await asyncio.sleep(fault.delay_s)
            client.write(chunk)
            await client.drain()
        case "drip":
            for start in range(len(chunk)):
                await asyncio.sleep(fault.delay_s)
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
