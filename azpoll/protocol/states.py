"""The states of a long-running operation: frozen values, made by `machine` alone.

Pending states say what to ask next; terminal states say how it ended.

    Polling ──► Fetching ──► Succeeded        Confirming: a DELETE whose status is gone; one GET of the
       │  ▲                  Failed           resource decides.
       ▼  │                  Canceled         Lost: the status cannot be read any more; the operation may
    Confirming               Lost             still run.

They are named tuples, so what tells one from another is its class, by `match` or `isinstance`, and never `==`.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile each of its own when it is imported.

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.delay import Delay, DelayLimits
from azpoll.protocol.url_policy import RejectedURL, URLPolicy

if TYPE_CHECKING:
    from azpoll.protocol.patterns import Pattern


class Verdict(Enum):
    """What an answer says of the operation."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    UNREADABLE = "unreadable"


class FinalStateVia(StrEnum):
    """Where the final result is read (`x-ms-long-running-operation-options`); rule 30."""

    AZURE_ASYNC_OPERATION = "azure-async-operation"
    OPERATION_LOCATION = "operation-location"
    LOCATION = "location"
    ORIGINAL_URI = "original-uri"


NO_WORDS: Mapping[str, Verdict] = {}
DEFAULT_LIMITS = DelayLimits()


class Plan(NamedTuple):
    """What never changes while an operation is tracked.

    Attributes:
        method: of the initial request, upper case.
        resource_url: the URL of the initial request.
        url_policy: where requests may go.
        final_state_via: None lets the method decide (rule 31).
        result: "status" asks for no final GET (rule 33).
        terminal_words: lower-case status words that end the operation here besides Azure's own (rule 16).
        delay_limits: how fast to poll where the server does not say.
        deadline_s: monotonic time of the overall deadline (rule 38).
        client_request_id: `x-ms-client-request-id` of the initial request, repeated on each poll (rule 45).
    """

    method: str
    resource_url: str
    url_policy: URLPolicy
    final_state_via: FinalStateVia | None = None
    result: Literal["final", "status"] = "final"
    terminal_words: Mapping[str, Verdict] = NO_WORDS
    delay_limits: DelayLimits = DEFAULT_LIMITS
    deadline_s: float | None = None
    client_request_id: str | None = None

    def __repr__(self) -> str:
        """Say nothing of the URL: its query may be secret (rule 45)."""
        return f"<Plan of a {self.method}>"


class FailureCounts(NamedTuple):
    """How long polls have gone wrong, by kind; any readable answer ends it.

    Attributes:
        failures: transient failures in a row (rule 25).
        failing_since_s: monotonic time of the first of them.
        misses: 403, 404 and 410 in a row (rule 27).
        missing_since_s: monotonic time of the first of them.
        unauthorized: 401 in a row (rule 26).
    """

    failures: int = 0
    failing_since_s: float = 0.0
    misses: int = 0
    missing_since_s: float = 0.0
    unauthorized: int = 0


class NextRequest(NamedTuple):
    """The next request: GET `url`, not before `wait` has passed since the last answer.

    Attributes:
        url: checked by `URLPolicy.target`.
        delay: measured from the last answer.
        redirects: redirects already followed for this request (rule 11).
        instead: what the operation becomes after `wait`, with nothing sent: the deadline comes before the request
            may be (rule 38).
    """

    url: str
    delay: Delay
    redirects: int = 0
    instead: "Unknown | None" = None

    def __repr__(self) -> str:
        """Say nothing of the URL: its query may be secret (rule 45)."""
        return f"NextRequest(delay={self.delay}, hops={self.redirects}, instead={self.instead})"


class Progress(NamedTuple):
    """What the service last told of its progress, as it was sent (rule 41).

    Attributes:
        status: the status word in the service's spelling; None before the first readable one.
        percent_complete: `percentComplete` as sent, of unknown scale (Machine Learning sends 0..1).
        percent: 0..100, only where the scale is certain.
        start_time: `startTime` as sent; not always RFC 3339.
        end_time: `endTime` as sent.
        request_id: `x-ms-request-id` of the last answer.
        correlation_id: `x-ms-correlation-request-id` of the last answer.
    """

    status: str | None = None
    percent_complete: float | None = None
    percent: float | None = None
    start_time: str | None = None
    end_time: str | None = None
    request_id: str | None = None
    correlation_id: str | None = None


