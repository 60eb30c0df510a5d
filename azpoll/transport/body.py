"""Reading a body with a limit that holds: also against a few bytes that decompress into gigabytes."""

from __future__ import annotations

import zlib
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from azpoll.transport.shortcuts.direct_send import UnreadResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from azpoll.transport.shortcuts.direct_send import RawResponse

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32

REFUSAL_LIMIT = 1024 * 1024
"""Bytes of the body of an answer to which the client's auth has another request."""


PIECE = 64 * 1024
"""Bytes that are decoded at once."""


class TooLargeError(Exception):
    """The body is larger than the limit."""


class UndecodableError(Exception):
    """The body is not what its content coding says, or the coding is not known here."""


def read_body(received: RawResponse, limit: int, content_encoding: str) -> Awaitable[bytes]:
    """Return the decoded body, read as it comes and never held beyond `limit` bytes, and give its connection back.

    Polls ask for no coding at all; one layer of gzip or deflate is read all the same, for servers that
    do not listen. The client's own decoders are not used: they decode whole chunks before a limit can act.

    Raises:
        TooLargeError: it is longer than `limit`, coded or decoded.
        UndecodableError: it cannot be decoded.
    """
    if received.is_stream_consumed:  # made by a transport in memory, or read by an event hook
        return _read_consumed(received, limit)
    if not content_encoding or (coding := content_encoding.lower()) == "identity":
        return (
            received.read() if isinstance(received, UnreadResponse) and received.read else _read_plain(received, limit)
        )
    return _read_coded(received, limit, coding)


async def drain(received: RawResponse) -> None:
    """Read a body that nobody wants, so that its connection can be used again.

    Raises:
        TooLargeError: it is longer than `REFUSAL_LIMIT`.
    """
    if received.is_stream_consumed:
        await received.stream.aclose()
    else:
        await _read_plain(received, REFUSAL_LIMIT)


async def _read_consumed(received: RawResponse, limit: int) -> bytes:
    await received.stream.aclose()
    if len(received.content) > limit:
        raise TooLargeError
    return received.content


async def _read_plain(received: RawResponse, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        # `aiter_raw` wraps the same stream in two more generators, at a tenth of a poll's cost.
        stream = aiter(received.stream)
        async for chunk in stream:
            size += len(chunk)
            if size > limit:
                await stream.aclose()
                raise TooLargeError
            chunks.append(chunk)
    finally:
        await received.stream.aclose()
    return b"".join(chunks)


async def _read_coded(received: RawResponse, limit: int, coding: str) -> bytes:
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
    pieces: list[bytes] = []
    size = coded_size = 0
    async with aclosing(received.stream), aclosing(aiter(received.stream)) as stream:
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise UndecodableError(f"unknown content coding {coding[:32]!r}")
        async for chunk in stream:
            coded_size += len(chunk)
            for piece in _inflated(inflater, chunk):
                pieces.append(piece)
                size += len(piece)
                if max(size, coded_size) > limit:
                    raise TooLargeError
    if coded_size and not inflater.eof:
        raise UndecodableError("the coded body was cut")
    return b"".join(pieces)


class _Inflater(Protocol):
    """What `zlib.decompressobj` returns."""

    @property
    def unconsumed_tail(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _inflated(inflater: _Inflater, chunk: bytes) -> Iterator[bytes]:
    """Yield what a chunk becomes, a little at a time: nobody who stops early has paid for the rest."""
    for start in range(0, len(chunk), PIECE):
        coded = chunk[start : start + PIECE]
        while coded:
            try:
                yield inflater.decompress(coded, PIECE)
            except zlib.error as error:
                raise UndecodableError(str(error)) from error
            coded = inflater.unconsumed_tail
