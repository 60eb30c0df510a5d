"""Send a poll without a request and a response object, through a transport that offers `get_directly`.

`azpoll.fast` offers it. Over such a transport the two objects of httpx would take more than a quarter of a poll.

Gain: without it a poll over `azpoll.fast` takes about 40 us more (+39 %).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from azpoll.transport.library import RawResponse


TextHeaders: TypeAlias = "Sequence[tuple[str, str]]"

DirectSend: TypeAlias = "Callable[[str, TextHeaders, TextHeaders, Mapping[str, float | None]], Awaitable[RawResponse]]"
"""The method `get_directly(url, headers, own, timeouts)`, which sends a GET for exactly this absolute URL.

`headers` are shared by many requests, which then pass the same object; `own` are those of this request alone. The
timeouts are in seconds, by kind. The method raises the errors of the transport's `handle_async_request`."""


class UnreadResponse:
    """A response whose body is not yet read; a `RawResponse`.

    Attributes:
        raw: the headers; their values are ASCII.
        read: reads a body that is known to be shorter than any limit in one step and releases the connection; None if
            the body may be longer.
    """

    __slots__ = ("raw", "read", "status_code", "stream")

    is_stream_consumed = False
    content = b""

    def __init__(
        self, status_code: int, raw: TextHeaders, stream: object, read: Callable[[], Awaitable[bytes]] | None = None
    ) -> None:
        self.status_code = status_code
        self.raw = raw
        self.stream: Any = stream
        self.read = read

    @property
    def headers(self) -> UnreadResponse:
        """The response itself, which has the attribute `raw`; this saves an object."""
        return self