NO_FAILURES = FailureCounts()
NO_PROGRESS = Progress()


class Polling(NamedTuple):
    """The operation runs, as far as is known.

    Attributes:
        pattern: how answers are read.
        url: the polling URL; `ask.url` differs from it only while a redirect is followed.
        location: the latest `Location` beside a status monitor, checked; used by the final GET alone.
        fallback: the polling URL that last worked, while a newer one is untried (rule 18).
        stale: a refreshed polling URL that answered 404 at its first use, not to be followed again.
        step: polls so far for which the server named no delay.
    """

    plan: Plan
    pattern: "Pattern"
    url: str
    next_request: NextRequest
    location: str | RejectedURL | None = None
    fallback: str | None = None
    stale: str | None = None
    step: int = 0
    failure_counts: FailureCounts = NO_FAILURES
    progress: Progress = NO_PROGRESS

    def __repr__(self) -> str:
        """Say nothing of the URLs: their queries may be secret (rule 45)."""
        return f"<Polling by {self.pattern.name}, {self.next_request}, {self.failure_counts}, {self.progress}>"


class Confirming(NamedTuple):
    """A DELETE's status URL is gone; one GET of the resource tells whether the resource is (rule 28)."""

    polling: Polling
    next_request: NextRequest
    failure_counts: FailureCounts = NO_FAILURES

    @property
    def plan(self) -> Plan:
        """The plan of the operation."""
        return self.polling.plan

    @property
    def url(self) -> str:
        """The resource URL."""
        return self.polling.plan.resource_url

    @property
    def progress(self) -> Progress:
        """What was last told."""
        return self.polling.progress


class Fetching(NamedTuple):
    """The operation succeeded; its result is still to be read.

    Attributes:
        url: of the final GET; `ask.url` differs from it only while a redirect is followed.
        step: as `Polling.step`, for a result that is not there yet (202).
    """

    plan: Plan
    url: str
    next_request: NextRequest
    step: int = 0
    failure_counts: FailureCounts = NO_FAILURES
    progress: Progress = NO_PROGRESS

    def __repr__(self) -> str:
        """Say nothing of the URL: its query may be secret (rule 45)."""
        return f"<Fetching, {self.next_request}, {self.failure_counts}, {self.progress}>"


class Succeeded(NamedTuple):
    """The operation succeeded; `answer` is its result."""

    answer: Answer
    progress: Progress = NO_PROGRESS


class Failed(NamedTuple):
    """The service said that the operation failed; `answer` says why."""

    answer: Answer
    last: Polling
    progress: Progress = NO_PROGRESS


class Canceled(NamedTuple):
    """The service said that the operation was canceled; `answer` may hold partial results."""

    answer: Answer
    last: Polling
    progress: Progress = NO_PROGRESS


class UnknownReason(Enum):
    """Why the status cannot be read any more; the face has one exception for each."""

    NOT_STARTED = "the initial request was refused"
    UNTRUSTED = "a URL may not be asked"
    EXHAUSTED = "too many polls in a row failed"
    UNREACHABLE = "the request cannot be sent"
    MALFORMED = "an answer makes no sense"
    UNAUTHENTICATED = "the credential was refused"
    FORBIDDEN = "reading the status is not permitted"
    NOT_FOUND = "the status is not where it should be"
    REFUSED = "the request for the status was refused"
    TIMED_OUT = "the deadline passed"


class Unknown(NamedTuple):
    """The status cannot be read; the operation may still run, or have ended.

    Attributes:
        reason: for programs.
        detail: for people, one sentence without URLs.
        last: where tracking can be taken up again; None when nothing was ever there to ask.
        outcome: what came back last, if it is the reason.
    """

    reason: UnknownReason
    detail: str
    last: "Pending | None"
    outcome: Answer | RequestFailure | None = None

    @property
    def progress(self) -> Progress:
        """What was last told."""
        return NO_PROGRESS if self.last is None else self.last.progress


Pending: TypeAlias = Polling | Confirming | Fetching
Terminal: TypeAlias = Succeeded | Failed | Canceled | Unknown
State: TypeAlias = Pending | Terminal
