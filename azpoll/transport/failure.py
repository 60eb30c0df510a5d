"""Classify an exception of a request as a `RequestFailure`."""

from __future__ import annotations

import os
import re
import ssl
import traceback
from typing import TYPE_CHECKING

from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.transport.body import TooLargeError, UndecodableError
from azpoll.transport.caller_error import CallerError, QuotableError
from azpoll.transport.library import unsendable_errors
from azpoll.transport.network_error import chain_of, network_text, system_error_in

_ILLEGAL = r"(?i)\billegal\b|\bheader (?:name|value)\b|\bmandatory\b|\bContent-Length\b"
_LIBRARIES = frozenset({"httpx", "httpx2", "httpcore", "httpcore2"})

if TYPE_CHECKING:
    from types import ModuleType

    from azpoll.protocol.answer import Answer


def failure_of(error: BaseException, library: ModuleType, at_s: float, head: Answer | None = None) -> RequestFailure:
    """Classify an exception of a request.

    The exception of the client's auth or of an event hook is kept as the cause: it is the caller's own. So is the
    operating system's error beneath a network failure. No other exception is kept, and no text of any exception. It
    may quote the request or the response, and the library's own exceptions hold the request with its headers.

    Args:
        error: raised while a request was sent or its response was read.
        library: the HTTP library of the client.
        at_s: event loop time of the failure, in seconds.
        head: status code and headers of the response; None if they were not received.
    """
    if isinstance(error, CallerError):
        raised = error.error
        is_quotable = isinstance(raised, QuotableError)
        detail = str(raised) if is_quotable else f"{type(raised).__name__} in {_place_of(raised)}"
        return RequestFailure(error.kind, detail, at_s, raised, head, error.was_sent)
    kind = _kind_of(error, library, head)
    cause = system_error_in(error) if isinstance(error, library.NetworkError) else None
    unsent = (library.ConnectError, library.ConnectTimeout, library.PoolTimeout, library.ProxyError)
    was_sent = not isinstance(error, unsent)
    return RequestFailure(kind, _detail_of(error, kind, head, library), at_s, cause, head, was_sent)


def _kind_of(error: BaseException, library: ModuleType, head: Answer | None) -> FailureKind:
    if isinstance(error, (TimeoutError, library.TimeoutException)):
        return FailureKind.TIMEOUT
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in chain_of(error)):
        return FailureKind.CERTIFICATE
    if head is None and _is_of_the_request(error, library):
        return FailureKind.UNSENDABLE
    if isinstance(error, TooLargeError):
        return FailureKind.TOO_LARGE
    if isinstance(error, (UndecodableError, library.DecodingError)):
        return FailureKind.UNDECODABLE
    return FailureKind.CONNECTION if isinstance(error, library.TransportError) else FailureKind.TRANSPORT


def _is_of_the_request(error: BaseException, library: ModuleType) -> bool:
    """Whether the request itself cannot be sent, so that every further attempt would fail alike.

    The library raises a `LocalProtocolError` for an illegal request, and over HTTP/2 also for a connection that the
    server broke with any frame of another request. The cause tells which: the illegal header is found by h11, by the
    checks of h2 for headers to send, or by another transport. Without a cause, the words of h11 tell it.
    """
    if not isinstance(error, library.LocalProtocolError):
        return isinstance(error, (*unsendable_errors(library), UnicodeEncodeError))
    own = next((each for each in chain_of(error) if _package_of(each) not in _LIBRARIES), None)
    if own is None:
        return re.search(_ILLEGAL, str(error)) is not None
    if _package_of(own) != "h2":
        return True
    frames = [frame for frame, _ in traceback.walk_tb(own.__traceback__)]
    return (
        bool(frames)
        and frames[-1].f_globals.get("__name__") == "h2.utilities"
        and "send_headers" in {frame.f_code.co_name for frame in frames}
    )


def _package_of(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]


def _detail_of(error: BaseException, kind: FailureKind, head: Answer | None, library: ModuleType) -> str:
    if isinstance(error, TooLargeError):
        return f"{_named_size(head, library)}max_body is {error.limit} bytes"
    name = type(error).__name__
    match kind:
        case FailureKind.TIMEOUT if isinstance(error, library.ConnectTimeout):
            return "timed out while connecting"
        case FailureKind.TIMEOUT if isinstance(error, library.PoolTimeout):
            return "timed out while waiting for a connection of the client"
        case FailureKind.TIMEOUT:
            return "timed out"
        case FailureKind.CONNECTION | FailureKind.CERTIFICATE:
            return network_text(error) or name
        case FailureKind.UNSENDABLE if isinstance(error, UnicodeEncodeError):
            return "a header or a cookie of the client is not ASCII text"
        case FailureKind.TRANSPORT:
            return f"{name} in {_place_of(error)}"
        case _:
            return name


def _named_size(head: Answer | None, library: ModuleType) -> str:
    """Return a clause with the size that a response names; empty if it names none, or that of the coded body."""
    headers = library.Headers([] if head is None else head.raw_headers)
    size = "" if "content-encoding" in headers else headers.get("content-length", "")
    return f"the Content-Length is {size} bytes, and " if re.fullmatch(r"[0-9]{1,18}", size) else ""


def _place_of(error: BaseException) -> str:
    """Return the function, file and line that raised an exception, without directories."""
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames:
        return "an unknown place"
    frame, line = frames[-1]
    return f"{frame.f_code.co_name}, {frame.f_code.co_filename.rpartition(os.sep)[2]}:{line}"
