"""Steps: what a scripted operation answers to one request.

A step is an explicit `Reply`, `Ordinary` (what the operation's script says at this time), or a fault. Faults other than
`Drop` wrap a step and spoil its delivery, so they nest: `Delay(5, Drip(10, 1.0, Reply(200, {"status": "Succeeded"})))`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.testing.retry_after import RetryAfter


@dataclass(frozen=True, slots=True)
class Reply:
    """An explicit answer.

    In header values and in text or JSON bodies the words `{origin}`, `{poll_url}`, `{location_url}` and
    `{resource_url}` stand for the operation's own.

    Attributes:
        status: the HTTP status code.
        body: None for none, bytes and str as they are, anything else as JSON.
        headers: sent as they are; `Date`, `Content-Length` and a content type are added where absent.
        retry_after: seconds, or a `RetryAfter` for another form than `Retry-After: seconds`.
        terminal: whether this tells the client that the operation ended; None to judge by status code and body.
    """

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    retry_after: float | RetryAfter | None = None
    terminal: bool | None = None

    def encoded(self) -> bytes:
        """Return the body as it is sent, before any word is replaced."""
        match self.body:
            case None:
                return b""
            case bytes():
                return self.body
            case str():
                return self.body.encode()
            case _:
                return json.dumps(self.body, separators=(",", ":")).encode()

    def document(self) -> object:
        """Return the body read as JSON, or None where there is none."""
        if not isinstance(self.body, bytes | str):
            return self.body
        try:
            document: object = json.loads(self.body)
        except ValueError:
            return None
        return document


@dataclass(frozen=True, slots=True)
class Ordinary:
    """What the operation's script says at this time: running, or its outcome."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection ends without any answer.

    Attributes:
        reset: end it with a TCP reset (the client sees a read error) instead of an orderly close (the client sees a
            protocol error).
    """

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Drip:
    """The body arrives in small chunks, slowly: each in time for a read timeout, all of them too late.

    Attributes:
        bytes_per_chunk: 1 or more.
        every_s: seconds before each chunk.
        step: what is sent so.
    """

    bytes_per_chunk: int = 1
    every_s: float = 1.0
    step: Step = Ordinary()


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends inside the body: `Content-Length` promised more.

    Attributes:
        missing: bytes promised and not sent; the body is cut by as many, as far as there are any.
        step: what is sent so.
    """

    missing: int = 10
    step: Step = Ordinary()


@dataclass(frozen=True, slots=True)
class Delay:
    """The answer starts late.

    Attributes:
        seconds: before the first byte; `math.inf` for an answer that never comes.
        step: what is sent then.
    """

    seconds: float
    step: Step = Ordinary()


Step: TypeAlias = Reply | Ordinary | Drop | Drip | Cut | Delay


class ConnectionDropped(ConnectionResetError):
    """Raised out of the ASGI application for `Drop` and `Cut`, since ASGI has no other way to break a connection.

    httpx's `ASGITransport` lets it through as it is; `FakeARM.transport()` raises the client library's own errors.
    """
