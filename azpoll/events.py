"""Frozen events of operations: one stream for progress, logs and metrics.

`operation_id` and `label` are those of the `AsyncOperation`. No event holds a URL, a body, or a header other than the
ids of a request, so every event may be logged.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

from typing import NamedTuple, TypeAlias

from azpoll.operation_state import OperationState


class OperationTracked(NamedTuple):
    """Tracking of an operation began.

    Attributes:
        at_s: monotonic time, like every `at_s`.
        method: of the initial request.
        resumed: whether it came from a resume token.
        kind: method, provider namespace, resource types and action in lower case, without any name of a resource:
            "PUT microsoft.sql/servers/databases". A service outside of ARM is named by the end of its host alone.
    """

    at_s: float
    operation_id: str
    label: str | None
    method: str
    resumed: bool
    kind: str = ""


class PollAnswered(NamedTuple):
    """A poll, confirmation or final GET was answered or failed (rule 55).

    Attributes:
        status_code: HTTP status code; None if the request failed.
        status: the status word last read.
        reason: why the answer could not be used, in a few words such as "connection refused" or "HTTP 503"; None if
            it could.
        lateness_s: seconds between the due time and the sending of the request.
        duration_s: seconds from the sending of the request to its answer or failure.
        wait_s: seconds until the next request, or until the deadline if that comes first; None after the end.
        detection_s: seconds between the end time that the status monitor reports and this answer, 0 or more, by the
            service's clock. None if this answer did not end the operation, or has no readable end time.
    """

    at_s: float
    operation_id: str
    label: str | None
    status_code: int | None
    status: str | None
    lateness_s: float
    wait_s: float | None
    duration_s: float
    reason: str | None
    detection_s: float | None = None


class OperationEnded(NamedTuple):
    """Tracking of an operation ended.

    Attributes:
        state: terminal.
        tracked_s: seconds since `OperationTracked`.
        polls: requests sent for it.
        code: the service's error code after a failure or a cancellation, such as "Conflict": one line of at most 64
            characters; None where there is none.
        request_id: `x-ms-request-id` of the last answer.
        correlation_id: `x-ms-correlation-request-id` of the last answer.
    """

    at_s: float
    operation_id: str
    label: str | None
    state: OperationState
    tracked_s: float
    polls: int
    code: str | None = None
    request_id: str | None = None
    correlation_id: str | None = None


class ScopeThrottled(NamedTuple):
    """A limit of the service was hit: a 429 to a poll or to an initial request.

    Attributes:
        scope: origin, subscription and principal, as in `ScopeStatistics.scope`.
        reach: the part of the service that is throttled, in words.
        retry_after_s: as the service sent it; None if it sent none.
        rate: requests of the answered kind per second from now on, in the scope: reads, writes or deletes; None without
            a budget.
    """

    at_s: float
    scope: str
    reach: str
    retry_after_s: float | None
    rate: float | None


class JournalFailed(NamedTuple):
    """The journal could not store or read rows. Tracking goes on in memory, and the tracker tries again.

    Until the next success, ends are reported before they are stored.

    Attributes:
        operation_id: of the only operation whose row cannot be used; None if the journal as a whole fails.
        reason: in words, or the name of the exception of a journal of the caller's.
    """

    at_s: float
    operation_id: str | None
    reason: str


class InitialRequestUnknown(NamedTuple):
    """`Tracker.recover` found an initial request without an answer: the service may have executed it (rule 53).

    Attributes:
        method: of the request.
        polled: whether its resource is polled from now on: after a PUT, PATCH or DELETE. If not, the journal has a
            result with the state unknown.
    """

    at_s: float
    operation_id: str
    label: str | None
    method: str
    polled: bool


Event: TypeAlias = (
    OperationTracked | PollAnswered | OperationEnded | ScopeThrottled | JournalFailed | InitialRequestUnknown
)
