"""The writer of a tracker's journal: it stores rows in batches, and reports an end only when it is stored.

It never delays the scheduler. While the journal fails, ends are reported immediately, and their rows wait for the next
attempt.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import anyio

from azpoll.errors import JournalError
from azpoll.eventloop.checkpoint import checkpoint
from azpoll.eventloop.clock import now_s
from azpoll.events import JournalFailed
from azpoll.protocol.states import Pending
from azpoll.tracking.journal_rows import not_started
from azpoll.tracking.record import call_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from azpoll.events import Event
    from azpoll.tracking.journal import Journal, JournalResult, JournalRow
    from azpoll.tracking.journal_rows import RowMaker
    from azpoll.tracking.record import OperationRecord
    from azpoll.tracking.starter import Prepared

logger = logging.getLogger("azpoll")

STORED_WITHIN_S = 0.25
"""Seconds within which a change of a state is stored. Ends and new operations are stored within `PAUSE_S`."""

PAUSE_S = 0.02
"""Seconds between two transactions of ends and new operations. The first is stored immediately; those that come soon
after it share the next transaction."""

BATCH_S = (STORED_WITHIN_S - PAUSE_S) / 2
"""Seconds for which changes are collected. A change that is younger waits for the next batch, since an end that follows
soon replaces it."""

FIRST_RETRY_S, LAST_RETRY_S = 1.0, 30.0
"""Seconds between attempts while the journal fails."""

SLICE = 50
"""The number of rows that are made without a pause for the other tasks of the event loop."""

MAX_UNSAVED = 10_000
"""The number of ended operations that wait for a journal that fails. The rows of others stay open, so that the next
process polls them again."""


class JournalWriter:
    """Stores the rows of one tracker.

    Args:
        journal: entered.
        rows: makes the rows.
        on_stored: called with each record whose end is stored, or whose end the journal has failed to store.
        emit: emits an event.
    """

    def __init__(
        self,
        journal: Journal,
        rows: RowMaker,
        on_stored: Callable[[OperationRecord], object],
        emit: Callable[[Callable[[], Event]], object],
    ) -> None:
        self.journal = journal
        self._rows = rows
        self._on_stored = on_stored
        self._emit = emit
        self._live: dict[str, OperationRecord] = {}
        self._ended: list[set[str]] = []
        self._forgotten: set[OperationRecord] = set()
        self._pending: dict[OperationRecord, float] = {}  # since when, in this order
        self._soon: dict[OperationRecord, None] = {}
        self._unsaved: dict[OperationRecord, None] = {}
        self._retry_s = 0.0
        self._writing = anyio.Lock()
        self._wake = anyio.Event()
        self._urgent = anyio.Event()

    def find(self, operation_id: str) -> OperationRecord | None:
        """Return a tracked operation by its id."""
        return self._live.get(operation_id)

    def watch_ends(self) -> set[str]:
        """Return a set that gets the ids of the operations that end, until `unwatch_ends`."""
        ended = set[str]()
        self._ended.append(ended)
        return ended

    def unwatch_ends(self, ended: set[str]) -> None:
        """Keep a set of `watch_ends` no longer up to date."""
        self._ended = [each for each in self._ended if each is not ended]

    async def intent(self, operation_id: str, prepared: Prepared, assumed: OperationRecord | None) -> None:
        """Store that an initial request will be sent; `assumed` polls its resource."""
        await self._store([self._rows.intent_of(operation_id, prepared, assumed)])

    async def not_started(self, operation_id: str, prepared: Prepared, outcome: object, error: str) -> None:
        """Store that an initial request started no operation; the id is that of its intent."""
        await self._store([not_started(operation_id, prepared, outcome, error)])

    async def conclude(self, result: JournalResult) -> None:
        """Store the end of an operation that is not tracked."""
        await self._store([result])

    async def started(self, record: OperationRecord) -> None:
        """Store a new operation, and its end where it has ended; returns when the row is stored."""
        self.add(record)
        stored = False
        try:
            stored = await self._store([self._rows.row_of(record)])
        finally:
            if not stored:
                self.enqueue(record)
        if stored and not isinstance(record.state, Pending):
            self._report(record)

    def add(self, record: OperationRecord) -> None:
        """Know an operation by its id from now on."""
        self._live[record.id] = record

    def enqueue_started(self, record: OperationRecord) -> None:
        """Store a new operation soon."""
        self.add(record)
        self.enqueue(record, is_new=True)

    def enqueue(self, record: OperationRecord, *, is_new: bool = False) -> None:
        """Store the present state of an operation: an end or a new one immediately, another state in the next batch."""
        has_ended = not isinstance(record.state, Pending)
        if record in self._forgotten:
            if has_ended:
                self._report(record)
            return
        if self._retry_s:
            self._keep([record])
            if has_ended:
                self._report(record)
            return
        self._wake.set()
        if has_ended or is_new:
            self._pending.pop(record, None)
            self._soon[record] = None
            self._urgent.set()
        elif record not in self._soon:
            self._pending.setdefault(record, now_s())

    def stopped(self, record: OperationRecord) -> None:
        """Know an operation no longer by its id: it is not tracked any more. Its last change is enqueued already."""
        self._remove(record)

    def forget(self, record: OperationRecord) -> None:
        """Store nothing more of an operation."""
        self._forgotten.add(record)
        for records in (self._pending, self._soon, self._unsaved):
            records.pop(record, None)
        self._remove(record)

    async def write_pending(self) -> None:
        """Store everything that is enqueued, and report the ends."""
        async with self._writing:
            while self._pending or self._soon:
                self._soon |= dict.fromkeys(self._pending)
                self._pending = {}
                await self._write_soon()

    async def _write_old(self) -> None:
        """Store everything that is enqueued but young changes."""
        async with self._writing:
            until_s = now_s() - BATCH_S
            for record in [record for record, since_s in self._pending.items() if since_s <= until_s]:
                del self._pending[record]
                self._soon[record] = None
            await self._write_soon()

    async def _write_soon(self) -> None:
        batch, self._soon = tuple(self._soon), {}
        try:
            await self._write(batch)
        except BaseException:  # cancelled: the next call stores it
            self._soon = dict.fromkeys(batch) | self._soon
            raise

    async def close(self) -> None:
        """Store the rest, also inside a cancelled scope, with one more attempt if the journal has failed."""
        with anyio.CancelScope(shield=True):
            self._retry()
            await self.write_pending()

    def lose(self) -> None:
        """Report the ends that wait, as while the journal fails: the task that stores them is gone; `close` stores."""
        self._retry_s = self._retry_s or FIRST_RETRY_S
        waiting = tuple(self._soon | self._pending)
        self._soon, self._pending = {}, {}
        self._keep(waiting)
        call_all([partial(self._report, record) for record in waiting if not isinstance(record.state, Pending)])

    async def run(self) -> None:
        """Store batches for as long as the tracker runs."""
        while True:
            await self._wake.wait()
            await self._gather_changes()
            self._wake, self._urgent = anyio.Event(), anyio.Event()
            await self._write_old()
            if self._pending:
                self._wake.set()
            while self._retry_s:
                await anyio.sleep(self._retry_s)
                self._retry()
                await self.write_pending()

    async def _gather_changes(self) -> None:
        """Store ends and new operations while changes of states gather, some of which an end replaces."""
        until_s = now_s() + BATCH_S
        while not self._retry_s:
            with anyio.move_on_after(until_s - now_s()) as gathering:
                await self._urgent.wait()
            if gathering.cancelled_caught:
                return
            self._urgent = anyio.Event()
            async with self._writing:
                await self._write_soon()
            await anyio.sleep(PAUSE_S)
            if not (self._pending or self._soon):
                return

    def _retry(self) -> None:
        self._soon = self._unsaved | self._soon
        self._unsaved = {}

    async def _write(self, batch: tuple[OperationRecord, ...]) -> None:
        rows: list[JournalRow | JournalResult] = []
        ended: list[OperationRecord] = []
        for number, record in enumerate(batch, 1):
            for waiting in (self._soon, self._pending):
                waiting.pop(record, None)  # the row has the newest state
            if record not in self._forgotten:
                rows.append(self._rows.row_of(record))
                if not isinstance(record.state, Pending):
                    ended.append(record)
            if number % SLICE == 0:
                await checkpoint()
        if rows and not await self._store(rows, retry=True):
            self._keep(batch)
        for record in ended:
            self._report(record)

    async def _store(self, rows: list[JournalRow | JournalResult], *, retry: bool = False) -> bool:
        """Store rows; False if the journal fails, or has failed and this is no retry."""
        if self._retry_s and not retry:
            return False
        try:
            await self.journal.store(rows)
        except Exception as error:
            logger.exception("the journal raised an error; tracking goes on in memory")
            self._retry_s = min(max(2 * self._retry_s, FIRST_RETRY_S), LAST_RETRY_S)
            self._wake.set()
            self._urgent.set()
            reason = str(error) if isinstance(error, JournalError) else type(error).__name__
            self._emit(lambda: JournalFailed(now_s(), None, reason))
            return False
        if self._retry_s:
            self._retry_s = 0.0
            logger.info("the journal works again")
        return True

    def _keep(self, batch: Iterable[OperationRecord]) -> None:
        """Keep records for the next attempt."""
        for record in batch:
            if isinstance(record.state, Pending) or len(self._unsaved) < MAX_UNSAVED:
                self._unsaved[record] = None

    def _remove(self, record: OperationRecord) -> None:
        if self._live.get(record.id) is record:  # not another handle of the same operation
            del self._live[record.id]

    def _report(self, record: OperationRecord) -> None:
        self._remove(record)
        self._forgotten.discard(record)
        for ended in self._ended:
            ended.add(record.id)
        self._on_stored(record)
