"""A flood of informational answers costs at most 1 s of CPU time, and other tasks run meanwhile (threat T10)."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.transport.client import ClientTransport
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import Generator

    from azpoll.protocol.answer import Answer
    from tests.support.clients import Library

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"]),  # in real time, since the server is real
]

MOST_CPU_S, MOST_HELD_S = 1.0, 0.5

FLOODS = {
    "continue": b"HTTP/1.1 100 \r\n\r\n" * 4000,
    "early-hints": (b"HTTP/1.1 103 Early Hints\r\n" + b"a:b\r\n" * 3000 + b"\r\n") * 4,
}


@contextmanager
def flooding(flood: bytes) -> Generator[str]:
    """Send a flood on each connection until the client closes it; yield the URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.recv(65536)
                    while True:
                        connection.sendall(flood)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


async def longest_hold(stop: anyio.Event) -> float:
    """Return the most CPU time between two turns of this task, in seconds of this thread."""
    longest_s, last_s = 0.0, time.thread_time()
    while not stop.is_set():
        await anyio.lowlevel.checkpoint()
        now_s = time.thread_time()
        longest_s, last_s = max(longest_s, now_s - last_s), now_s
    return longest_s


async def cost(outcome: Any) -> tuple[Answer | RequestFailure, float]:
    """Return the outcome of a request and its CPU time in seconds of this thread."""
    start_s = time.thread_time()
    result: Answer | RequestFailure = await outcome
    return result, time.thread_time() - start_s


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("flood", "request_kind"), [("continue", "poll"), ("early-hints", "poll"), ("continue", "initial")]
)
async def test_t10_a_flood_of_informational_answers_ends_the_request(
    library: Library, flood: str, request_kind: str
) -> None:
    module: Any = import_module(library)
    with flooding(FLOODS[flood]) as url:
        async with module.AsyncClient(trust_env=False) as client:
            transport: ClientTransport[Any] = ClientTransport(client)
            initial = transport.build_initial("PUT", url, {})
            result, cpu_s = await cost(
                transport.poll("GET", url) if request_kind == "poll" else transport.send_initial(initial)
            )
    assert isinstance(result, RequestFailure)
    assert result.kind is FailureKind.TIMEOUT
    assert cpu_s <= MOST_CPU_S


@EACH_LIBRARY
async def test_t10_other_tasks_run_during_a_flood(library: Library) -> None:
    module: Any = import_module(library)
    held: list[float] = []
    stop = anyio.Event()

    async def measure() -> None:
        held.append(await longest_hold(stop))

    with flooding(FLOODS["continue"]) as url:
        async with module.AsyncClient(trust_env=False) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(measure)
            await ClientTransport(client).poll("GET", url)
            stop.set()
    assert held[0] <= MOST_HELD_S
