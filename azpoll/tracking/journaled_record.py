"""The record of an operation in a tracker with a journal: its end counts only when the journal has stored it."""

from __future__ import annotations

from dataclasses import dataclass

from azpoll.protocol.states import Fetching, Pending, Unknown
from azpoll.snapshot import OperationState
from azpoll.tracking.record import PUBLIC_STATES, OperationRecord


@dataclass(slots=True, eq=False, repr=False)
class JournaledRecord(OperationRecord):
    """An operation that has not `ended` for its awaiters before its end is stored.

    Attributes:
        stored: whether the journal has stored the end, or has failed to.
    """

    stored: bool = False

    @property
    def ended(self) -> bool:
        """Whether the end is stored, or tracking was stopped and no request is in flight."""
        return self.released_s is not None if isinstance(self.state, Pending) else self.stored

    @property
    def public_state(self) -> OperationState:
        """The state that callers see: an end that is not stored is none."""
        state = self.state
        if self.ended:
            return OperationState.UNKNOWN if isinstance(state, Pending) else PUBLIC_STATES[type(state)]
        is_fetching = isinstance(state.last if isinstance(state, Unknown) else state, Fetching)
        return OperationState.FETCHING if is_fetching else OperationState.RUNNING
