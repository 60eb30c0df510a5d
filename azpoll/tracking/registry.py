"""The operations of one tracker: those that run, the counts of all, and the failures that were not retrieved."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import anyio

from azpoll.eventloop.clock import now_s
from azpoll.events import OperationTracked
from azpoll.snapshot import OperationState, public_state
from azpoll.tracking.dispatch import operation_ended, poll_answered

if TYPE_CHECKING:
    from azpoll.eventloop.clock import WallClock
    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.tracking.dispatch import EventDispatcher
    from azpoll.tracking.journal_writer import JournalWriter, NoJournal
    from azpoll.tracking.record import OperationRecord


class OperationRegistry:
    """Holds the records of one tracker.

    Args:
        events: receives an event for each change.
        journal: stores each change.
        wall_clock: read at each failure, since a caller may ask for a token after the event loop has ended.
        keep_failures: whether failed operations are kept until `mark_retrieved`.

    Attributes:
        live: the records of the operations that have not ended, oldest first.
        tracked: operations so far, ended ones included.
        polls: requests so far that were answered or failed.
        counts: ended operations by public state.
    """

    def __init__(
        self,
        events: EventDispatcher,
        journal: JournalWriter | NoJournal,
        wall_clock: WallClock,
        *,
        keep_failures: bool,
    ) -> None:
        self._events = events
        self._journal = journal
        self._wall_clock = wall_clock
        self._keep_failures = keep_failures
        self._not_retrieved: dict[OperationRecord, None] = {}
        self._empty = anyio.Event()
        self.live: dict[OperationRecord, None] = {}
        self.tracked = 0
        self.polls = 0
        self.counts: Counter[OperationState] = Counter()

    def add(self, record: OperationRecord, method: str, *, resumed: bool) -> None:
        """Add a new operation."""
        self.tracked += 1
        self.live[record] = None
        if self._events.has_listeners:
            self._events.emit(OperationTracked(record.begun_s, record.id, record.label, method, resumed))
        if record.ended:
            self._end(record)

    def on_change(self, record: OperationRecord, outcome: Answer | RequestFailure | None, lateness_s: float) -> None:
        """Count a change of a record, as its `on_change`."""
        if outcome is not None:
            self.polls += 1
            if self._events.has_listeners:
                self._events.emit(poll_answered(record, outcome, lateness_s))
        if record.ended:
            self._end(record)
        else:
            self._journal.enqueue_changed(record)

    def mark_retrieved(self, record: OperationRecord) -> None:
        """Forget a failure, since a caller has seen it."""
        self._not_retrieved.pop(record, None)

    def take_failures(self) -> list[OperationRecord]:
        """Return and forget the failed operations that no caller has seen."""
        records, self._not_retrieved = self._not_retrieved, {}
        return list(records)

    async def wait_empty(self) -> None:
        """Wait until every operation has ended."""
        while self.live:
            self._empty = anyio.Event()
            await self._empty.wait()

    def _end(self, record: OperationRecord) -> None:
        if record not in self.live:
            return  # a listener stopped the operation while it received the event of its end
        del self.live[record]
        state = OperationState.UNKNOWN if record.stopped else public_state(record.state)
        self.counts[state] += 1
        if state is not OperationState.SUCCEEDED:
            self._wall_clock.update()
            if self._keep_failures and not record.stopped:
                self._not_retrieved[record] = None
        self._journal.enqueue_ended(record, state)
        if self._events.has_listeners:
            self._events.emit(operation_ended(record, state, now_s()))
        if not self.live:
            self._empty.set()
