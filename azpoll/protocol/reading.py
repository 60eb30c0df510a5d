"""The outcome of a request, read once: everything that the machine looks at.

Only this module and the readers of headers and bodies touch an `Answer`. Each reader declares its headers in `HEADERS`;
a transport drops all others. States keep the `Answer` itself and no parsed document, so that a waiting operation stays
small.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.json_body import BodyProblem, object_in, read_json
from azpoll.protocol.retry_after import retry_after

MONITOR_HEADERS = ("azure-asyncoperation", "operation-location")
"""The headers that name a status monitor, in the order of their precedence (rule 2)."""

LOCATION_HEADER = "location"
RESULT_HEADER = "resource-location"
REQUEST_ID = "x-ms-request-id"
CORRELATION_ID = "x-ms-correlation-request-id"
SET_COOKIE = "set-cookie"
HEADERS = (*MONITOR_HEADERS, LOCATION_HEADER, RESULT_HEADER, REQUEST_ID, CORRELATION_ID, SET_COOKIE)
"""The headers that this module reads."""

_POLLING_HEADERS = frozenset({*MONITOR_HEADERS, LOCATION_HEADER})
_UNREAD = object()
_SUCCESS = range(200, 300)


class StatusClass(StrEnum):
    """The meaning of a status code for a poll, which selects the row of a transition table."""

    READABLE = "2xx"
    REDIRECT = "301, 302, 303, 307, 308"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    MISSING = "404, 410"
    TRANSIENT = "408, 429, 5xx"
    UNREAD = "205, 206, 407, 421, 425, 426, 431"
    REFUSED = "other 4xx"
    UNEXPECTED = "any other"


_BY_CODE = {
    **dict.fromkeys(_SUCCESS, StatusClass.READABLE),
    **dict.fromkeys(range(400, 500), StatusClass.REFUSED),
    **dict.fromkeys(range(500, 600), StatusClass.TRANSIENT),
    **dict.fromkeys((301, 302, 303, 307, 308), StatusClass.REDIRECT),
    401: StatusClass.UNAUTHORIZED,
    403: StatusClass.FORBIDDEN,
    **dict.fromkeys((404, 410), StatusClass.MISSING),
    **dict.fromkeys((408, 429), StatusClass.TRANSIENT),
    **dict.fromkeys((205, 206, 407, 421, 425, 426, 431), StatusClass.UNREAD),
}
_UNEXPECTED = StatusClass.UNEXPECTED


def status_class(status_code: int) -> StatusClass:
    """Return the class of a status code (rules 11, 17, 21, 25-28); a 5xx that no rule names is transient too."""
    return _BY_CODE.get(status_code, _UNEXPECTED)


def is_success(status_code: int | None) -> bool:
    """Whether a status code is a 2xx, 205 and 206 included."""
    return status_code in _SUCCESS


def is_believed(head: Answer) -> bool:
    """Whether the head of an initial answer is enough to track its operation without the body (rule 53)."""
    named = not head.headers.keys().isdisjoint((*MONITOR_HEADERS, LOCATION_HEADER))
    return is_success(head.status_code) and (named or head.method in {"PUT", "PATCH", "DELETE"})


class Reading:
    """An answer, read. The body is parsed at first use, since not every state needs it.

    Attributes:
        outcome: the answer itself, which states keep.
        url: the URL of the request, against which URLs in the answer resolve (rule 8).
        retry_after_s: seconds that the answer asks to wait, not clamped; None if it names none.
        location: the `Location` as sent.
        request_ids: request id and correlation id of the service.
        sets_cookies: whether `cookies` has something to read.
        names_urls: whether any polling header names a URL.
    """

    def __init__(self, answer: Answer) -> None:
        self.outcome = answer
        self.at_s, self.url, headers = answer.at_s, answer.url, answer.headers
        self.status_code = status_code = answer.status_code
        self.status_class = _BY_CODE.get(status_code, _UNEXPECTED)
        self.retry_after_s = retry_after(answer)
        self.location = headers.get(LOCATION_HEADER)
        self.request_ids = headers.get(REQUEST_ID), headers.get(CORRELATION_ID)
        self.sets_cookies = SET_COOKIE in headers
        self.names_urls = not _POLLING_HEADERS.isdisjoint(headers)
        self._json: object = _UNREAD

    @property
    def json(self) -> object | BodyProblem:
        """The JSON value of the body, or the reason why it has none."""
        if self._json is _UNREAD:
            self._json = read_json(self.outcome)
        return self._json

    @property
    def document(self) -> Mapping[str, object] | None:
        """The JSON object of a status document; None for any other body."""
        return object_in(self.json)

    @property
    def is_html(self) -> bool:
        """Whether the body is an HTML page, which no Azure API sends but gateways do."""
        return self.json is BodyProblem.HTML

    @property
    def asks_again(self) -> bool:
        """Whether the answer asks to be polled again: it names a wait or a polling URL (rule 20)."""
        return self.retry_after_s is not None or self.names_urls

    @property
    def result_url(self) -> str | None:
        """The URL of the result, as sent (rule 31)."""
        return self.outcome.headers.get(RESULT_HEADER)

    def named_urls(self, headers: tuple[str, ...]) -> list[str]:
        """Return the URLs in these polling headers, as sent."""
        named = self.outcome.headers
        return [named[header] for header in headers if header in named]


class FailureReading(NamedTuple):
    """A request failure, read: the status code and the `Retry-After` are those of an incomplete answer (rule 25)."""

    outcome: RequestFailure
    at_s: float
    status_code: int | None = None
    retry_after_s: float | None = None
    sets_cookies: bool = False


AnyReading: TypeAlias = Reading | FailureReading


def read(outcome: Answer | RequestFailure) -> AnyReading:
    """Return the reading of an outcome."""
    if isinstance(outcome, Answer):
        return Reading(outcome)
    if (head := outcome.head) is None:
        return FailureReading(outcome, outcome.at_s)
    return FailureReading(outcome, outcome.at_s, head.status_code, retry_after(head), SET_COOKIE in head.headers)
