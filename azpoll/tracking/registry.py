"""The operations of one tracker: those that run, the counts of all, their events, and failures not yet retrieved."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import anyio

from azpoll.eventloop.clock import now_s
from azpoll.events import OperationEnded, OperationTracked, PollAnswered
from azpoll.operation_state import OperationState
from azpoll.protocol.answer import Answer
from azpoll.protocol.arm_error import read_error
from azpoll.protocol.last_error import error_of_poll
from azpoll.protocol.redaction import escape_for_display
from azpoll.protocol.states import Canceled, Failed, Pending
from azpoll.schedule.due_time import end_detection
from azpoll.schedule.operation_kind import resource_kind
from azpoll.tracking.group_owner import label_of
from azpoll.tracking.poll_log import PollLog, wait_s
from azpoll.tracking.record import call_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.eventloop.clock import WallClock
    from azpoll.events import Event
    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.states import State
    from azpoll.tracking.journal_writer import JournalWriter
    from azpoll.tracking.record import OperationRecord

LONGEST_CODE = 64
"""Characters of an error code in an event."""

MAX_LABELS = 1000
"""Labels of groups whose ended operations are counted: a service may make a group for each of its requests."""


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
        """Whether `emit` calls anyone."""
        return bool(self._listeners)

    def emit(self, make_event: Callable[[], Event]) -> None:
        """Make an event and call the listeners, if there are any; see `call_all` for their errors."""
        if self._listeners:
            event = make_event()
            call_all([partial(listener, event) for listener in self._listeners.values()])


class OperationRegistry:
    """Holds the records of one tracker.

    Attributes:
        live: the records of the operations that have not ended, oldest first.
        starting: a scope for each initial request that a task of the tracker sends, rather than one of its callers.
        not_retrieved: failed operations that no caller has seen, where the tracker keeps failures.
        polls: requests so far that were answered or failed.
        counts: ended operations by public state.
        ended_of_groups: the same for each label of a group; None for operations without one.
    """

    def __init__(
        self, events: EventDispatcher, journal: JournalWriter | None, wall_clock: WallClock, *, keep_failures: bool
    ) -> None:
        self._events = events
        self._journal = journal
        self._wall_clock = wall_clock
        self._keep_failures = keep_failures
        self._empty = anyio.Event()
        self._log = PollLog()
        self.live: dict[OperationRecord, None] = {}
        self.starting: set[anyio.CancelScope] = set()
        self.not_retrieved: dict[OperationRecord, None] = {}
        self.polls = 0
        self.counts: Counter[OperationState] = Counter()
        self.ended_of_groups: dict[str | None, Counter[OperationState]] = {}

    def add(self, record: OperationRecord, *, resumed: bool) -> None:
        """Add a new operation; one that has ended is live until `end` is called."""
        self.live[record] = None
        self._events.emit(lambda: _operation_tracked(record, resumed=resumed))

    def on_change(
        self, record: OperationRecord, before: State, outcome: Answer | RequestFailure | None, sent_s: float
    ) -> None:
        """Count a change of a record, as its `on_change`."""
        try:
            if outcome is not None:
                self.polls += 1
                self._log.polled(record, before, outcome.at_s)
                if self._events.has_listeners:
                    self._events.emit(partial(_poll_answered, record, before, outcome, sent_s))
            elif not isinstance(record.state, Pending):
                self._log.expired(record)
        finally:  # a listener may raise KeyboardInterrupt
            if record.ended:
                self.end(record)
            elif self._journal is not None:
                self._journal.enqueue(record)

    async def wait_empty(self) -> None:
        """Wait until every operation has ended, also those that tasks of the tracker begin now."""
        while self.live or self.starting:
            self._empty = anyio.Event()
            await self._empty.wait()

    def started(self, scope: anyio.CancelScope) -> None:
        """Remove a scope of `starting`: its operation is tracked, or its request was refused."""
        self.starting.discard(scope)
        if not self.starting:
            self._empty.set()

    def end(self, record: OperationRecord) -> None:
        """Count an operation that has ended."""
        if record not in self.live:
            return  # a listener stopped the operation while it received the event of its end
        del self.live[record]
        self._log.ended(record)
        state = record.public_state
        self.counts[state] += 1
        self._count_of_group(label_of(record.owner))[state] += 1
        if state is not OperationState.SUCCEEDED:
            self._wall_clock.update()  # a caller may ask for a token after the event loop has ended
            if self._keep_failures and not record.stopped:
                self.not_retrieved[record] = None
        if self._journal is not None and record.stopped:
            self._journal.stopped(record)
        if not self.live:
            self._empty.set()
        self._events.emit(lambda: _operation_ended(record, now_s()))

    def _count_of_group(self, label: str | None) -> Counter[OperationState]:
        """Return the counts of a label; a new one may replace the oldest."""
        counts = self.ended_of_groups.get(label)
        if counts is None:
            if len(self.ended_of_groups) >= MAX_LABELS:
                del self.ended_of_groups[next(iter(self.ended_of_groups))]
            counts = self.ended_of_groups[label] = Counter()
        return counts


def _operation_tracked(record: OperationRecord, *, resumed: bool) -> OperationTracked:
    method, kind = record.plan.method, resource_kind(record.plan.method, record.plan.resource_url)
    return OperationTracked(record.begun_s, record.id, record.label, method, resumed, kind)


def _poll_answered(
    record: OperationRecord, before: State, outcome: Answer | RequestFailure, sent_s: float
) -> PollAnswered:
    state = record.state
    return PollAnswered(
        at_s=outcome.at_s,
        operation_id=record.id,
        label=record.label,
        status_code=outcome.status_code if isinstance(outcome, Answer) else None,
        status=state.progress.status,
        lateness_s=sent_s - record.due_s,
        wait_s=wait_s(state, outcome.at_s) if isinstance(state, Pending) else None,
        duration_s=outcome.at_s - sent_s,
        reason=error_of_poll(before, state),
        detection_s=end_detection(before, state, outcome),
    )


def _operation_ended(record: OperationRecord, at_s: float) -> OperationEnded:
    state = record.state
    code: str | None = None
    if isinstance(state, (Failed, Canceled)):
        record.reported = record.reported or read_error(state.answer)
        code = record.reported.error.code
    return OperationEnded(
        at_s=at_s,
        operation_id=record.id,
        label=record.label,
        state=record.public_state,
        tracked_s=at_s - record.begun_s,
        polls=record.polls,
        code=None if code is None else escape_for_display(code, LONGEST_CODE),
        request_id=state.progress.request_id,
        correlation_id=state.progress.correlation_id,
    )
