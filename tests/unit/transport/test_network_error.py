"""The reason of a network failure in a few words (rule 55)."""

from __future__ import annotations

import errno
import socket
import ssl
from importlib import import_module
from typing import Any

import anyio
import pytest

from azpoll.transport.failure import failure_of
from azpoll.transport.library import library_of
from azpoll.transport.network_error import chain_of
from tests.support.canary import CANARY
from tests.support.clients import Library, new_client
from tests.support.marks import EACH_LIBRARY


def rejected(number: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, CANARY)
    error.verify_code = number
    return error


ROWS: list[tuple[BaseException, str]] = [
    (OSError(errno.ECONNREFUSED, CANARY), "connection refused"),
    (ConnectionRefusedError(), "connection refused"),
    (OSError(errno.ECONNRESET, CANARY), "connection reset"),
    (BrokenPipeError(), "connection reset"),
    (ssl.SSLEOFError(8, CANARY), "connection reset"),
    (OSError(errno.ENETUNREACH, CANARY), "network unreachable"),
    (OSError(errno.EHOSTUNREACH, CANARY), "network unreachable"),
    (OSError(errno.ETIMEDOUT, CANARY), "timed out"),
    (socket.gaierror(socket.EAI_NONAME, CANARY), "name not found"),
    (ssl.SSLError(1, CANARY), "TLS failed"),
    (OSError(errno.EMFILE, CANARY), "ConnectError"),
    (anyio.EndOfStream(), "ConnectError"),
    (rejected(9), "certificate not yet valid"),
    (rejected(10), "certificate expired"),
    (rejected(18), "certificate not trusted (self-signed)"),
    (rejected(19), "certificate not trusted (self-signed)"),
    (rejected(20), "certificate not trusted (unknown issuer)"),
    (rejected(62), "certificate is for another host"),
    (rejected(1), "certificate not accepted"),
]


@EACH_LIBRARY
@pytest.mark.parametrize(("reason", "text"), ROWS, ids=[f"{type(row[0]).__name__} {row[1]}" for row in ROWS])
def test_rule_55_a_network_failure_has_a_short_text(reason: BaseException, text: str, library: Library) -> None:
    """No text of an exception is quoted."""
    made: Any = import_module(library)
    error = made.ConnectError(CANARY)
    error.__cause__ = RuntimeError()
    error.__cause__.__context__ = reason
    assert failure_of(error, library_of(new_client(library)), 0.0).detail == text


@EACH_LIBRARY
def test_rule_55_the_first_of_several_attempts_to_connect_tells_the_reason(library: Library) -> None:
    """Anyio tries all addresses of a host."""
    made: Any = import_module(library)
    error = made.ConnectError("All connection attempts failed")
    error.__cause__ = OSError("All connection attempts failed")
    error.__cause__.__cause__ = ExceptionGroup("", [ConnectionRefusedError(111, "x"), OSError(errno.ENETUNREACH, "x")])
    failure = failure_of(error, library_of(new_client(library)), 0.0)
    assert failure.detail == "connection refused"
    assert isinstance(failure.cause, ConnectionRefusedError)


def test_a_circle_of_causes_ends() -> None:
    error = ValueError()
    error.__cause__ = other = ValueError()
    other.__context__ = error
    assert list(chain_of(error)) == [error, other]
