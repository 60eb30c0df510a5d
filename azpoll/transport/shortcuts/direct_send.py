"""Send a poll without a request and a response object, through a transport that offers `get_directly`.

`azpoll.fast` offers it. Over such a transport the two objects of httpx would take more than a quarter of a poll.

Gain: without it a poll over `azpoll.fast` takes about 40 us more (+39 %).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from azpoll.protocol.answer import RawHeaders
    from azpoll.transport.library import Headers, RawResponse


class UnreadResponse:
    """A response whose body is not yet read; a `RawResponse`.

    Attributes:
        read: reads a body that is known to be shorter than any limit in one step and releases the connection; None if
            the body may be longer.
    """

    __slots__ = ("raw", "read", "status_code", "stream")

    is_stream_consumed = False
    content = b""

    def __init__(
        self, status_code: int, raw: RawHeaders, stream: object, read: Callable[[], Awaitable[bytes]] | None = None
    ) -> None:
        self.status_code = status_code
        self.raw = raw
        self.stream: Any = stream
        self.read = read

    @property
    def headers(self) -> Headers:
        """The response itself, which has the attribute `raw`; this saves an object."""
        return self


class DirectSend(Protocol):
    """The method `get_directly` of a transport."""

    def __call__(
        self,
        url: str,
        headers: Sequence[tuple[str, str]],
        own: Sequence[tuple[str, str]],
        timeouts: Mapping[str, float | None],
    ) -> Awaitable[RawResponse]:
        """Send a GET for exactly this URL. Raises the errors of the transport's `handle_async_request`.

        Args:
            url: absolute.
            headers: shared by many requests, which then pass the same object.
            own: the headers of this request alone.
            timeouts: in seconds, by kind.
        """
        ...
