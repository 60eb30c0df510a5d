"""Classify an exception of a request as a `RequestFailure`.

No exception of the client or the caller is kept, and none of their texts. They may quote the request or the response,
and they hold the request with its headers. Only the operating system's own error beneath a network failure is kept.
"""

from __future__ import annotations

import os
import ssl
import traceback
from typing import TYPE_CHECKING

from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.transport.body import TooLargeError, UndecodableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpoll.protocol.answer import Answer
    from azpoll.transport.library import Library


def failure_of(error: BaseException, library: Library, at_s: float, head: Answer | None = None) -> RequestFailure:
    """Return the failure that an exception means.

    Args:
        error: raised while a request was sent or its response was read.
        library: the client's.
        at_s: event loop time of the failure, in seconds.
        head: status code and headers of the response; None if they were not received.
    """
    kind, name = _kind_of(error, library), type(error).__name__
    detail = f"{name} in {_place_of(error)}" if kind is FailureKind.CALLER else name
    cause = None
    if isinstance(error, library.network_error):
        cause = next((each for each in _chain(error) if isinstance(each, OSError)), None)
    return RequestFailure(kind, detail, at_s, cause, head)


def _kind_of(error: BaseException, library: Library) -> FailureKind:
    if isinstance(error, (TimeoutError, library.timeout_error)):
        return FailureKind.TIMEOUT
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in _chain(error)):
        return FailureKind.CERTIFICATE
    if isinstance(error, library.unsendable_errors):
        return FailureKind.UNSENDABLE
    if isinstance(error, TooLargeError):
        return FailureKind.TOO_LARGE
    if isinstance(error, (UndecodableError, library.decoding_error)):
        return FailureKind.UNDECODABLE
    return FailureKind.CONNECTION if isinstance(error, library.transport_error) else FailureKind.CALLER


def _place_of(error: BaseException) -> str:
    """Return the function, file and line that raised an exception, without directories."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return f"{frame.f_code.co_name}, {frame.f_code.co_filename.rpartition(os.sep)[2]}:{line}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and its causes."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
