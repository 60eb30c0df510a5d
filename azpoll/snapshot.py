"""Frozen values: an operation at one moment, the counts of a tracker, and an overview of what runs."""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

from datetime import datetime
from typing import NamedTuple

from azpoll.operation_state import OperationState
from azpoll.schedule.scope_queue import ScopeStatistics


class Snapshot(NamedTuple):
    """An operation at one moment (rule 41).

    Attributes:
        status: the status word last read, in the service's spelling; any word is possible.
        percent_complete: `percentComplete` as sent, of unknown scale.
        percent: 0..100, only where the scale is certain.
        start_time: as sent, like `end_time`; not always RFC 3339.
        polls: requests sent so far, the final GET included.
        last_poll: aware UTC; None before the first answer.
        next_poll: aware UTC; None when none is planned.
        request_id: `x-ms-request-id` of the last answer.
        correlation_id: `x-ms-correlation-request-id` of the last answer.
        initial_correlation_id: `x-ms-correlation-request-id` of the initial answer; None for a resumed operation.
        failures: failed polls in a row; 0 after an answer that could be used.
        last_error: why the last of them failed, in a few words such as "connection refused" or "HTTP 503"; None after
            an answer that could be used.
        started_at: when tracking began, in aware UTC: the time of the initial answer, or of the resumption.
        ended_at: when the operation was known to have ended, or tracking was stopped, in aware UTC; None before.
        elapsed_s: seconds from `started_at` until now, or until `ended_at`.
    """

    id: str
    label: str | None
    state: OperationState
    status: str | None
    percent_complete: float | None
    percent: float | None
    start_time: str | None
    end_time: str | None
    polls: int
    last_poll: datetime | None
    next_poll: datetime | None
    request_id: str | None
    correlation_id: str | None
    initial_correlation_id: str | None
    failures: int
    last_error: str | None
    started_at: datetime
    ended_at: datetime | None
    elapsed_s: float


class Statistics(NamedTuple):
    """The counts of a tracker so far.

    Attributes:
        starting: initial requests that are queued.
        tracked: operations, ended ones included.
        running: operations that have not ended.
        waiting: operations that wait for their next request.
        in_flight: polls under way.
        polls: requests answered or failed, final GETs included.
        failed: operations that the service reported as failed.
        unknown: operations whose status could not be read, or that were no longer tracked.
        scopes: the read limits of the operations, and the reads in each.
    """

    starting: int
    tracked: int
    running: int
    waiting: int
    in_flight: int
    polls: int
    succeeded: int
    failed: int
    canceled: int
    unknown: int
    scopes: tuple[ScopeStatistics, ...]


class GroupCounts(NamedTuple):
    """The operations of a tracker whose groups have one label. Other fields are as in `Overview`.

    Attributes:
        label: of the groups; None for the operations without one.
        running: operations that have not ended.
        oldest_s: seconds since tracking of the oldest running operation began; None when none runs.
    """

    label: str | None
    running: int
    failing: int
    late: int
    succeeded: int
    failed: int
    canceled: int
    unknown: int
    oldest_s: float | None


class RunningOperation(NamedTuple):
    """An operation that has not ended. Other fields are as in `Snapshot`.

    Attributes:
        group: label of its group; None for none.
        target: URL of the resource, without the values of its query.
        late_s: seconds since its next request came due; 0 before that, and while a request is under way.
    """

    id: str
    label: str | None
    group: str | None
    target: str
    state: OperationState
    status: str | None
    percent: float | None
    polls: int
    failures: int
    last_error: str | None
    next_poll: datetime | None
    late_s: float
    elapsed_s: float


class Overview(NamedTuple):
    """The running operations of a tracker at one moment.

    Attributes:
        running: operations that have not ended.
        failing: running operations whose last poll failed.
        late: running operations whose next request has been due for more than 1 s, and waits for a read or for a
            connection.
        groups: counts by label of the group. Ended operations are counted for the newest 1,000 labels.
        operations: the running operations that need attention first: failing ones, then late ones, then the oldest.
    """

    running: int
    failing: int
    late: int
    groups: tuple[GroupCounts, ...]
    operations: tuple[RunningOperation, ...]
