"""Frozen values: an operation at one moment, and the counts of a tracker."""

# Without `from __future__ import annotations`: a NamedTuple would compile each of its own when it is imported.

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from azpoll.protocol.states import Canceled, Confirming, Failed, Fetching, Polling, State, Succeeded, Unknown
from azpoll.schedule.scopes import ScopeStatistics


class OperationState(StrEnum):
    """Where an operation is."""

    RUNNING = "running"
    FETCHING = "fetching"
    """It succeeded; its result is being read."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"
    """Its status cannot be read any more, or tracking was stopped: it may still run."""


_STATES: dict[type[State], OperationState] = {
    Polling: OperationState.RUNNING,
    Confirming: OperationState.RUNNING,
    Fetching: OperationState.FETCHING,
    Succeeded: OperationState.SUCCEEDED,
    Failed: OperationState.FAILED,
    Canceled: OperationState.CANCELED,
    Unknown: OperationState.UNKNOWN,
}


def public_state(state: State) -> OperationState:
    """Return the public name of a protocol state."""
    return _STATES[type(state)]


class Snapshot(NamedTuple):
    """An operation at one moment (rule 41).

    Attributes:
        id: `AsyncOperation.id`.
        label: `AsyncOperation.label`.
        state: where the operation is.
        status: the status word last read, in the service's spelling; services invent words.
        percent_complete: `percentComplete` as sent, of unknown scale.
        percent: 0..100, only where the scale is certain.
        start_time: as sent; not always RFC 3339.
        end_time: as sent.
        polls: requests sent so far, the final GET included.
        last_poll: aware UTC; None before the first answer.
        next_poll: aware UTC; None when none is planned.
        request_id: `x-ms-request-id` of the last answer.
        correlation_id: `x-ms-correlation-request-id` of the last answer.
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


class Statistics(NamedTuple):
    """What a tracker has done so far.

    Attributes:
        starting: initial requests that wait for their turn.
        tracked: operations, ended ones included.
        running: operations that have not ended.
        waiting: operations that wait for their next request.
        in_flight: requests under way.
        polls: requests answered or failed, final GETs included.
        succeeded: operations that succeeded.
        failed: operations that the service said failed.
        canceled: operations that were canceled.
        unknown: operations whose status could not be read, or that were no longer tracked.
        scopes: the read limits they fell under, and what was read in each.
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
