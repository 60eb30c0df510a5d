"""Read a response body within a limit, which also holds for a few bytes that decompress into gigabytes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from azpoll.protocol.answer import NO_CONTENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from azpoll.protocol.answer import RawHeaders
    from azpoll.transport.raw_response import RawResponse

_UNCHANGED, _COMPRESSED = ("", "identity"), ("gzip", "x-gzip", "deflate")
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32

PIECE = 64 * 1024
"""The number of bytes that are decoded in one step."""


class TooLargeError(Exception):
    """The body is longer than the limit in bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(limit)


class UndecodableError(Exception):
    """The content coding of the body is broken or unknown."""


def is_complete_if_empty(status_code: int, headers: RawHeaders, http_version: object) -> bool:
    """Whether an empty body has certainly arrived to its end (rule 17).

    Without `Content-Length` and chunks, the body of HTTP/1 ends with the connection, wherever that breaks. An empty
    body has no content coding, so one that names a coding lost its content.

    Args:
        status_code: a 204 never has a body.
        headers: all of the response.
        http_version: as the transport names it; an unknown version counts as complete.
    """
    if status_code == NO_CONTENT:
        return True
    lower = {_text_of(name).lower(): _text_of(value).strip().lower() for name, value in headers}
    if lower.get("content-encoding", "") not in ("", "identity"):
        return False
    is_http_1 = isinstance(http_version, (bytes, str)) and _text_of(http_version).upper().startswith("HTTP/1")
    return not is_http_1 or "content-length" in lower or "chunked" in lower.get("transfer-encoding", "")


async def read_body(response: RawResponse, limit: int, content_encoding: str) -> bytes:
    """Read and decode a body, and release its connection. At most `limit` bytes are held in memory.

    azpoll asks for no content coding, but a server may send one layer of gzip or deflate nevertheless. The client's own
    decoders are not used, because they decode a whole chunk before a limit can apply.

    Args:
        response: as the transport delivered it.
        limit: in bytes; applies to the coded and to the decoded body.
        content_encoding: the `Content-Encoding` header; empty for none.

    Raises:
        TooLargeError: the body is longer than `limit`.
        UndecodableError: the body cannot be decoded.
    """
    if response.content is not None:
        await response.stream.aclose()
        if len(response.content) > limit:
            raise TooLargeError(limit)
        return response.content
    # `aiter_raw` would wrap the stream in two more generators, which costs a tenth of a poll.
    stream = aiter(response.stream)
    try:
        return await _read_stream(stream, limit, content_encoding.lower())
    except (TooLargeError, UndecodableError):
        await stream.aclose()
        raise
    finally:
        await response.stream.aclose()


async def _read_stream(stream: AsyncIterator[bytes], limit: int, coding: str) -> bytes:
    if coding not in _UNCHANGED + _COMPRESSED:
        raise UndecodableError(f"unknown content coding {coding[:32]!r}")
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB) if coding in _COMPRESSED else None
    pieces: list[bytes] = []
    size = received_size = 0
    async for chunk in stream:
        received_size += len(chunk)
        for piece in (chunk,) if inflater is None else _inflated(inflater, chunk):
            pieces.append(piece)
            size += len(piece)
            if max(size, received_size) > limit:
                raise TooLargeError(limit)
    if inflater is not None and received_size and not inflater.eof:
        raise UndecodableError("the coded body was cut")
    return b"".join(pieces)


def _inflated(inflater: Any, chunk: bytes) -> Iterator[bytes]:  # noqa: ANN401 - `zlib` does not name its class
    """Decode a chunk piece by piece, so that a caller who stops early does not pay for the rest."""
    for start in range(0, len(chunk), PIECE):
        coded = chunk[start : start + PIECE]
        while coded:
            try:
                yield inflater.decompress(coded, PIECE)
            except zlib.error as error:
                raise UndecodableError(str(error)) from error
            coded = inflater.unconsumed_tail


def _text_of(part: bytes | str) -> str:
    return part if isinstance(part, str) else part.decode("latin-1")
