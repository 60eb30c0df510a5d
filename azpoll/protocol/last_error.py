"""The last failure to read the status of an operation, which snapshots, events, logs and errors show (rule 55)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.protocol.states import NO_FAILURES, Pending, Unknown, UnknownReason

if TYPE_CHECKING:
    from azpoll.protocol.states import FailureCounts, State


def counts_of(state: State) -> FailureCounts:
    """Return the failed polls since the last readable answer; none after an end that the service reported."""
    if isinstance(state, Pending):
        return state.failure_counts
    return state.last.failure_counts if isinstance(state, Unknown) and state.last is not None else NO_FAILURES


def last_error(state: State) -> str | None:
    """Return the reason of the last failed poll in a few words; None if the last answer could be used.

    An answer may be readable and still end the tracking, such as one that names a refused URL.
    """
    reason = counts_of(state).reason
    if isinstance(state, Unknown):
        if state.reason is UnknownReason.UNTRUSTED:
            return state.detail
        if not reason and state.reason is not UnknownReason.TIMED_OUT:
            return state.detail
    return reason or None


def error_of_poll(before: State, after: State) -> str | None:
    """Return the reason why the poll between two states failed; None if its answer could be used.

    A redirect is no failure: it keeps the counts of the polls before it.
    """
    if isinstance(after, Unknown) and after.reason is not UnknownReason.TIMED_OUT:
        return last_error(after)
    return None if counts_of(before) is counts_of(after) else last_error(after)
