"""The task that writes to a tracker's journal, in the order of the events and without delaying the scheduler."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

import anyio

from azpoll.protocol.answer import Answer
from azpoll.protocol.redaction import masked_url
from azpoll.protocol.states import Canceled, Failed, Pending, Succeeded, Unknown
from azpoll.snapshot import OperationState
from azpoll.tracking.journal import JournalResult, JournalRow
from azpoll.tracking.record import id_of, new_number

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

    from azpoll.protocol.states import Plan, State
    from azpoll.tracking.journal import Journal
    from azpoll.tracking.outcome import Outcomes
    from azpoll.tracking.record import OperationRecord
    from azpoll.tracking.starter import Prepared
    from azpoll.transport.library import HTTPResponse

logger = logging.getLogger("azpoll")


class NoJournal:
    """Stands for the journal of a tracker that has none."""

    async def intent(self, prepared: Prepared) -> int | None:
        """Do nothing; the record draws its own number when it is needed."""

    async def not_started(self, number: int | None, prepared: Prepared, answer: Answer | None) -> None:
        """Do nothing."""

    async def started(self, record: OperationRecord, plan: Plan) -> None:
        """Do nothing."""

    def enqueue_started(self, record: OperationRecord, plan: Plan) -> None:
        """Do nothing."""

    def enqueue_changed(self, record: OperationRecord) -> None:
        """Do nothing."""

    def enqueue_ended(self, record: OperationRecord, state: OperationState) -> None:
        """Do nothing."""

    async def flush(self) -> None:
        """Do nothing."""

    async def write_pending(self) -> None:
        """Do nothing."""


class JournalWriter:
    """Writes the rows of one tracker.

    Args:
        journal: the caller's.
        outcomes: makes resume tokens.
        tasks: runs the writing task.
    """

    def __init__(self, journal: Journal, outcomes: Outcomes[HTTPResponse], tasks: TaskGroup) -> None:
        self._journal = journal
        self._outcomes = outcomes
        self._plans: dict[OperationRecord, Plan] = {}
        self._writes: deque[Callable[[], Awaitable[None]]] = deque()
        self._dirty: dict[OperationRecord, None] = {}
        self._wake = anyio.Event()
        self._idle = anyio.Event()
        self._idle.set()
        tasks.start_soon(self._run, name="azpoll journal")

    async def intent(self, prepared: Prepared) -> int | None:
        """Write that an initial request will be sent; returns the number of the new operation."""
        number, (method, resource_url, _) = new_number(), prepared.target
        request_id, label = prepared.request.client_request_id, prepared.settings.label
        row = JournalRow(id_of(number), method, masked_url(resource_url), request_id, label, None)
        await self._write(lambda: self._journal.intent(row))
        return number

    async def not_started(self, number: int | None, prepared: Prepared, answer: Answer | None) -> None:
        """Write that an initial request started no operation; `number` is that of its intent."""
        if number is not None:
            status_code, body = (None, b"") if answer is None else (answer.status_code, answer.body)
            row = JournalResult(id_of(number), prepared.settings.label, None, status_code, body, None)
            await self._write(lambda: self._journal.ended(row))

    async def started(self, record: OperationRecord, plan: Plan) -> None:
        """Write that an operation is tracked; returns when the row is stored."""
        self._plans[record] = plan
        row = self._row(record, plan)
        await self._write(lambda: self._journal.started(row))

    def enqueue_started(self, record: OperationRecord, plan: Plan) -> None:
        """Write that an operation is tracked, soon."""
        self._plans[record] = plan
        row = self._row(record, plan)
        self._enqueue(lambda: self._journal.started(row))

    def enqueue_changed(self, record: OperationRecord) -> None:
        """Write the new token of an operation, soon and in a batch with others."""
        if record in self._plans and isinstance(record.state, Pending):
            self._dirty[record] = None
            self._notify()

    def enqueue_ended(self, record: OperationRecord, state: OperationState) -> None:
        """Write the end of an operation, soon; of one that was stopped, the last token."""
        if record.stopped:
            self.enqueue_changed(record)
            return
        self._plans.pop(record, None)
        self._dirty.pop(record, None)
        row = self._end_row(record, state)
        self._enqueue(lambda: self._journal.ended(row))

    async def flush(self) -> None:
        """Wait until the writing task has written everything."""
        await self._idle.wait()

    async def write_pending(self) -> None:
        """Write everything that is pending in this task; the writing task must have ended."""
        while self._writes or self._dirty:
            writes, self._writes = self._writes, deque()
            dirty, self._dirty = self._dirty, {}
            for write in writes:
                await self._write(write)
            rows = [self._row(record, self._plans[record]) for record in dirty if record in self._plans]
            if rows:
                await self._write(lambda: self._journal.changed(rows))  # noqa: B023 - awaited immediately
        self._idle.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            await self.write_pending()

    async def _write(self, write: Callable[[], Awaitable[None]]) -> None:
        try:
            await write()
        except Exception:
            logger.exception("the journal raised an error; tracking goes on in memory")

    def _enqueue(self, write: Callable[[], Awaitable[None]]) -> None:
        self._writes.append(write)
        self._notify()

    def _notify(self) -> None:
        if self._idle.is_set():
            self._idle = anyio.Event()
        self._wake.set()

    def _row(self, record: OperationRecord, plan: Plan) -> JournalRow:
        token = self._outcomes.token(record)
        url = masked_url(plan.resource_url)
        return JournalRow(record.id, plan.method, url, plan.client_request_id, record.label, token)

    def _end_row(self, record: OperationRecord, state: OperationState) -> JournalResult:
        answer = answer_of(record.state)
        status_code, body = (None, b"") if answer is None else (answer.status_code, answer.body)
        token = self._outcomes.token(record) if state is OperationState.UNKNOWN else None
        return JournalResult(record.id, record.label, state, status_code, body, token)


def answer_of(state: State) -> Answer | None:
    """Return the answer that ended an operation."""
    match state:
        case Succeeded(answer=answer) | Failed(answer=answer) | Canceled(answer=answer):
            return answer
        case Unknown(outcome=Answer() as answer):
            return answer
        case _:
            return None
