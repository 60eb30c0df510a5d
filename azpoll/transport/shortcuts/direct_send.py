"""What a transport may offer to polls besides what httpx asks of it; `azpoll.fast` does.

An answer without a request and a response object: they cost more than the rest of a poll over a transport so
lean, and `sending` does without them where nobody is there to look at them. And how many requests it serves well
at once, where those are not the few of httpx's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from azpoll.protocol.answer import RawHeaders
    from azpoll.transport.library import Headers


class RawResponse(Protocol):
    """An answer whose body may still be to come; a response of httpx is one, too."""

    status_code: int
    is_stream_consumed: bool
    stream: Any

    @property
    def headers(self) -> Headers:
        """As received."""
        ...

    @property
    def content(self) -> bytes:
        """The body, once it is consumed."""
        ...


class UnreadResponse:
    """An answer whose body is to come, and whose headers nobody has read.

    Attributes:
        read: reads a body that is known to be shorter than any limit, in one step after which nothing is left to
            close; None of one that may be longer.
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
        """Itself: it has them raw."""
        return self


class Direct(Protocol):
    """A transport's `get_directly`."""

    def __call__(
        self,
        url: str,
        headers: Sequence[tuple[str, str]],
        own: Sequence[tuple[str, str]],
        timeouts: Mapping[str, float | None],
    ) -> Awaitable[RawResponse]:
        """Send a GET for a URL as it stands; raises what the transport's `handle_async_request` does.

        Args:
            url: absolute.
            headers: that many requests have in common; then these are the same object for all of them.
            own: headers of this one alone.
            timeouts: in seconds, by kind.
        """
        ...


AT_ONCE: Mapping[str, tuple[int, int]] = {"httpx": (4, 20), "httpx2": (4, 64)}
"""Requests at once, the least and the most, over the transport that each library has. Few are cheap: its pool is
searched anew, connection by connection, for each request. Of more than 20 connections, httpx closes each after its
answer (`max_keepalive_connections`); httpx2 counts only those that are idle."""


def at_once(transport: object, library: str) -> tuple[int, int]:
    """Return how many requests a transport of a library's client serves well at once: the least and the most.

    Never more than its pool has connections, where that can be seen: who waits for one is under way, and its time runs.
    """
    least, most = getattr(transport, "at_once", AT_ONCE[library])
    connections: object = getattr(getattr(transport, "_pool", None), "_max_connections", None)
    if isinstance(connections, int) and connections > 0:
        least, most = min(least, connections), min(most, connections)
    return least, most
