"""What came back from one request: an `Answer`, or `RequestFailure` when nothing readable did."""

# Without `from __future__ import annotations`: a NamedTuple would compile each of its own when it is imported.

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import NamedTuple, TypeAlias, TypeGuard

from azpoll.protocol.json_body import LARGE, text_of, value_in

_LEAST_PER_BRACKET = 5
_BOM = b"\xef\xbb\xbf"
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")

RawHeaders: TypeAlias = Iterable[tuple[bytes, bytes]] | Iterable[tuple[str, str]]
"""Names and values as a transport gives them: bytes, or text where it has decoded them itself."""


class Answer(NamedTuple):
    """One HTTP answer, complete, with redirects not followed.

    Attributes:
        status_code: 100..599.
        headers: lower-case name to value, as `fold_headers` makes it.
        body: decoded of its content coding; empty bytes when there was none.
        url: the URL that was asked; relative URLs in the answer resolve against it (rule 8).
        received_at: aware UTC wall time; only the base of an HTTP-date when the answer has no `Date`.
        at_s: monotonic seconds of any epoch; only differences are used.
        method: of the request that was answered.
        raw_headers: all headers as they were sent, for whoever rebuilds the response.
    """

    status_code: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    received_at: datetime
    at_s: float
    method: str = "GET"
    raw_headers: RawHeaders = ()

    def __repr__(self) -> str:
        """Tell the status code and size only: headers, URL queries and bodies may be secret (rule 45)."""
        return f"<Answer {self.status_code}, {len(self.body)} bytes>"


class FailureKind(Enum):
    """Why nothing readable came back."""

    CONNECTION = "the connection failed"
    TIMEOUT = "no complete answer came in time"
    TOO_LARGE = "the answer was larger than allowed"
    UNDECODABLE = "the answer could not be decoded"
    CERTIFICATE = "the server's certificate was not accepted"
    UNSENDABLE = "the client could not send the request"
    CALLER = "the client's auth or an event hook raised an error"

    @property
    def fatal(self) -> bool:
        """Whether the next try must fail in the same way."""
        return self in {FailureKind.CERTIFICATE, FailureKind.UNSENDABLE}


class RequestFailure(NamedTuple):
    """A request that brought no readable answer.

    Attributes:
        fault: what kind of failure it was.
        detail: one line for people, without URLs or header values.
        at_s: monotonic seconds when it failed.
        cause: the operating system's own error beneath a failure of the network, to be chained to the error a user
            sees; no exception of the client's or the caller's, whose texts may quote what was sent.
        head: status code and headers of an answer whose body never came whole; None where not even they came.
    """

    fault: FailureKind
    detail: str
    at_s: float
    cause: BaseException | None = None
    head: Answer | None = None

    def __repr__(self) -> str:
        """Tell the fault only: a caller's error may hold what it likes (rule 45)."""
        return f"<Unreachable: {self.fault.value}, {self.detail}>"


def fold_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return lower-case name to value: the first non-blank value of each name (rule 1).

    A blank value counts as absent, so a name whose values are all blank is not in the result.
    """
    folded: dict[str, str] = {}
    for name, value in pairs:
        value = value.strip(" \t")  # noqa: PLW2901 - RFC 9110 5.5: blanks around a value are not part of it
        if value:
            folded.setdefault(name.lower(), value)
    return folded


class BodyProblem(Enum):
    """Why a body holds no JSON value."""

    EMPTY = "the body is empty"
    BROKEN = "the body is not the JSON it should be"
    OPAQUE = "the body is of another type"


def read_json(answer: Answer) -> object | BodyProblem:
    """Return the body's JSON value, or why there is none. Never raises.

    `Content-Type` is advice only (rule 17): JSON without it is read, a BOM is accepted. A body that promised JSON, by
    its type or its first character, and is not; an HTML page; or JSON too deep or with numbers too long to
    read is `BROKEN`. Any other body (XML, text, an image) is `OPAQUE`: legal as a result, never as a status.
    """
    if not answer.body:
        return BodyProblem.EMPTY
    try:
        return value_in(text_of(answer.body))
    except (ValueError, RecursionError):
        if not answer.body.removeprefix(_BOM).strip():
            return BodyProblem.EMPTY
        return BodyProblem.BROKEN if _promised_json(answer) else BodyProblem.OPAQUE


def read_status(answer: Answer) -> object | BodyProblem:
    """As `read_json`, of a body that says how an operation goes: a large one of little but brackets is `BROKEN`.

    Values within values are what takes a parser long, and such a document needs few.
    """
    body = answer.body
    if len(body) > LARGE and (body.count(b"[") + body.count(b"{")) * _LEAST_PER_BRACKET > len(body):
        return BodyProblem.BROKEN
    return read_json(answer)


def read_object(answer: Answer) -> dict[str, object] | None:
    """Return the JSON object of a body that says how an operation goes; None when it holds none."""
    return object_in(read_status(answer))


def object_in(value: object) -> dict[str, object] | None:
    """Return a JSON value that is an object; None for any other."""
    return value if is_object(value) else None


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Tell a JSON object from other JSON values; its names are always text."""
    return isinstance(value, dict)


def _promised_json(answer: Answer) -> bool:
    start = answer.body.removeprefix(_BOM).lstrip()[:16].lower()
    content_type = answer.headers.get("content-type", "").lower()
    return "json" in content_type or "html" in content_type or start[:1] in (b"{", b"[") or start.startswith(_HTML)
