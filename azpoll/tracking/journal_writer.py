"""The writer of a tracker's journal: it keeps the order of the events, and never delays the scheduler."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio

from azpoll.protocol.redaction import masked_url
from azpoll.protocol.states import Pending, Unknown
from azpoll.tracking.journal import JournalResult, JournalRow
from azpoll.tracking.record import new_id

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from anyio.abc import TaskGroup

    from azpoll.protocol.answer import Answer
    from azpoll.protocol.states import Terminal
    from azpoll.snapshot import OperationState
    from azpoll.tracking.journal import Journal
    from azpoll.tracking.outcome import Outcomes
    from azpoll.tracking.record import OperationRecord
    from azpoll.tracking.starter import Prepared

logger = logging.getLogger("azpoll")


class JournalWriter:
    """Writes the rows of one tracker; a task of its own writes those of the `enqueue` methods."""

    def __init__(self, journal: Journal, outcomes: Outcomes, tasks: TaskGroup) -> None:
        self._journal = journal
        self._outcomes = outcomes
        self._started: list[JournalRow] = []
        self._changed: dict[OperationRecord, None] = {}
        self._writing = anyio.Lock()
        self._wake = anyio.Event()
        tasks.start_soon(self._run, name="azpoll journal")

    async def intent(self, prepared: Prepared) -> str:
        """Write that an initial request will be sent; returns the id of the new operation."""
        operation_id = new_id()
        request, label = prepared.request, prepared.settings.label
        url = masked_url(request.url)
        row = JournalRow(operation_id, request.method, url, request.client_request_id, label, None)
        await _logged(self._journal.intent(row))
        return operation_id

    async def not_started(self, operation_id: str, prepared: Prepared, answer: Answer | None) -> None:
        """Write that an initial request started no operation; the id is that of its intent."""
        await _logged(self._journal.ended(_result(operation_id, prepared.settings.label, None, answer, None)))

    async def started(self, record: OperationRecord) -> None:
        """Write that an operation is tracked; returns when the row is stored."""
        await _logged(self._journal.started(self._row(record)))

    def enqueue_started(self, record: OperationRecord) -> None:
        """Write that an operation is tracked, soon."""
        self._started.append(self._row(record))
        self._wake.set()

    def enqueue(self, record: OperationRecord) -> None:
        """Write the end of an operation, or its new token, soon and in a batch with others."""
        self._changed[record] = None
        self._wake.set()

    async def write_pending(self) -> None:
        """Write everything that is enqueued."""
        async with self._writing:
            while self._started or self._changed:
                started, self._started = self._started, []
                changed, self._changed = self._changed, {}
                ended = [self._end(record, record.state) for record in changed if not isinstance(record.state, Pending)]
                running = [self._row(record) for record in changed if isinstance(record.state, Pending)]
                for row in started:
                    await _logged(self._journal.started(row))
                for result in ended:
                    await _logged(self._journal.ended(result))
                if running:
                    await _logged(self._journal.changed(running))

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            await self.write_pending()

    def _row(self, record: OperationRecord) -> JournalRow:
        plan, token = record.plan, self._outcomes.token(record)
        url = masked_url(plan.resource_url)
        return JournalRow(record.id, plan.method, url, plan.client_request_id, record.label, token)

    def _end(self, record: OperationRecord, state: Terminal) -> JournalResult:
        token = self._outcomes.token(record) if isinstance(state, Unknown) else None
        return _result(record.id, record.label, record.public_state, state.answer, token)


async def _logged(call: Awaitable[None]) -> None:
    try:
        await call
    except Exception:
        logger.exception("the journal raised an error; tracking goes on in memory")


def _result(
    operation_id: str, label: str | None, state: OperationState | None, answer: Answer | None, token: str | None
) -> JournalResult:
    status_code, body = (None, b"") if answer is None else (answer.status_code, answer.body)
    return JournalResult(operation_id, label, state, status_code, body, token)
