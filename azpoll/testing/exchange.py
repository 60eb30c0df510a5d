"""`IncomingRequest` and `Exchange`: one request and the delivery of its answer, free of any HTTP library.

`FakeARM.exchange` makes the exchange for a request. The ASGI application, the httpx transport and the socket server
only deliver it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from azpoll.testing.steps import Drip


@dataclass(frozen=True, slots=True)
class IncomingRequest:
    """A request as the server received it.

    Attributes:
        method: upper case.
        origin: scheme, host and port in the client's URL, `https://management.azure.com`.
        path: percent-encoded, without the query.
        query: without the question mark.
        headers: lower-case name to value; the last value of a repeated name.
        body: complete.
    """

    method: str
    origin: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def url(self) -> str:
        """The whole URL, as sent."""
        return f"{self.origin}{self.path}?{self.query}" if self.query else f"{self.origin}{self.path}"


class Exchange:
    """An answer and its delivery. The deliverer calls `told` when it sends the head, and `finished` once at the end.

    Attributes:
        status: HTTP status code; None to end the connection without an answer.
        headers: in order; `Content-Length` states the promised length.
        body: the bytes to send.
        delay_s: seconds before the head.
        drip: chunk size and interval of a slow body, or None to send it without waiting.
        cut: whether the connection ends after the body.
        reset: whether the connection ends with a TCP reset.
    """

    __slots__ = ("_on_finished", "_on_head_sent", "body", "cut", "delay_s", "drip", "headers", "reset", "status")

    def __init__(self, on_head_sent: Callable[[], None], on_finished: Callable[[bool], None]) -> None:
        self._on_head_sent = on_head_sent
        self._on_finished: Callable[[bool], None] | None = on_finished
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.delay_s = 0.0
        self.drip: Drip | None = None
        self.cut = False
        self.reset = False

    @property
    def is_immediate(self) -> bool:
        """Whether the whole answer is sent without waiting."""
        return self.delay_s <= 0 and self.drip is None

    def told(self) -> None:
        """Report that the head, and with it any `Retry-After`, is sent now."""
        self._on_head_sent()

    def finished(self, *, complete: bool) -> None:
        """Report the end of the exchange; later calls do nothing.

        Args:
            complete: whether the whole promised answer was sent.
        """
        on_finished, self._on_finished = self._on_finished, None
        if on_finished is not None:
            on_finished(complete)

    def chunks(self) -> Iterator[bytes]:
        """Yield the body in the pieces to send: whole, or in chunks of `drip`."""
        size = len(self.body) if self.drip is None else self.drip.bytes_per_chunk
        for start in range(0, len(self.body), size or 1):
            yield self.body[start : start + size]
