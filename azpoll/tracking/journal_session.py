"""The journal of a running tracker: its writer, the requests of other processes, recovery."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpoll.tracking.journal import RequestQueue
from azpoll.tracking.journal_requests import RequestCarrier
from azpoll.tracking.journal_rows import never_answered, options_of
from azpoll.tracking.journal_writer import JournalWriter
from azpoll.tracking.journaled_record import JournaledRecord
from azpoll.tracking.recovery import recover, report_unanswered

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from anyio.abc import TaskGroup

    from azpoll.events import Event
    from azpoll.tracking.journal import Journal, JournalResult, JournalRow
    from azpoll.tracking.journal_rows import RowMaker
    from azpoll.tracking.record import OperationRecord


class Tracking(NamedTuple):
    """The calls of a session that its journal needs.

    Attributes:
        resume: tracks the operation of a resume token, without storing it again.
        end: counts an operation that has ended.
        stop: stops the tracking of an operation.
        cancel: sends a cancel request; False if the operation ended first.
        emit: emits an event.
    """

    resume: Callable[[str, str, Mapping[str, object]], OperationRecord]
    end: Callable[[OperationRecord], object]
    stop: Callable[[OperationRecord], object]
    cancel: Callable[[OperationRecord], Awaitable[bool]]
    emit: Callable[[Callable[[], Event]], object]


class JournalSession:
    """An entered journal and the tasks that serve it.

    Attributes:
        record_type: of the operations in a journal.
    """

    record_type = JournaledRecord

    def __init__(self, journal: Journal, rows: RowMaker, tasks: TaskGroup, tracking: Tracking) -> None:
        self.storage = journal
        self._tracking = tracking
        self.writer = JournalWriter(journal, rows, self._on_stored, tracking.emit)
        tasks.start_soon(self.writer.run, name="azpoll journal")
        if isinstance(journal, RequestQueue):
            carrier = RequestCarrier(journal, self.writer, tracking.cancel, self.forget)
            tasks.start_soon(carrier.run, name="azpoll journal requests")

    def recover(self, given: Mapping[str, object]) -> AsyncGenerator[OperationRecord]:
        """Track the open rows again, and yield their records; see `Tracker.recover`."""
        return recover(self.writer, self._resume, self._tracking.emit, given)

    async def recover_row(self, row: JournalRow, given: Mapping[str, object]) -> OperationRecord | JournalResult:
        """Track the operation of one open row that is not tracked, with options that override those of the row.

        Returns the result that the row gets if nothing can be polled: the answer to a POST or GET is lost.

        Raises:
            AzpollError: the token of the row cannot be used.
            ValueError: nor can its options.
        """
        if row.intent:
            report_unanswered(row, self._tracking.emit)
        if row.token is None:
            result = never_answered(row)
            await self.writer.conclude(result)
            return result
        return self._resume(row, {**options_of(row, {}), **given})

    async def forget(self, operation_id: str) -> bool:
        """Stop the tracking of an operation, and delete its row; returns whether there was one."""
        record = self.writer.find(operation_id)
        if record is not None:
            self.writer.forget(record)
            self._tracking.stop(record)
        return await self.storage.forget(operation_id)

    def _resume(self, row: JournalRow, options: Mapping[str, object]) -> OperationRecord:
        if row.token is None:
            raise ValueError("the row has no resume token")
        record = self._tracking.resume(row.token, row.operation_id, options)
        if "label" not in options:
            record.label = row.label  # a token may hold a part of it
        if isinstance(record, JournaledRecord):
            record.earlier_polls, record.throttled = row.polls, row.throttled
        self.writer.add(record)
        return record

    def _on_stored(self, record: OperationRecord) -> None:
        """Report an end that is stored."""
        if isinstance(record, JournaledRecord) and not record.stored:
            record.stored = True
            try:
                self._tracking.end(record)
            finally:  # a listener may raise KeyboardInterrupt
                record.notify()
