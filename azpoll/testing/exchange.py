"""`IncomingRequest` and `Exchange`: one request and how its answer is to be sent, free of any HTTP library.

`FakeARM.exchange` makes the second of the first; the ASGI application, the transports and the server only deliver.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from azpoll.testing.steps import Drip


@dataclass(frozen=True, slots=True)
class IncomingRequest:
    """A request as it came.

    Attributes:
        method: upper case.
        origin: scheme, host and port as the client meant them, `https://management.azure.com`.
        path: percent-encoded, without the query.
        query: without the question mark.
        headers: lower-case name to value, the last one of repeated ones.
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
        """The whole URL as sent."""
        return f"{self.origin}{self.path}?{self.query}" if self.query else f"{self.origin}{self.path}"


class Exchange:
    """An answer and its delivery. Whoever delivers it calls `told` with the head, and `finished` once at the end.

    Attributes:
        status: None when the connection is to be ended without an answer.
        headers: in order, with `Content-Length` telling the promised length.
        body: what is really sent.
        delay_s: seconds before the head.
        drip: how the body is to be spread, or None for at once.
        cut: whether the connection is to be ended after the body.
        reset: whether to end it hard.
    """

    __slots__ = ("_finished", "_told", "body", "cut", "delay_s", "drip", "headers", "reset", "status")

    def __init__(self, told: Callable[[], None], finished: Callable[[bool], None]) -> None:
        self._told = told
        self._finished: Callable[[bool], None] | None = finished
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.delay_s = 0.0
        self.drip: Drip | None = None
        self.cut = False
        self.reset = False

    @property
    def at_once(self) -> bool:
        """Whether the whole answer is sent without waiting."""
        return self.delay_s <= 0 and self.drip is None

    def told(self) -> None:
        """Note that the head, and with it a `Retry-After`, is sent now."""
        self._told()

    def finished(self, *, complete: bool) -> None:
        """Note that the exchange is over; calls after the first do nothing.

        Args:
            complete: whether the whole promised answer was sent.
        """
        finished, self._finished = self._finished, None
        if finished is not None:
            finished(complete)

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it is to be sent: whole, or in drips."""
        size = len(self.body) if self.drip is None else self.drip.bytes_per_chunk
        for start in range(0, len(self.body), size or 1):
            yield self.body[start : start + size]
