"""A network of two servers on loopback: the home server and a foreign one.

Connections to the address and port of the home server reach it. All others reach the foreign server, which records and
answers them: other names, addresses in any spelling, other ports. So every URL leads to one of the two.
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
_HOME_ADDRESS, _ELSEWHERE = "192.0.2.1", "192.0.2.2"  # reserved for documentation (RFC 5737)
_DEFAULT_PORTS = {"http": 80, "https": 443}

SUCCEEDED = b'HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"status":"Succeeded"}'


class RecordingServer:
    """A server that records all bytes, and answers each request by a script, then with success.

    Attributes:
        script: the next answers.
        received: all bytes received.
        connections: the number of connections.
    """

    def __init__(self) -> None:
        self.script: deque[bytes] = deque()
        self.received = bytearray()
        self.connections = 0
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def requests(self) -> list[bytes]:
        """The head of each request."""
        return bytes(self.received).split(b"\r\n\r\n")[:-1]

    def answer_with(self, script: Sequence[bytes]) -> None:
        """Set the next answers, and clear the record."""
        self.script = deque(script)
        self.received.clear()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def wait_closed(self) -> None:
        """Wait until all connections are closed."""
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            buffered = b""
            while chunk := await reader.read(65_536):
                self.received += chunk
                *heads, buffered = (buffered + chunk).split(b"\r\n\r\n")
                for _ in heads:
                    writer.write(self.script.popleft() if self.script else SUCCEEDED)
        except ConnectionError:
            pass  # the client closed the connection
        finally:
            writer.close()


class Network(VirtualLoop):
    """An event loop in virtual time whose connections lead to one of the two servers.

    Attributes:
        foreign_addresses: the addresses and ports of connections to the foreign server.
    """

    def __init__(self) -> None:
        super().__init__(allow_sockets=True)
        self.home, self.foreign = RecordingServer(), RecordingServer()
        self.foreign_addresses: list[tuple[str, int]] = []
        self._ports: dict[tuple[str, int], int] = {}
        self._foreign_port = 0

    @asynccontextmanager
    async def serve(self, scheme: str, tls: ssl.SSLContext | None) -> AsyncGenerator[None]:
        """Serve the home server at the default port of a scheme, and the foreign server at all other addresses."""
        async with (
            await asyncio.start_server(self.home.accept, "127.0.0.1", 0, ssl=tls) as home,
            await asyncio.start_server(self.foreign.accept, "127.0.0.1", 0) as foreign,
        ):
            self._ports = {(_HOME_ADDRESS, _DEFAULT_PORTS[scheme]): home.sockets[0].getsockname()[1]}
            self._foreign_port = foreign.sockets[0].getsockname()[1]
            yield
            await self.home.wait_closed()
            await self.foreign.wait_closed()

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> list[tuple[Any, ...]]:  # pyright: ignore[reportIncompatibleMethodOverride] - only names are used
        """Resolve the name of the home server; any other name resolves to the foreign server."""
        name = host.decode() if isinstance(host, bytes) else host
        address = _HOME_ADDRESS if name == HOME else _ELSEWHERE
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))]

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] - the form that clients use
        """Connect to the home server or to the foreign one."""
        target_port = self._ports.get((host, port))
        if target_port is None:
            self.foreign_addresses.append((host, port))
            target_port = self._foreign_port
        return await super().create_connection(protocol_factory, "127.0.0.1", target_port, **options)
