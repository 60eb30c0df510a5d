"""The outcome of a request, read once: everything that the machine looks at.

Only this module and the readers that it imports touch the headers and the body of an `Answer`. Each reader declares
its headers in `HEADERS`, and `kept_headers` joins them. States keep the `Answer` itself and no parsed document, so
that a waiting operation stays small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.arm_error import request_ids
from azpoll.protocol.json_body import BodyProblem, is_mostly_brackets, object_in, read_json
from azpoll.protocol.retry_after import retry_after
from azpoll.protocol.status_class import status_class

if TYPE_CHECKING:
    from collections.abc import Mapping

MONITOR_HEADERS = ("azure-asyncoperation", "operation-location")
LOCATION_HEADER = "location"
HEADERS = (*MONITOR_HEADERS, LOCATION_HEADER)
"""The headers that this module reads: the polling headers, in the order of their precedence (rule 2)."""


_UNREAD = object()


class Reading:
    """An answer, read. The body is parsed at first use, since not every state needs it.

    Attributes:
        outcome: the answer itself, which states keep.
        status_code: 100..599.
        status_class: the meaning of the status code.
        retry_after_s: seconds that the answer asks to wait, not clamped; None if it names none.
    """

    __slots__ = ("_json", "outcome", "retry_after_s", "status_class", "status_code")

    def __init__(self, answer: Answer) -> None:
        self.outcome = answer
        self.status_code = status_code = answer.status_code
        self.status_class = status_class(status_code)
        self.retry_after_s = retry_after(answer)
        self._json: object = _UNREAD

    @property
    def at_s(self) -> float:
        """Monotonic seconds of the answer."""
        return self.outcome.at_s

    @property
    def url(self) -> str:
        """The URL of the request, against which URLs in the answer resolve (rule 8)."""
        return self.outcome.url

    @property
    def json(self) -> object | BodyProblem:
        """The JSON value of a result, or the reason why the body has none."""
        if self._json is _UNREAD:
            self._json = read_json(self.outcome)
        return self._json

    @property
    def status_json(self) -> object | BodyProblem:
        """The JSON value of a status document; `BROKEN` if it is large and mostly brackets (threat T10)."""
        return BodyProblem.BROKEN if is_mostly_brackets(self.outcome.body) else self.json

    @property
    def document(self) -> Mapping[str, object] | None:
        """The JSON object of a status document; None for any other body."""
        return object_in(self.status_json)

    @property
    def location(self) -> str | None:
        """The `Location` as sent."""
        return self.outcome.headers.get(LOCATION_HEADER)

    @property
    def request_ids(self) -> tuple[str | None, str | None]:
        """Request id and correlation id of the service."""
        return request_ids(self.outcome)

    def named_url(self, headers: tuple[str, ...]) -> str | None:
        """Return the URL in the first of these polling headers that is present, as sent."""
        named = self.outcome.headers
        for header in headers:
            if header in named:
                return named[header]
        return None


class FailureReading(NamedTuple):
    """A request failure, read; the head of an incomplete answer counts (rule 25).

    Attributes:
        outcome: the failure itself.
        at_s: monotonic seconds of the failure.
        status_code: of the head; None without one.
        retry_after_s: seconds that the head asks to wait, not clamped; None if it names none.
    """

    outcome: RequestFailure
    at_s: float
    status_code: int | None
    retry_after_s: float | None


AnyReading: TypeAlias = Reading | FailureReading


def read(outcome: Answer | RequestFailure) -> AnyReading:
    """Return the reading of an outcome."""
    if isinstance(outcome, Answer):
        return Reading(outcome)
    head = outcome.head
    if head is None:
        return FailureReading(outcome, outcome.at_s, None, None)
    return FailureReading(outcome, outcome.at_s, head.status_code, retry_after(head))
