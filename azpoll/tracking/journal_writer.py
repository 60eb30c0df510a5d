"""The writer of a tracker's journal: it keeps the order of the events, and never delays the scheduler."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

import anyio

from azpoll.protocol.answer import Answer
from azpoll.protocol.redaction import masked_url
from azpoll.protocol.states import Canceled, Failed, Pending, Succeeded, Unknown
from azpoll.snapshot import OperationState
from azpoll.tracking.journal import JournalResult, JournalRow
from azpoll.tracking.record import id_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from anyio.abc import TaskGroup

    from azpoll.protocol.plan import Plan
    from azpoll.protocol.states import State
    from azpoll.tracking.journal import Journal
    from azpoll.tracking.outcome import Outcomes
    from azpoll.tracking.record import OperationRecord
    from azpoll.tracking.starter import Prepared

logger = logging.getLogger("azpoll")


class JournalWriter:
    """Writes the rows of one tracker; a task of its own writes those of the `enqueue_` methods."""

    def __init__(self, journal: Journal, outcomes: Outcomes, tasks: TaskGroup) -> None:
        self._journal = journal
        self._outcomes = outcomes
        self._rows: list[JournalRow | JournalResult] = []
        self._changed: dict[OperationRecord, None] = {}
        self._writing = anyio.Lock()
        self._wake = anyio.Event()
        tasks.start_soon(self._run, name="azpoll journal")

    async def intent(self, prepared: Prepared) -> int:
        """Write that an initial request will be sent; returns the number of the new operation."""
        number = random.getrandbits(64)
        plan = prepared.plan._replace(client_request_id=prepared.request.client_request_id)
        await _logged(self._journal.intent(_row(id_of(number), plan, prepared.settings.label, None)))
        return number

    async def not_started(self, number: int, prepared: Prepared, answer: Answer | None) -> None:
        """Write that an initial request started no operation; `number` is that of its intent."""
        await _logged(self._journal.ended(_result(id_of(number), prepared.settings.label, None, answer, None)))

    async def started(self, record: OperationRecord, plan: Plan) -> None:
        """Write that an operation is tracked; returns when the row is stored."""
        await _logged(self._journal.started(self._row(record, plan)))

    def enqueue_started(self, record: OperationRecord, plan: Plan) -> None:
        """Write that an operation is tracked, soon."""
        self._rows.append(self._row(record, plan))
        self._wake.set()

    def enqueue_changed(self, record: OperationRecord) -> None:
        """Write the new token of an operation, soon and in a batch with others."""
        self._changed[record] = None
        self._wake.set()

    def enqueue_ended(self, record: OperationRecord) -> None:
        """Write the end of an operation, soon; of one that was stopped, the last token."""
        if record.stopped:
            self.enqueue_changed(record)
            return
        self._changed.pop(record, None)
        state = record.public_state
        token = self._outcomes.token(record) if state is OperationState.UNKNOWN else None
        self._rows.append(_result(record.id, record.label, state, _answer_of(record.state), token))
        self._wake.set()

    async def write_pending(self) -> None:
        """Write everything that is enqueued."""
        async with self._writing:
            while self._rows or self._changed:
                rows, self._rows = self._rows, []
                changed, self._changed = self._changed, {}
                for row in rows:
                    write = self._journal.started(row) if isinstance(row, JournalRow) else self._journal.ended(row)
                    await _logged(write)
                pending = [(record, record.state.plan) for record in changed if isinstance(record.state, Pending)]
                if pending:
                    await _logged(self._journal.changed([self._row(record, plan) for record, plan in pending]))

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            await self.write_pending()

    def _row(self, record: OperationRecord, plan: Plan) -> JournalRow:
        return _row(record.id, plan, record.label, self._outcomes.token(record))


async def _logged(call: Awaitable[None]) -> None:
    try:
        await call
    except Exception:
        logger.exception("the journal raised an error; tracking goes on in memory")


def _answer_of(state: State) -> Answer | None:
    """Return the answer that ended an operation; None where there is none."""
    if isinstance(state, (Succeeded, Failed, Canceled)):
        return state.answer
    return state.outcome if isinstance(state, Unknown) and isinstance(state.outcome, Answer) else None


def _result(
    operation_id: str, label: str | None, state: OperationState | None, answer: Answer | None, token: str | None
) -> JournalResult:
    status_code, body = (None, b"") if answer is None else (answer.status_code, answer.body)
    return JournalResult(operation_id, label, state, status_code, body, token)


def _row(operation_id: str, plan: Plan, label: str | None, token: str | None) -> JournalRow:
    return JournalRow(operation_id, plan.method, masked_url(plan.resource_url), plan.client_request_id, label, token)
