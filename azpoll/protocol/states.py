"""The states of a long-running operation: frozen values, made by `machine` alone.

A pending state names the next request. A terminal state is the end of the operation, as far as azpoll knows it.

    Polling ──► Fetching ──► Succeeded        Confirming: one GET of the resource shows whether a DELETE is done.
       │  ▲                  Failed           Unknown: the status can no longer be read, and the operation may
       ▼  │                  Canceled         still run.
    Confirming               Unknown

The states are named tuples, which `==` cannot distinguish: use `match` or `isinstance`.
"""

from enum import Enum
from typing import NamedTuple, TypeAlias

from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.delay import Delay
from azpoll.protocol.patterns import Pattern
from azpoll.protocol.plan import Plan
from azpoll.protocol.status_document import NO_PROGRESS, Progress
from azpoll.protocol.stored_url import KeptURL
from azpoll.protocol.url_policy import RejectedURL


class FailureCounts(NamedTuple):
    """The polls that failed since the last readable answer, by kind.

    Attributes:
        failures: transient failures in a row since the monotonic `failing_since_s` (rule 25).
        misses: 403, 404 and 410 in a row since the monotonic `missing_since_s` (rule 27).
        unauthorized: 401s since the last readable answer (rule 26).
        auth_errors: errors that the client's auth raised in a row since the monotonic `auth_failing_since_s` (rule 26).
        in_a_row: failed polls of all kinds in a row.
        reason: the last of them in a few words, such as "HTTP 503" (rule 55).
    """

    failures: int = 0
    failing_since_s: float = 0.0
    misses: int = 0
    missing_since_s: float = 0.0
    unauthorized: int = 0
    auth_errors: int = 0
    auth_failing_since_s: float = 0.0
    in_a_row: int = 0
    reason: str = ""


class NextRequest(NamedTuple):
    """A GET of a URL that `URLPolicy.resolve` checked, not before `delay` has passed since the last answer.

    Attributes:
        kept_url: its URL, as `stored_url.stored` returns it.
        redirects: the number that were followed for it (rule 11).
        left_origin: whether one of them led to another origin, so that the credentials stay behind (rule 9).
    """

    kept_url: KeptURL
    delay: Delay
    redirects: int = 0
    left_origin: bool = False

    @property
    def url(self) -> str:
        """The URL."""
        return str(self.kept_url)

    def __repr__(self) -> str:  # without the URL, whose query may be secret (rule 45)
        return f"NextRequest(delay={self.delay}, redirects={self.redirects})"


class WithheldRequest(NamedTuple):
    """A `NextRequest` that is not sent, because the deadline comes before it (rule 38).

    Only such a request keeps the last `outcome`, for the error at the deadline: no other waiting operation stores one.
    """

    kept_url: KeptURL
    delay: Delay
    redirects: int
    outcome: Answer | RequestFailure
    left_origin: bool = False

    @property
    def url(self) -> str:
        """The URL."""
        return str(self.kept_url)

    def __repr__(self) -> str:  # without the URL, whose query may be secret (rule 45)
        return f"WithheldRequest(delay={self.delay}, redirects={self.redirects}, outcome={self.outcome})"


NO_FAILURES = FailureCounts()


class Polling(NamedTuple):
    """The operation runs, as far as azpoll knows.

    Attributes:
        kept_url: the polling URL, the same object as in `next_request` unless a redirect is followed.
        location: the latest `Location` beside a status monitor, checked; `str` of it is used by the final GET alone.
        fallback: the polling URL that last worked, until a newer one has answered (rule 18).
        stale: a newer polling URL that answered 404 at its first use, not to be followed again.
        step: polls so far without a `Retry-After`; see `delay.next_step`.
    """

    plan: Plan
    pattern: Pattern
    kept_url: KeptURL
    next_request: NextRequest | WithheldRequest
    location: KeptURL | RejectedURL | None = None
    fallback: str | None = None
    stale: str | None = None
    step: int = 0
    failure_counts: FailureCounts = NO_FAILURES
    progress: Progress = NO_PROGRESS

    @property
    def url(self) -> str:
        """The polling URL."""
        return str(self.kept_url)

    def __repr__(self) -> str:  # without URLs, whose queries may be secret (rule 45)
        return f"<Polling by {self.pattern.name}, {self.next_request}, {self.failure_counts}, {self.progress}>"


