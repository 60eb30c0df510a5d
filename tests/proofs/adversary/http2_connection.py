"""One connection of a hostile server that speaks HTTP/2: reads requests, and sends answers of any bytes."""

from __future__ import annotations

import asyncio
import struct
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tests.proofs.adversary.http2_attacks import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    PING,
    SETTINGS,
    frame,
    literal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_PREFACE = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
_HAS_PRIORITY = 0x20


async def read_requests(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: Callable[[int, str, str], Coroutine[Any, Any, None]],
) -> None:
    """Call `answer(stream, path, cookie)` in a task for each request, until the client closes the connection."""
    decoder: Any = import_module("hpack").Decoder()
    await reader.readexactly(_PREFACE)
    writer.write(frame(SETTINGS, 0, 0))
    opened: dict[int, dict[str, str]] = {}
    async with asyncio.TaskGroup() as tasks:
        while True:
            head = await reader.readexactly(9)
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
            if kind == SETTINGS and not flags & ACK:
                writer.write(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                writer.write(frame(PING, ACK, 0, payload))
            elif kind == HEADERS:
                opened[stream] = dict(decoder.decode(_without_padding(flags, payload)))
            if kind in {HEADERS, DATA} and flags & END_STREAM and stream in opened:
                request = opened.pop(stream)
                tasks.create_task(answer(stream, request[":path"], request.get("cookie", "")))


def _without_padding(flags: int, payload: bytes) -> bytes:
    if flags & PADDED:
        payload = payload[1 : len(payload) - payload[0]]
    return payload[5:] if flags & _HAS_PRIORITY else payload


def honest_frames(stream: int, status: int, body: bytes, wait_ms: int) -> bytes:
    """Return an ordinary answer."""
    pairs = [(b":status", b"%d" % status), (b"content-type", b"application/json"), (b"retry-after-ms", b"%d" % wait_ms)]
    block = b"".join(literal(name, value) for name, value in pairs)
    return frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, body)
