"""Read a response body within a limit, which also holds for a few bytes that decompress into gigabytes."""

from __future__ import annotations

import zlib
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from azpoll.transport.shortcuts.direct_send import UnreadResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from azpoll.transport.library import RawResponse

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32

REFUSAL_LIMIT = 1024 * 1024
"""The longest body, in bytes, of a response that makes the client's auth send another request."""

PIECE = 64 * 1024
"""The number of bytes that are decoded in one step."""


class TooLargeError(Exception):
    """The body is longer than the limit."""


class UndecodableError(Exception):
    """The content coding of the body is broken or unknown."""


def read_body(response: RawResponse, limit: int, content_encoding: str) -> Awaitable[bytes]:
    """Read and decode a body, and release its connection. At most `limit` bytes are held in memory.

    azpoll asks for no content coding, but a server may send one layer of gzip or deflate nevertheless. The client's own
    decoders are not used, because they decode a whole chunk before a limit can apply.

    Args:
        response: its body may be unread.
        limit: in bytes; applies to the coded and to the decoded body.
        content_encoding: the `Content-Encoding` header; empty for none.

    Raises:
        TooLargeError: the body is longer than `limit`.
        UndecodableError: the body cannot be decoded.
    """
    if response.is_stream_consumed:  # a transport in memory or an event hook has read it
        return _read_consumed(response, limit)
    coding = content_encoding.lower()
    if coding and coding != "identity":
        return _read_coded(response, limit, coding)
    if isinstance(response, UnreadResponse) and response.read:
        return response.read()
    return _read_plain(response, limit)


async def drain(response: RawResponse) -> None:
    """Read and discard a body, so that its connection can be used again.

    Raises:
        TooLargeError: the body is longer than `REFUSAL_LIMIT`.
    """
    if response.is_stream_consumed:
        await response.stream.aclose()
    else:
        await _read_plain(response, REFUSAL_LIMIT)


async def _read_consumed(response: RawResponse, limit: int) -> bytes:
    await response.stream.aclose()
    if len(response.content) > limit:
        raise TooLargeError
    return response.content


async def _read_plain(response: RawResponse, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        # `aiter_raw` would wrap the stream in two more generators, which costs a tenth of a poll.
        stream = aiter(response.stream)
        async for chunk in stream:
            size += len(chunk)
            if size > limit:
                await stream.aclose()
                raise TooLargeError
            chunks.append(chunk)
    finally:
        await response.stream.aclose()
    return b"".join(chunks)


async def _read_coded(response: RawResponse, limit: int, coding: str) -> bytes:
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
    pieces: list[bytes] = []
    size = coded_size = 0
    async with aclosing(response.stream), aclosing(aiter(response.stream)) as stream:
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
    """The object that `zlib.decompressobj` returns."""

    @property
    def unconsumed_tail(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _inflated(inflater: _Inflater, chunk: bytes) -> Iterator[bytes]:
    """Decode a chunk piece by piece, so that a caller who stops early does not pay for the rest."""
    for start in range(0, len(chunk), PIECE):
        coded = chunk[start : start + PIECE]
        while coded:
            try:
                yield inflater.decompress(coded, PIECE)
            except zlib.error as error:
                raise UndecodableError(str(error)) from error
            coded = inflater.unconsumed_tail
