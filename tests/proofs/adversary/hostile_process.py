"""A hostile server in a process of its own: `python -m tests.proofs.adversary.hostile_process SEED KINDS LIBRARY`.

It prints its own origin and the foreign one, and its ledger once its input ends. Bystanders are answered over the same
connections as attacks.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import struct
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from tests.proofs.adversary.attack_generator import ALL_KINDS
from tests.proofs.adversary.hostile_service import WAIT_S, HostileService
from tests.proofs.adversary.http2_connection import honest_frames, read_requests

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.proofs.adversary.wire_answer import WireAnswer

_NO_LINGER = struct.pack("ii", 1, 0)
_WAIT_MS = int(1000 * WAIT_S)
_HONEST_HEAD = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nretry-after-ms: %d\r\nContent-Length: %d\r\n\r\n"


async def answer_http_1(service: HostileService, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection, one after the other."""
    before: list[str] = []
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode("latin-1")
        if length := re.search(rb"(?i)\r\ncontent-length: *(\d+)", head):
            await reader.readexactly(int(length[1]))
        cookie = re.search(rb"(?i)\r\ncookie: *([^\r]*)", head)
        honest = service.honest(path, cookie[1].decode("latin-1") if cookie else "")
        if honest is not None:
            status, body = honest
            writer.write(_HONEST_HEAD % (status, _WAIT_MS, len(body)) + body)
            continue
        attack = service.attack(path, before)
        before += attack.kinds
        if not await send(attack, reader, writer):
            return


async def answer_http_2(service: HostileService, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection, all at the same time."""
    before: list[str] = []

    async def answer(stream: int, path: str, cookie: str) -> None:
        honest = service.honest(path, cookie)
        if honest is not None:
            writer.write(honest_frames(stream, *honest, _WAIT_MS))
            return
        attack = service.attack(path, before, stream)
        before.extend(attack.kinds)
        with suppress(OSError):
            if not await send(attack, reader, writer):
                writer.close()

    await read_requests(reader, writer, answer)


async def send(attack: WireAnswer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Send an attack; return whether the connection stays open."""
    for step in attack.steps:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, float):
            await asyncio.sleep(step)
        elif step == "reset":
            connection: socket.socket | None = writer.get_extra_info("socket")
            if connection is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            writer.transport.abort()
        elif step == "hang":
            await reader.read(1)
        if step in {"close", "reset", "hang"}:
            return False
    return True


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
    sockets = await asyncio.start_server(
        lambda *streams: connection(partial(answer, service), *streams), "127.0.0.1", 0
    )
    service = HostileService(seed, only, origin_of(sockets), origin_of(foreign))
    sys.stdout.write(json.dumps([origin_of(sockets), origin_of(foreign)]) + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    service.ledger.foreign = len(strangers)
    sys.stdout.write(json.dumps(vars(service.ledger)) + "\n")
    sys.stdout.flush()
    os._exit(0)  # without waiting for the connections that hang


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], tuple(json.loads(sys.argv[2])) or ALL_KINDS, sys.argv[3]))
