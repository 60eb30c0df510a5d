"""A hostile server in a process of its own: `python -m tests.proofs.adversary.hostile_process SEED KINDS LIBRARY`.

It prints its own origin and the foreign one, and its ledger once its input ends. Bystanders are answered over the same
connections as attacks.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import select
import socket
import struct
import sys
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from tests.proofs.adversary.attack_generator import ALL_KINDS
from tests.proofs.adversary.event_loop_probe import waited_s
from tests.proofs.adversary.hostile_service import WAIT_S, HostileService
from tests.proofs.adversary.http2_connection import honest_frames, read_requests
from tests.proofs.adversary.wire_answer import bytes_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from tests.proofs.adversary.wire_answer import Step, WireAnswer

_NO_LINGER = struct.pack("ii", 1, 0)
CROSSING_S = 0.05
"""The longest time from a client's look for unread bytes to its sending of a request, in seconds."""

_WAIT_MS = int(1000 * WAIT_S)
_HONEST_HEAD = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nretry-after-ms: %d\r\nContent-Length: %d\r\n\r\n"


async def answer_http_1(service: HostileService, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection, one after the other."""
    before: list[str] = []
    coming = asyncio.create_task(read_request(reader))
    try:
        while True:
            path, cookie = await coming
            coming = asyncio.create_task(read_request(reader))
            honest = service.honest(path, cookie)
            if honest is not None:
                status, body = honest
                writer.write(_HONEST_HEAD % (status, _WAIT_MS, len(body)) + body)
                continue
            attack = service.attack(path, before)
            before += attack.kinds
            sent = await send(attack, writer, coming)
            if sent == "closed":
                return
            if sent == "late" and await has_crossed(coming, writer):
                service.second_answer_crossed((await coming)[0])
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def has_crossed(coming: asyncio.Task[tuple[str, str]], writer: asyncio.StreamWriter) -> bool:
    """Return whether the next request was sent before the client could read a late second answer.

    The request then gets that answer, and no client of HTTP/1 can tell. A loopback connection delivers immediately. So
    the client looks for unread bytes shortly before a request arrives that comes after the second answer.
    """
    connection: socket.socket = writer.get_extra_info("socket")
    if coming.done() or select.select([connection], [], [], 0)[0]:
        return True
    waiting_s = waited_s()
    await asyncio.wait([coming], timeout=CROSSING_S)
    await asyncio.wait([coming], timeout=2 * (waited_s() - waiting_s))  # for a processor, here and in the client
    return coming.done()


async def read_request(reader: asyncio.StreamReader) -> tuple[str, str]:
    """Return the path and the cookies of the next request."""
    head = await reader.readuntil(b"\r\n\r\n")
    if length := re.search(rb"(?i)\r\ncontent-length: *(\d+)", head):
        await reader.readexactly(int(length[1]))
    cookie = re.search(rb"(?i)\r\ncookie: *([^\r]*)", head)
    return head.split(b" ")[1].decode("latin-1"), cookie[1].decode("latin-1") if cookie else ""


async def answer_http_2(service: HostileService, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection, all at the same time."""
    before: list[str] = []
    forever = asyncio.get_running_loop().create_future()

    async def answer(stream: int, path: str, cookie: str) -> None:
        honest = service.honest(path, cookie)
        if honest is not None:
            writer.write(honest_frames(stream, *honest, _WAIT_MS))
            return
        attack = service.attack(path, before, stream)
        before.extend(attack.kinds)
        with suppress(OSError):
            if await send(attack, writer, forever) == "closed":
                writer.close()

    await read_requests(reader, writer, answer)


async def send(
    attack: WireAnswer, writer: asyncio.StreamWriter, coming: asyncio.Future[Any]
) -> Literal["closed", "open", "late"]:
    """Send an attack; return whether the connection is closed then, and whether a late second answer was sent.

    Args:
        attack: the attack.
        writer: of the connection.
        coming: is done once the next request has arrived.
    """
    for step in joined(attack.steps):
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, float):
            await asyncio.sleep(step)
        elif step == "if idle":
            for _ in range(3):  # iterations of the event loop, which read a request that has arrived
                await asyncio.sleep(0)
            if coming.done():
                return "open"
        elif step == "reset":
            reset(writer)
        elif step == "hang":
            await asyncio.wait([coming])
        if step in {"close", "reset", "hang"}:
            return "closed"
    return "late" if "if idle" in attack.steps else "open"


def reset(writer: asyncio.StreamWriter) -> None:
    """Reset a connection."""
    sender: socket.socket | None = writer.get_extra_info("socket")
    if sender is not None:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()


def joined(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps, with bytes that follow each other as one step: they arrive together."""
    for is_bytes, group in groupby(steps, lambda step: isinstance(step, bytes)):
        if is_bytes:
            yield bytes_of(group)
        else:
            yield from group


async def connection(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Answer until one side closes the connection."""
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ExceptionGroup):
        await answer(reader, writer)
    writer.close()


def origin_of(server: asyncio.Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def main(seed: str, only: tuple[str, ...], library: str) -> None:
    """Serve until the standard input ends."""
    strangers: list[object] = []

    async def stranger(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        strangers.append(writer)
        writer.close()

    foreign = await asyncio.start_server(stranger, "127.0.0.1", 0)
    answer = answer_http_2 if library.endswith("-h2") else answer_http_1

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await connection(partial(answer, service), reader, writer)

    sockets = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**20)
    service = HostileService(seed, only, origin_of(sockets), origin_of(foreign))
    sys.stdout.write(json.dumps([origin_of(sockets), origin_of(foreign)]) + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    service.ledger.foreign = len(strangers)
    sys.stdout.write(json.dumps({**vars(service.ledger), "waited_s": waited_s()}) + "\n")
    sys.stdout.flush()
    os._exit(0)  # without waiting for the connections that hang


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], tuple(json.loads(sys.argv[2])) or ALL_KINDS, sys.argv[3]))
