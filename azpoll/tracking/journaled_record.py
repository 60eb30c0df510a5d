"""The record of an operation in a tracker with a journal: its end counts only when the journal has stored it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.operation_state import OperationState
from azpoll.protocol.answer import Answer
from azpoll.protocol.states import Fetching, Pending, Unknown
from azpoll.tracking.record import PUBLIC_STATES, OperationRecord

if TYPE_CHECKING:
    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.states import State

_TOO_MANY_REQUESTS = 429


class JournaledRecord(OperationRecord):
    """An operation that has not `ended` for its awaiters before its end is stored.

    Attributes:
        stored: whether the journal has stored the end, or has failed to.
        earlier_polls: polls that the processes before this one sent; None if the journal does not know.
        throttled: polls that were answered with 429, in all processes; None likewise.
    """

    # Without slots: most records set none of these.
    stored = False
    earlier_polls: int | None = 0
    throttled: int | None = 0

    @property
    def all_polls(self) -> int | None:
        """The polls of all processes; None if the journal does not know those of earlier ones."""
        return None if self.earlier_polls is None else self.earlier_polls + self.polls

    def publish(self, state: State, outcome: Answer | RequestFailure | None, sent_s: float) -> None:
        """Adopt a new state, and count a 429."""
        if isinstance(outcome, Answer) and outcome.status_code == _TOO_MANY_REQUESTS and self.throttled is not None:
            self.throttled += 1
        super().publish(state, outcome, sent_s)

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
