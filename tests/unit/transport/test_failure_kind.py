"""Exceptions are classified as failures of a request, without their texts."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import h11
import httpcore
import pytest

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.transport.body import TooLargeError, UndecodableError
from azpoll.transport.failure import failure_of
from azpoll.transport.library import library_of
from tests.support.canary import CANARY
from tests.support.clients import Library, new_client
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROWS: list[tuple[str, FailureKind]] = [
    ("ConnectTimeout", FailureKind.TIMEOUT),
    ("ReadTimeout", FailureKind.TIMEOUT),
    ("PoolTimeout", FailureKind.TIMEOUT),
    ("UnsupportedProtocol", FailureKind.UNSENDABLE),
    ("LocalProtocolError", FailureKind.CONNECTION),
    ("InvalidURL", FailureKind.UNSENDABLE),
    ("DecodingError", FailureKind.UNDECODABLE),
    ("ConnectError", FailureKind.CONNECTION),
    ("ReadError", FailureKind.CONNECTION),
    ("RemoteProtocolError", FailureKind.CONNECTION),
    ("ProxyError", FailureKind.CONNECTION),
    ("TooManyRedirects", FailureKind.TRANSPORT),
]
"""The name of an exception of either library, and the kind of failure."""


def failed(library: Library, error: BaseException) -> RequestFailure:
    """Raise an exception and return the failure that it means."""

    def fail() -> None:
        raise error

    try:
        fail()
    except BaseException as raised:  # noqa: BLE001 - the one above
        return failure_of(raised, library_of(new_client(library)), 17.0)
    raise AssertionError


def error_of(library: Library, name: str) -> Any:
    make: Callable[[str], Any] = getattr(import_module(library), name)
    return make(CANARY)


@EACH_LIBRARY
@pytest.mark.parametrize(("name", "kind"), ROWS)
def test_an_exception_of_the_library_has_a_kind(name: str, kind: FailureKind, library: Library) -> None:
    failure = failed(library, error_of(library, name))
    assert (failure.kind, failure.at_s, failure.cause, failure.head) == (kind, 17.0, None, None)
    texts = {
        "ConnectTimeout": "timed out while connecting",
        "ReadTimeout": "timed out",
        "PoolTimeout": "timed out while waiting for a connection of the client",
    }
    assert failure.detail.partition(" in ")[0] == texts.get(name, name)


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(CANARY), FailureKind.TIMEOUT),
        (TooLargeError(9), FailureKind.TOO_LARGE),
        (UndecodableError(CANARY), FailureKind.UNDECODABLE),
        (ValueError(CANARY), FailureKind.TRANSPORT),
        (KeyError(CANARY), FailureKind.TRANSPORT),
        (RuntimeError(CANARY), FailureKind.TRANSPORT),
        (UnicodeEncodeError("ascii", CANARY, 0, 1, CANARY), FailureKind.UNSENDABLE),
    ],
    ids=repr,
)
def test_any_other_exception_has_a_kind(error: Exception, kind: FailureKind, library: Library) -> None:
    assert failed(library, error).kind is kind


class FromH2(Exception):
    """An exception of h2, which need not be installed."""

    __module__ = "h2.exceptions"


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("causes", "kind"),
    [
        ((), FailureKind.CONNECTION),
        ((FromH2(CANARY),), FailureKind.CONNECTION),
        ((httpcore.LocalProtocolError(), FromH2(CANARY)), FailureKind.CONNECTION),
        ((httpcore.LocalProtocolError(), FromH2(CANARY), KeyError(CANARY)), FailureKind.CONNECTION),
        ((httpcore.LocalProtocolError(), h11.LocalProtocolError(CANARY)), FailureKind.UNSENDABLE),
        ((ValueError(CANARY),), FailureKind.UNSENDABLE),
    ],
    ids=repr,
)
def test_the_cause_tells_whether_the_request_or_the_connection_is_invalid(
    causes: Sequence[Exception], kind: FailureKind, library: Library
) -> None:
    """One broken HTTP/2 frame makes every request of its connection a `LocalProtocolError`."""
    error = error_of(library, "LocalProtocolError")
    for effect, cause in pairwise((error, *causes)):
        effect.__context__ = cause
    failure = failed(library, error)
    assert failure.kind is kind
    assert failure.may_have_arrived is (kind is FailureKind.CONNECTION)


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Illegal header value b'x'", FailureKind.UNSENDABLE),
        ("Missing mandatory Host: header", FailureKind.UNSENDABLE),
        ("Invalid input ConnectionInputs.SEND_HEADERS in state ConnectionState.CLOSED", FailureKind.CONNECTION),
        ("Max outbound streams is 0, 0 open", FailureKind.CONNECTION),
        ("", FailureKind.CONNECTION),
    ],
)
def test_without_a_cause_the_words_tell_it(text: str, kind: FailureKind, library: Library) -> None:
    assert failed(library, import_module(library).LocalProtocolError(text)).kind is kind


@EACH_LIBRARY
def test_a_request_that_was_answered_could_be_sent(library: Library) -> None:
    head = Answer(200, {}, b"", "https://x.example", datetime.now(UTC), 0.0)
    error = UnicodeEncodeError("ascii", CANARY, 0, 1, CANARY)
    assert failure_of(error, library_of(new_client(library)), 0.0, head).kind is FailureKind.TRANSPORT


@EACH_LIBRARY
def test_only_an_error_of_the_caller_names_its_place(library: Library) -> None:
    """It is a defect in the caller's auth or event hook."""
    detail = failed(library, ValueError(CANARY)).detail
    assert detail.startswith("ValueError in fail, test_failure_kind.py:")
    assert failed(library, error_of(library, "ReadError")).detail == "ReadError"


@EACH_LIBRARY
def test_no_exception_of_the_library_or_the_caller_is_kept(library: Library) -> None:
    """Their texts may quote a request (rule 45)."""
    caller = ValueError(CANARY)
    caller.__cause__ = OSError(CANARY)
    for error in (error_of(library, "ConnectError"), caller):
        failure = failed(library, error)
        assert failure.cause is None
        assert CANARY not in f"{failure.detail}{failure!r}"


@EACH_LIBRARY
@pytest.mark.parametrize("is_cause", [True, False], ids=["cause", "context"])
def test_the_systems_error_beneath_a_network_error_is_kept(library: Library, *, is_cause: bool) -> None:
    system = ConnectionRefusedError(111, "Connection refused")
    error, between = error_of(library, "ConnectError"), RuntimeError()
    error.__context__ = between
    if is_cause:
        between.__cause__ = system
    else:
        between.__context__ = system
    assert failed(library, error).cause is system


@EACH_LIBRARY
def test_a_rejected_certificate_is_found_beneath_any_error(library: Library) -> None:
    error = error_of(library, "ConnectError")
    error.__cause__ = RuntimeError()
    error.__cause__.__cause__ = ssl.SSLCertVerificationError(CANARY)
    assert failed(library, error).kind is FailureKind.CERTIFICATE


@EACH_LIBRARY
@pytest.mark.parametrize("name", [name for name, _ in ROWS])
def test_a_request_without_a_connection_to_the_service_did_not_arrive(name: str, library: Library) -> None:
    """A proxy that refuses a tunnel passes nothing on."""
    unsent = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"}
    unsendable = {"UnsupportedProtocol", "InvalidURL"}
    assert failed(library, error_of(library, name)).may_have_arrived is (name not in unsent | unsendable)
