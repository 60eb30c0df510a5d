"""Read a response body within a limit, which also holds for a few bytes that decompress into gigabytes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from azpoll.eventloop.checkpoint import checkpoint
from azpoll.protocol.answer import NO_CONTENT
from azpoll.transport.shortcuts.shared_reads import share_reads
from azpoll.transport.shortcuts.unread_bytes import (
    close_after_response,
    connection_of,
    connection_with_unread_bytes,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
    from types import ModuleType

    from azpoll.protocol.answer import Answer
    from azpoll.transport.raw_response import RawResponse

_COMPRESSED = ("gzip", "x-gzip", "deflate")
_KNOWN = ("", "identity", *_COMPRESSED)
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32

BLANKS = b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"
"""The bytes that may precede JSON: those of blanks and of byte order marks, in any encoding."""

ENDS_OF_JSON = (b"}", b"]", b"}\n", b"]\n", b"}\r\n", b"]\r\n")
"""The ends of nearly all bodies. JSON that was cut behind one of them cannot be parsed, and begins like JSON."""

_FRAMED = ("HTTP/2", "HTTP/3")
"""Versions in which the end of each body is marked, as a transport names them; an answer of HTTP/1 has two numbers."""

PIECE = 64 * 1024
"""The number of bytes that are decoded in one step."""

_CODED_PIECE = 1024
"""The number of coded bytes that the library decodes in one step; at most 1,032 times as many result."""

CHUNKS_AT_ONCE = 64
"""The number of chunks that are read before other tasks may run. Most bodies are one chunk, which waits for nothing."""

SMALL_CHUNKS, SMALL = 16_384, 256
"""A body may have this number of chunks of any size, and one more for each `SMALL` bytes: each costs 5 to 50 us."""


class TooLargeError(Exception):
    """The body is longer than the limit in bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(limit)


class UndecodableError(Exception):
    """The content coding of the body is broken or unknown."""


def is_complete(answer: Answer, http_version: object, *, is_blank: bool) -> bool:
    """Whether a body that may be the beginning of JSON has certainly arrived to its end (rule 17).

    Without `Content-Length` and chunks, the body of HTTP/1 ends with the connection, wherever that breaks. An empty
    body has no content coding, so one that names a coding lost its content.

    Args:
        answer: a 204 never has a body.
        http_version: as the transport names it. A server chooses the number in an answer of HTTP/1, such as
            `b"HTTP/9.9"`. A body without a version counts as complete.
        is_blank: whether the body is no more than blanks.
    """
    if answer.status_code == NO_CONTENT:
        return True
    if answer.headers.get("content-encoding", "").lower() not in ("", "identity"):
        return not is_blank  # the end of coded data is marked
    if not isinstance(http_version, (bytes, str)) or _text_of(http_version) in _FRAMED:
        return True
    lower = {_text_of(name).lower(): _text_of(value).lower() for name, value in answer.raw_headers}
    return "content-length" in lower or "chunked" in lower.get("transfer-encoding", "")


