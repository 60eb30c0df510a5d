"""A network of two machines on loopback: home, and everywhere else.

A connection to home's own address and port leads to home. Any other, be it by name, by an address in any spelling or
by another port, leads to the foreign machine, which listens, records, and answers as an attacker would like to. So no
URL can be forgotten: what is not home is foreign.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from azpoll.testing import VirtualLoop

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Sequence

HOME = "home.test"
_HOME_ADDRESS, _ELSEWHERE = "192.0.2.1", "192.0.2.2"  # never met on a real network (RFC 5737)
_DEFAULT_PORTS = {"http": 80, "https": 443}

SUCCEEDED = b'HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"status":"Succeeded"}'


class Machine:
    """A listener that records all it is sent, and answers each request by a script, then with success.

    Attributes:
        script: answers to come.
        heard: all bytes received.
        connections: how many were made.
    """

    def __init__(self) -> None:
        self.script: deque[bytes] = deque()
        self.heard = bytearray()
        self.connections = 0
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def requests(self) -> list[bytes]:
        """What was asked: each request's head."""
        return bytes(self.heard).split(b"\r\n\r\n")[:-1]

    def plays(self, script: Sequence[bytes]) -> None:
        """Forget what was heard, and play another script."""
        self.script = deque(script)
        self.heard.clear()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def left(self) -> None:
        """Return when all connections are closed."""
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            buffered = b""
            while chunk := await reader.read(65_536):
                self.heard += chunk
                *heads, buffered = (buffered + chunk).split(b"\r\n\r\n")
                for _ in heads:
                    writer.write(self.script.popleft() if self.script else SUCCEEDED)
        except ConnectionError:
            pass  # the client left
        finally:
            writer.close()


class Network(VirtualLoop):
    """An event loop in virtual time whose connections lead to one of the two machines.

    Attributes:
        strangers: addresses and ports, other than home's, to which a connection was made.
    """

    def __init__(self) -> None:
        super().__init__(allow_sockets=True)
        self.home, self.foreign = Machine(), Machine()
        self.strangers: list[tuple[str, int]] = []
        self._ports: dict[tuple[str, int], int] = {}
        self._foreign_port = 0

    @asynccontextmanager
    async def serve(self, scheme: str, tls: ssl.SSLContext | None) -> AsyncGenerator[None]:
        """Let home be reached at the default port of a scheme, and the foreign machine anywhere else."""
        async with (
            await asyncio.start_server(self.home.accept, "127.0.0.1", 0, ssl=tls) as home,
            await asyncio.start_server(self.foreign.accept, "127.0.0.1", 0) as foreign,
        ):
            self._ports = {(_HOME_ADDRESS, _DEFAULT_PORTS[scheme]): home.sockets[0].getsockname()[1]}
            self._foreign_port = foreign.sockets[0].getsockname()[1]
            yield
            await self.home.left()
            await self.foreign.left()

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> list[tuple[Any, ...]]:  # pyright: ignore[reportIncompatibleMethodOverride] - names are all there is
        """Resolve the name of home, and any other to elsewhere."""
        name = host.decode() if isinstance(host, bytes) else host
        address = _HOME_ADDRESS if name == HOME else _ELSEWHERE
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))]

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] - clients connect so
        """Connect to home, or to the foreign machine."""
        leads_to = self._ports.get((host, port))
        if leads_to is None:
            self.strangers.append((host, port))
            leads_to = self._foreign_port
        return await super().create_connection(protocol_factory, "127.0.0.1", leads_to, **options)