class Confirming(NamedTuple):
    """The next GET shows whether the resource of a DELETE is gone.

    Its status is missing (rule 28), or status and resource are polled in turns (rule 6).
    """

    polling: Polling
    next_request: NextRequest | WithheldRequest
    failure_counts: FailureCounts = NO_FAILURES

    @property
    def plan(self) -> Plan:
        """The plan of the operation."""
        return self.polling.plan

    @property
    def kept_url(self) -> str:
        """The resource URL."""
        return self.polling.plan.resource_url

    @property
    def url(self) -> str:
        """The resource URL."""
        return self.polling.plan.resource_url

    @property
    def progress(self) -> Progress:
        """The last progress that was reported."""
        return self.polling.progress


class Fetching(NamedTuple):
    """The operation succeeded; the next request reads its result.

    Attributes:
        kept_url: of the final GET, the same object as in `next_request` unless a redirect is followed.
        step: polls of a result that is not there yet (202) without a `Retry-After`.
    """

    plan: Plan
    kept_url: KeptURL
    next_request: NextRequest | WithheldRequest
    step: int = 0
    failure_counts: FailureCounts = NO_FAILURES
    progress: Progress = NO_PROGRESS

    @property
    def url(self) -> str:
        """The URL of the final GET."""
        return str(self.kept_url)

    def __repr__(self) -> str:  # without the URL, whose query may be secret (rule 45)
        return f"<Fetching, {self.next_request}, {self.failure_counts}, {self.progress}>"


class Succeeded(NamedTuple):
    """The operation succeeded; `answer` is its result."""

    answer: Answer
    progress: Progress = NO_PROGRESS


class Failed(NamedTuple):
    """The service reported that the operation failed; `answer` has the reason."""

    answer: Answer
    last: Polling
    progress: Progress = NO_PROGRESS


class Canceled(NamedTuple):
    """The service reported that the operation was canceled; `answer` may have partial results."""

    answer: Answer
    last: Polling
    progress: Progress = NO_PROGRESS


class UnknownReason(Enum):
    """Why the status can no longer be read; the public API has one exception for each."""

    NOT_STARTED = "the initial request was refused"
    UNTRUSTED = "a URL may not be asked"
    EXHAUSTED = "too many polls in a row failed"
    UNREACHABLE = "the request cannot be sent"
    MALFORMED = "an answer makes no sense"
    UNAUTHENTICATED = "the credential was refused"
    FORBIDDEN = "reading the status is not permitted"
    NOT_FOUND = "the status is not where it should be"
    REFUSED = "the request for the status was refused"
    TOO_LARGE = "an answer is longer than allowed"
    UNATTRIBUTED = "the resource does not show whether the request was executed"
    TIMED_OUT = "the deadline passed"


class Unknown(NamedTuple):
    """The status can no longer be read; the operation may still run, or have ended.

    Attributes:
        detail: for people, one sentence without URLs.
        advice: one clause for people that says what to do before tracking resumes; empty where the reason says it.
        last: the state from which tracking can resume; None if there is no URL to ask.
        outcome: of the last request, if it is the reason.
    """

    reason: UnknownReason
    detail: str
    last: "Pending | None"
    outcome: Answer | RequestFailure | None = None
    advice: str = ""

    @property
    def answer(self) -> Answer | None:
        """The last answer, if it is the reason."""
        return self.outcome if isinstance(self.outcome, Answer) else None

    @property
    def progress(self) -> Progress:
        """The last progress that was reported."""
        return NO_PROGRESS if self.last is None else self.last.progress


def is_anonymous(state: "Pending") -> bool:
    """Whether the next request goes without the client's credentials (rule 9)."""
    request, policy = state.next_request, state.plan.url_policy
    return request.left_origin or (bool(policy.anonymous) and policy.is_anonymous(request.url))


Pending: TypeAlias = Polling | Confirming | Fetching
Terminal: TypeAlias = Succeeded | Failed | Canceled | Unknown
State: TypeAlias = Pending | Terminal
