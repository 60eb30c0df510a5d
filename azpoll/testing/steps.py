"""Steps: the scripted answers and faults of an operation, one per request.

A step is an explicit `Reply`, `Ordinary` (the script's answer for the current time) or a fault. Every fault but `Drop`
wraps another step, so faults nest: `Delay(5, Drip(10, 1.0, Reply(200, {"status": "Succeeded"})))`.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.testing.retry_after import RetryAfter

_MEBIBYTE = bytes(1 << 20)
_JSON = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Reply:
    """An explicit answer.

    The placeholders `{origin}`, `{poll_url}`, `{location_url}` and `{resource_url}` in header values and in text or
    JSON bodies stand for the operation's own.

    Attributes:
        status: the HTTP status code.
        body: None for no body, bytes and str unchanged, anything else as JSON.
        headers: sent unchanged; `Date`, `Content-Length` and a content type are added where absent.
        retry_after: seconds, or a `RetryAfter` for another form than `Retry-After: seconds`.
        terminal: whether this reply reports the end of the operation; None to derive it from status code and body.
    """

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    retry_after: float | RetryAfter | None = None
    terminal: bool | None = None

    def encoded(self) -> bytes:
        """Return the body as bytes, with placeholders unchanged."""
        match self.body:
            case None:
                return b""
            case bytes():
                return self.body
            case str():
                return self.body.encode()
            case _:
                return _JSON.encode(self.body).encode()

    def document(self) -> object:
        """Return the body read as JSON; None if it is absent or not JSON."""
        if not isinstance(self.body, bytes | str):
            return self.body
        try:
            document: object = json.loads(self.body)
        except ValueError:
            return None
        return document


@dataclass(frozen=True, slots=True)
class Ordinary:
    """The answer that the operation's script gives for the current time: running, or its outcome."""


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
    """The body arrives slowly in small chunks: each one within a read timeout, the whole body later than it.

    Attributes:
        bytes_per_chunk: 1 or more.
        every_s: seconds before each chunk.
        step: the answer with the slow body.
    """

    bytes_per_chunk: int = 1
    every_s: float = 1.0
    step: Step = Ordinary()


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends inside the body: `Content-Length` promises more bytes than arrive.

    Attributes:
        missing: promised bytes that are not sent; a shorter body is cut to nothing.
        step: the answer with the cut body.
    """

    missing: int = 10
    step: Step = Ordinary()


@dataclass(frozen=True, slots=True)
class Delay:
    """The answer starts late.

    Attributes:
        seconds: time before the first byte; `math.inf` for an answer that never comes.
        step: the answer after the delay.
    """

    seconds: float
    step: Step = Ordinary()


Step: TypeAlias = Reply | Ordinary | Drop | Drip | Cut | Delay


class ConnectionDropped(ConnectionResetError):
    """Raised out of the ASGI application for `Drop` and `Cut`, because ASGI cannot break a connection otherwise.

    httpx's `ASGITransport` passes it on unchanged; `FakeARM.transport()` raises the client library's own errors.
    """


def status_monitor(
    status: object,
    *,
    percent_complete: float | None = None,
    error: Mapping[str, object] | None = None,
    retry_after: float | RetryAfter | None = None,
) -> Reply:
    """Return a 200 with a status monitor document; `status` may be any word, or a value of another type."""
    document: dict[str, object] = {"status": status}
    if percent_complete is not None:
        document["percentComplete"] = percent_complete
    if error is not None:
        document["error"] = dict(error)
    return Reply(200, document, retry_after=retry_after)


def html_page(status: int = 200, text: str = "Service unavailable") -> Reply:
    """Return an HTML page where the client expects JSON, as gateways and sign-in pages send it."""
    page = f"<!DOCTYPE html><html><body><h1>{text}</h1></body></html>"
    return Reply(status, page, {"Content-Type": "text/html; charset=utf-8"}, terminal=False)


def redirect(to: str, status: int = 302) -> Reply:
    """Return a redirect; `to` may be relative, on a foreign host, or `{poll_url}&hop=1` (see `Reply`)."""
    return Reply(status, headers={"Location": to}, terminal=False)


def gzip_bomb(decoded_mebibytes: int = 100) -> Reply:
    """Return a gzip-coded body of zeros, about a thousandth of its decoded size."""
    compressor = zlib.compressobj(level=9, wbits=zlib.MAX_WBITS | 16)
    chunks = [compressor.compress(_MEBIBYTE) for _ in range(decoded_mebibytes)]
    chunks.append(compressor.flush())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    return Reply(200, b"".join(chunks), headers, terminal=False)