async def read_body(response: RawResponse, limit: int, content_encoding: str) -> bytes:
    """Read and decode a body, and release its connection. At most `limit` bytes are held in memory.

    A connection that has received more than this response is closed, because its pool would read the surplus as the
    answer to the next request.

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
        await _finish(response.stream)
        return _within(limit, response.content)
    if response.read_short is not None and not content_encoding:
        return _within(limit, await response.read_short())
    # `aiter_raw` would wrap the stream in two more generators, which costs a tenth of a poll.
    unread = response.stream
    stream: Any = aiter(unread.source if isinstance(unread, BoundedStream) else unread)
    try:
        return await _read_stream(stream, limit, content_encoding.lower())
    except (TooLargeError, UndecodableError):
        await stream.aclose()
        raise
    finally:
        await _finish(unread)
        await response.stream.aclose()


async def _finish(stream: Any) -> None:  # noqa: ANN401 - of either library
    """Close a connection on which more than its response has arrived, and share the reads of one of HTTP/2."""
    share_reads(connection_of(stream))
    if (connection := connection_with_unread_bytes(stream)) is not None:
        await close_after_response(connection)


def _within(limit: int, body: bytes) -> bytes:
    if len(body) > limit:
        raise TooLargeError(limit)
    return body


async def _read_stream(stream: AsyncIterator[bytes], limit: int, coding: str) -> bytes:
    decoder = Decoder(limit, coding) if coding else None
    pieces: list[bytes] = []
    async for chunk in stream:
        if decoder is None:
            if not pieces and len(chunk) <= limit:  # nearly every body is this one chunk, which needs no decoder
                pieces.append(chunk)
                continue
            decoder = Decoder(limit, coding)
            for first in pieces:
                decoder.decode(first)
        pieces += decoder.decode(chunk)
        if decoder.is_pause_due:
            await checkpoint()
    if decoder is not None:
        decoder.end()
    return b"".join(pieces)


class Decoder:
    """Decodes the chunks of a body, and raises before more than a limit is decoded.

    Args:
        limit: in bytes; applies to the coded and to the decoded body.
        coding: the content coding in lower case.

    Attributes:
        is_pause_due: whether other tasks should run before the next chunk is read.

    Raises:
        UndecodableError: the content coding is unknown.
    """

    def __init__(self, limit: int, coding: str) -> None:
        if coding not in _KNOWN:
            raise UndecodableError(f"unknown content coding {coding[:32]!r}")
        self._limit = limit
        self._inflater: Any = zlib.decompressobj(_GZIP_OR_ZLIB) if coding in _COMPRESSED else None
        self._chunks = self._coded_size = self._size = 0
        self.is_pause_due = False

    def decode(self, chunk: bytes) -> Iterable[bytes]:
        """Return the decoded pieces of the next chunk.

        Raises:
            TooLargeError: the body is longer than the limit.
            UndecodableError: the body cannot be decoded, or it has too many small chunks.
        """
        self._chunks += 1
        self.is_pause_due = self._chunks % CHUNKS_AT_ONCE == 0
        self._coded_size += len(chunk)
        if self._coded_size > self._limit:
            raise TooLargeError(self._limit)
        if self._chunks > SMALL_CHUNKS + self._coded_size // SMALL:
            raise UndecodableError("the body has too many small chunks")
        return (chunk,) if self._inflater is None else self._inflated(chunk)

    def end(self) -> None:
        """Check that the body has arrived to its end; an UndecodableError if it was cut."""
        if self._inflater is not None and self._coded_size and not self._inflater.eof:
            raise UndecodableError("the coded body was cut")

    def _inflated(self, chunk: bytes) -> Iterator[bytes]:
        """Decode piece by piece, up to the end of the coded data; as in httpx, the bytes behind it do not count."""
        for start in range(0, len(chunk), PIECE):
            coded = chunk[start : start + PIECE]
            while coded and not self._inflater.eof:
                try:
                    piece = self._inflater.decompress(coded, PIECE)
                except zlib.error as error:
                    raise UndecodableError(str(error)) from error
                self._size += len(piece)
                if self._size > self._limit:
                    raise TooLargeError(self._limit)
                yield piece
                coded = self._inflater.unconsumed_tail


class BoundedStream:
    """The stream of a response, within a limit. `bounded_stream_class` derives it from the library's `AsyncByteStream`.

    The client's auth may read a body, as one with `requires_response_body` does, and httpx reads it before it sends the
    next request of an auth. That decodes whole chunks without a limit. This stream decodes a body to count its bytes;
    the library decodes them again.

    Attributes:
        source: the stream itself, which `read_body` reads within the limit.
        error: the exception that ended the reading; None if there was none.
    """

    def __init__(self, source: Any, limit: int, headers: Mapping[str, str]) -> None:  # noqa: ANN401 - of either library
        self.source = source
        self.error: Exception | None = None
        self._limit = limit
        self._headers = headers

    async def __aiter__(self) -> AsyncIterator[bytes]:
        stream: Any = aiter(self.source)
        try:
            decoder = Decoder(self._limit, self._headers.get("content-encoding", "").strip().lower())
            async for chunk in stream:
                for start in range(0, len(chunk), _CODED_PIECE):
                    piece = chunk[start : start + _CODED_PIECE]
                    for _ in decoder.decode(piece):
                        pass
                    yield piece
                    if decoder.is_pause_due:
                        await checkpoint()
            decoder.end()
        except Exception as error:
            self.error = error
            await stream.aclose()
            raise
        finally:
            await _finish(self.source)

    async def aclose(self) -> None:
        """Release the connection."""
        await self.source.aclose()


def bounded_stream_class(library: ModuleType) -> type[BoundedStream]:
    """Return the class for the responses of a library, which reads no other streams than its own."""
    return type("BoundedStream", (BoundedStream, library.AsyncByteStream), {})


def _text_of(part: bytes | str) -> str:
    return part if isinstance(part, str) else part.decode("latin-1")
