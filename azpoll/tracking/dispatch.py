"""Event listeners of a tracker, and the events that are made of records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.events import OperationEnded, PollAnswered
from azpoll.protocol.answer import Answer
from azpoll.protocol.states import Pending
from azpoll.tracking.record import call_safely

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.events import Event
    from azpoll.protocol.answer import RequestFailure
    from azpoll.snapshot import OperationState
    from azpoll.tracking.record import OperationRecord


class EventDispatcher:
    """Calls each listener for each event."""

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[[Event], object]] = {}

    def subscribe(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Call a listener for each event from now on; returns a function that ends the subscription."""
        subscription = object()
        self._listeners[subscription] = listener

        def unsubscribe() -> None:
            self._listeners.pop(subscription, None)

        return unsubscribe

    @property
    def has_listeners(self) -> bool:
        """Whether an event would reach a listener; if not, it need not be made."""
        return bool(self._listeners)

    def emit(self, event: Event) -> None:
        """Call the listeners; an error in one is logged."""
        for listener in tuple(self._listeners.values()):
            call_safely(lambda: listener(event))  # noqa: B023 - called immediately


def poll_answered(record: OperationRecord, outcome: Answer | RequestFailure, lateness_s: float) -> PollAnswered:
    """Return the event of one request and its outcome."""
    state = record.state
    return PollAnswered(
        at_s=outcome.at_s,
        operation_id=record.id,
        label=record.label,
        status_code=outcome.status_code if isinstance(outcome, Answer) else None,
        status=state.progress.status,
        lateness_s=lateness_s,
        wait_s=state.next_request.delay.seconds if isinstance(state, Pending) else None,
    )


def operation_ended(record: OperationRecord, state: OperationState, at_s: float) -> OperationEnded:
    """Return the event of an operation that ended at `at_s`."""
    return OperationEnded(at_s, record.id, record.label, state, at_s - record.begun_s, record.polls)
