"""A response as a transport delivers it, before its body is read."""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Self

from azpoll.protocol.answer import RawHeaders


class RawResponse(NamedTuple):
    """The head of a response, and the stream of its body.

    Attributes:
        headers: bytes, or text of ASCII characters.
        stream: an asynchronous byte stream of an HTTP library.
        content: the body if it has been read; None if the stream delivers it.
        http_version: such as `b"HTTP/1.1"`; None if the transport names none.
        read_short: reads a short body in one step and releases the connection; None if the body may be long, or the
            transport has no such step.
        url: of the request, if the client followed redirects to it; None if it is the URL that was sent.
    """

    status_code: int
    headers: RawHeaders
    stream: Any
    content: bytes | None = None
    http_version: object = None
    read_short: Callable[[], Awaitable[bytes]] | None = None
    url: str | None = None


def raw_response(response: Any) -> RawResponse:  # noqa: ANN401 - of either library
    """Convert a response of a library; a transport in memory or an event hook may have read its body."""
    content = response.content if response.is_stream_consumed else None
    version = response.extensions.get("http_version")
    return RawResponse(response.status_code, response.headers.raw, response.stream, content, version)


class BrokenStream:
    """The stream of a body that could not be read: it raises the error that ended the reading."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise self._error

    async def aclose(self) -> None:
        """Do nothing: the stream itself is closed."""
