"""What happens to operations, as frozen events: one stream feeds progress, logs and metrics.

No event holds a URL, a header or a body, so each may be logged as it is.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile each of its own when it is imported.

from typing import NamedTuple, TypeAlias

from azpoll.snapshot import OperationState


class OperationTracked(NamedTuple):
    """An operation is tracked from now on.

    Attributes:
        at_s: monotonic time, as all `at_s`.
        operation_id: `AsyncOperation.id`.
        label: `AsyncOperation.label`.
        method: of the initial request.
        resumed: whether it came from a resume token.
    """

    at_s: float
    operation_id: str
    label: str | None
    method: str
    resumed: bool


class PollAnswered(NamedTuple):
    """One poll, confirmation or final GET came back, with or without an answer.

    Attributes:
        status_code: of HTTP; None when nothing readable came.
        status: the status word last read.
        lateness_s: how long after its due time the request was sent.
        wait_s: until the next request; None when there is none.
    """

    at_s: float
    operation_id: str
    label: str | None
    status_code: int | None
    status: str | None
    lateness_s: float
    wait_s: float | None


class OperationEnded(NamedTuple):
    """An operation is tracked no longer.

    Attributes:
        state: terminal.
        tracked_s: from `OperationTracked` to now.
        polls: requests sent for it.
    """

    at_s: float
    operation_id: str
    label: str | None
    state: OperationState
    tracked_s: float
    polls: int


class ScopeThrottled(NamedTuple):
    """A read limit was hit: a 429.

    Attributes:
        scope: origin, subscription and principal, as in `ScopeStatistics.scope`.
        reach: whom it concerns, in words.
        retry_after_s: as the service said; None when it did not.
        rate: reads per second of the scope from now on; None without a budget.
    """

    at_s: float
    scope: str
    reach: str
    retry_after_s: float | None
    rate: float | None


Event: TypeAlias = OperationTracked | PollAnswered | OperationEnded | ScopeThrottled
