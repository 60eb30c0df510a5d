"""Keep the limit of bodies where the client reads them itself: in its own `send`, or in an event hook beneath it.

A client with a `send` of its own runs the event hooks before azpoll gets the response. For a hook that reads the body,
httpx would decode a body of any size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azpoll.transport.body import BoundedStream
    from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse

_KEY = "azpoll.body_limit"
"""The name of the extension in which a request of azpoll's has its `BodyLimit`."""


class BodyLimit:
    """The limit of the bodies that answer a request.

    Args:
        stream_class: of the client's library.
        max_body: in bytes.
    """

    def __init__(self, stream_class: type[BoundedStream], max_body: int) -> None:
        self._stream_class = stream_class
        self._max_body = max_body
        self._streams: list[BoundedStream] = []

    def apply(self, response: Any) -> None:  # noqa: ANN401 - of either library
        """Give a response whose body is unread a stream within the limit."""
        if not response.is_stream_consumed:
            response.stream = stream = self._stream_class(response.stream, self._max_body, response.headers)
            self._streams.append(stream)

    def ended_with(self, error: BaseException) -> bool:
        """Whether a body could not be read, and the caller's code let this error through."""
        return any(stream.error is error for stream in self._streams)


class _FirstHook:
    """The first response hook of a client: it limits the bodies that answer azpoll's requests, and no others."""

    async def __call__(self, response: Any) -> None:  # noqa: ANN401 - of either library
        limit: BodyLimit | None = response.request.extensions.get(_KEY)
        if limit is not None:
            limit.apply(response)


def limit_body(client: HTTPClient[HTTPResponse], request: HTTPRequest, limit: BodyLimit) -> None:
    """Limit the bodies that answer a request, before `client.send` sends it."""
    request.extensions[_KEY] = limit
    hooks: list[Any] = client.event_hooks["response"]
    if not hooks or type(hooks[0]) is not _FirstHook:
        hooks.insert(0, _FirstHook())
