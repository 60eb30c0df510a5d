"""The outcome of one request: an `Answer`, or a `RequestFailure` if no complete and readable answer arrived."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import NamedTuple, TypeAlias

NO_CONTENT = 204

RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]] | Sequence[tuple[str, str]]
"""Names and values as the transport provides them: bytes, or text if the transport has decoded them."""


class Answer(NamedTuple):
    """One HTTP answer; redirects are answers too.

    Attributes:
        headers: lower-case name to the first value that is not blank (rule 1).
        body: without its content coding; empty bytes if there was none.
        url: the URL of the request; relative URLs in the answer resolve against it (rule 8).
        received_at: aware UTC wall time; the base of an HTTP date if the answer has no `Date`.
        at_s: monotonic seconds of any epoch; only differences are used.
        raw_headers: all headers as sent, from which a response can be rebuilt.
        is_complete: whether the body has certainly arrived to its end. It is false for a body of HTTP/1 that ended with
            the connection and not with a mark of JSON (rule 17). It is also false for an initial answer whose body
            could not be read (rule 53).
    """

    status_code: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    received_at: datetime
    at_s: float
    method: str = "GET"
    raw_headers: RawHeaders = ()
    is_complete: bool = True

    def __repr__(self) -> str:  # headers, URL queries and bodies may be secret (rule 45)
        return f"<Answer {self.status_code}, {len(self.body)} bytes>"

    def without_end(self) -> "Answer":
        """Return this answer as one whose body, empty but for blanks, may have been cut."""
        return self._replace(body=b"", is_complete=False)

    def without_content(self) -> "Answer":
        """Return this answer as a 204 without headers or a body: the result of a DELETE that ended by a 404."""
        return self._replace(status_code=NO_CONTENT, headers={}, body=b"", raw_headers=(), is_complete=True)


class FailureKind(Enum):
    """Why no readable answer arrived."""

    CONNECTION = "the connection failed"
    TIMEOUT = "no complete answer came in time"
    TOO_LARGE = "the answer was larger than allowed"
    UNDECODABLE = "the answer could not be decoded"
    CERTIFICATE = "the server's certificate was not accepted"
    UNSENDABLE = "the client could not send the request"
    AUTH = "the client's auth raised an error"
    HOOK = "an event hook of the client raised an error"
    TRANSPORT = "the client's transport raised an error"

    @property
    def fatal(self) -> bool:
        """Whether azpoll does not try again: the next attempt must fail alike, or the caller's own hook refused."""
        return self in {FailureKind.CERTIFICATE, FailureKind.UNSENDABLE, FailureKind.HOOK}

    @property
    def is_local(self) -> bool:
        """Whether another process may succeed, with its own credential or connection."""
        return self in {FailureKind.AUTH, FailureKind.CERTIFICATE, FailureKind.CONNECTION, FailureKind.TIMEOUT}


class RequestFailure(NamedTuple):
    """A request without a complete, readable answer.

    Attributes:
        detail: one line of text, without URLs or header values.
        cause: the error that the client's auth or an event hook raised, or the operating system's error behind a
            network failure; the error that the user sees is chained to it. Never another exception of the client: its
            text could quote the request.
        head: status code and headers of an answer whose body did not arrive completely; None without these.
        was_sent: false if the service has certainly not executed the request. Either no connection was made, or the
            client's auth or an event hook raised an error before, or the service refused it with 401.
    """

    kind: FailureKind
    detail: str
    at_s: float
    cause: BaseException | None = None
    head: Answer | None = None
    was_sent: bool = True

    @property
    def reason(self) -> str:
        """The failure in a few words, such as "connection refused" (rule 55)."""
        kind, detail = self.kind, self.detail
        if kind is FailureKind.TIMEOUT or not detail:
            return kind.value
        if kind in {FailureKind.CONNECTION, FailureKind.CERTIFICATE} and " " in detail:
            return detail  # a text rather than the name of an exception
        return f"{kind.value}: {detail}"

    @property
    def may_have_arrived(self) -> bool:
        """Whether the service may have received the request, and so may have acted on it."""
        return self.was_sent and self.kind not in {FailureKind.CERTIFICATE, FailureKind.UNSENDABLE}

    def __repr__(self) -> str:  # the error of a caller may contain anything (rule 45)
        return f"<RequestFailure: {self.kind.value}, {self.detail}>"
