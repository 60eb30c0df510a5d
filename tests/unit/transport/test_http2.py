"""A server that breaks HTTP/2 ends no operation, least of all one that only shares the connection (rule 25)."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

import azpoll
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from tests.support.clients import Library

h2_connection: Any = pytest.importorskip("h2.connection")


def frame(kind: int, stream: int, payload: bytes, flags: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def streams_at_most(count: int) -> bytes:
    """Return a frame that limits the number of concurrent streams."""
    return frame(SETTINGS, 0, b"\x00\x03" + count.to_bytes(4, "big"))


def without_windows(stream: int) -> bytes:
    """Return frames that answer with 204, and let no body of a later request through."""
    return frame(SETTINGS, 0, b"\x00\x04" + bytes(4)) + frame(HEADERS, stream, b"\x89", 5)


DATA, HEADERS, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 5, 6, 7, 8

FRAMES: dict[str, Callable[[int], bytes]] = {
    "a window update of 0": lambda _: frame(WINDOW, 0, bytes(4)),
    "data without a stream": lambda _: frame(DATA, 0, b"x"),
    "a broken header block": lambda stream: frame(HEADERS, stream, b"\xff" * 4, 5),
    "a frame that is too large": lambda stream: frame(DATA, stream, b"x" * 65_535),
    "an illegal setting": lambda _: frame(SETTINGS, 0, b"\x00\x02\x00\x00\x00\x07"),
    "a short ping": lambda _: frame(PING, 0, b"abcd"),
    "a push": lambda stream: frame(PUSH, stream, b"\x00\x00\x00\x02\x82", 4),
    "a reset": lambda stream: frame(RESET, stream, (7).to_bytes(4, "big")),
    "the end of all streams": lambda _: frame(GOAWAY, 0, bytes(4) + (1).to_bytes(4, "big")),
    "the end of later streams": lambda stream: frame(GOAWAY, 0, stream.to_bytes(4, "big") + bytes(4)),
    "no more streams": lambda _: streams_at_most(0),
}


class Server:
    """An HTTP/2 server that answers the first poll of `/hostile` with a frame of its own, while other polls wait.

    Attributes:
        connections: their number so far.
        has_three: is set once three polls wait.
    """

    def __init__(self, hostile: Callable[[int], bytes]) -> None:
        self._hostile: Callable[[int], bytes] | None = hostile
        self._waiting: list[tuple[Any, asyncio.StreamWriter, int]] = []
        self.connections = 0
        self.has_three = asyncio.Event()
        self.tasks: list[Any] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.append(asyncio.current_task())
        try:
            await self._serve(reader, writer)
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state = h2_connection.H2Connection(import_module("h2.config").H2Configuration(client_side=False))
        state.initiate_connection()
        writer.write(state.data_to_send())
        while data := await reader.read(65_536):
            for event in state.receive_data(data):
                if type(event).__name__ == "RequestReceived":
                    self._answer(state, writer, event)
            writer.write(state.data_to_send())

    def _answer(self, state: Any, writer: asyncio.StreamWriter, event: Any) -> None:
        headers = dict(event.headers)
        path, stream = headers[b":path"], event.stream_id
        if headers[b":method"] != b"GET":
            location = ("location", f"{path.decode()}/poll")
            state.send_headers(stream, [(":status", "202"), location], end_stream=True)
        elif path.startswith(b"/hostile") and self._hostile is not None:
            writer.write(self._hostile(stream))
            self._hostile = None
            for its_state, its_writer, waiting in self._waiting:
                its_state.send_headers(waiting, [(":status", "204")], end_stream=True)
                its_writer.write(its_state.data_to_send())
        elif self._hostile is None:
            state.send_headers(stream, [(":status", "204")], end_stream=True)
        else:
            self._waiting.append((state, writer, stream))
            if len(self._waiting) == 3:
                self.has_three.set()


@asynccontextmanager
async def tracking(
    server: Server, library: Library, request_timeout: float = 60
) -> AsyncGenerator[azpoll.Tracker[Any]]:
    module = import_module(library)
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        base_url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        transport = module.AsyncHTTPTransport(http1=False, http2=True)
        client: Any = module.AsyncClient(transport=transport, base_url=base_url)
        tracker: azpoll.Tracker[Any] = azpoll.Tracker(
            client, interval=0.01, min_interval=0.01, request_timeout=request_timeout, on_exit="stop"
        )
        async with client, tracker:
            yield tracker
        await asyncio.gather(*server.tasks, return_exceptions=True)
        await asyncio.sleep(0)  # one step of the loop closes their sockets


@EACH_LIBRARY
@pytest.mark.parametrize("name", FRAMES)
def test_rule_25_a_frame_for_one_operation_ends_no_other(name: str, library: Library) -> None:
    """The others neither fail nor wait for their time limit."""

    async def run() -> None:
        async with asyncio.timeout(20), tracking(Server(FRAMES[name]), library) as tracker:
            paths = ("/innocent1", "/innocent2", "/hostile", "/innocent3")
            operations = [await tracker.begin("DELETE", path) for path in paths]
            innocent = [operation for path, operation in zip(paths, operations, strict=True) if path != "/hostile"]
            for response in await asyncio.gather(*innocent):
                assert response.status_code == 204

    asyncio.run(run())


@EACH_LIBRARY
@pytest.mark.parametrize("count", [0, 1])
def test_rule_25_a_limit_of_streams_below_those_in_use_stops_no_operation(count: int, library: Library) -> None:
    """The client of httpx waits for streams to end, and reads nothing: each request waits for its time limit."""

    async def run() -> None:
        server = Server(lambda _: streams_at_most(count))
        async with asyncio.timeout(20), tracking(server, library, request_timeout=0.3) as tracker:
            paths = ("/innocent1", "/innocent2", "/innocent3", "/hostile")
            operations = [await tracker.begin("DELETE", path) for path in paths]
            for response in await asyncio.gather(*operations):
                assert response.status_code == 204

    asyncio.run(run())


@EACH_LIBRARY
def test_rule_54_polls_that_hang_hold_up_no_answer_on_the_same_connection(library: Library) -> None:
    """A request that reads for others passes the reading on to the oldest one, which may be one that hangs."""

    async def run() -> None:
        server = Server(FRAMES["a reset"])
        async with asyncio.timeout(20), tracking(server, library) as tracker:
            operations = [await tracker.begin("DELETE", f"/innocent{number}") for number in range(3)]
            await server.has_three.wait()
            async with asyncio.timeout(5):
                await tracker.begin("DELETE", "/other")
            await tracker.begin("DELETE", "/hostile")
            await asyncio.gather(*operations)

    asyncio.run(run())


@EACH_LIBRARY
def test_rule_54_bodies_that_no_window_lets_through_hold_up_no_answer(library: Library) -> None:
    """The server never lets the client send a body, so each PUT waits for its time limit."""

    async def run() -> None:
        server = Server(without_windows)
        async with asyncio.timeout(20), tracking(server, library) as tracker, asyncio.TaskGroup() as tasks:
            await (await tracker.begin("DELETE", "/hostile"))
            bodies = [tasks.create_task(tracker.begin("PUT", f"/{number}", content=b"x")) for number in range(4)]
            await asyncio.sleep(0.1)
            async with asyncio.timeout(5):
                for number in range(3):
                    await (await tracker.begin("DELETE", f"/innocent{number}"))
            for body in bodies:
                body.cancel()

    asyncio.run(run())


@EACH_LIBRARY
def test_a_header_that_http2_forbids_is_a_clear_error_at_once(library: Library) -> None:
    async def run() -> None:
        server = Server(FRAMES["a reset"])
        async with asyncio.timeout(20), tracking(server, library) as tracker:
            operation = await tracker.begin("DELETE", "/innocent")
            with pytest.raises(azpoll.InitialRequestFailed, match="could not send the request: LocalProtocolError"):
                await tracker.begin("PUT", "/other", headers={"TE": "gzip"})
            other = await tracker.begin("PUT", "/other")
            operation.stop_tracking()
            other.stop_tracking()

    asyncio.run(run())
