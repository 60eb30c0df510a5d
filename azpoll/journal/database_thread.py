"""The thread that makes every call of SQLite for one journal.

While it works, the event loop collects jobs, and hands them over together: one wake-up of each for a batch. The writes
of a batch share one transaction (group commit), so a thousand callers cost one commit. Their rows share statements.
"""

from __future__ import annotations

import threading
from functools import partial
from itertools import groupby
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio

from azpoll.errors import AzpollError, JournalError
from azpoll.eventloop.threads import LoopCaller
from azpoll.journal.connection import explained
from azpoll.journal.rows import ROWS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from sqlite3 import Connection
    from typing import TypeAlias

    from azpoll.tracking.journal import JournalResult, JournalRow

    Rows: TypeAlias = Sequence[JournalRow | JournalResult]

T = TypeVar("T")


class _Job(Generic[T]):
    """A function of the connection, and its outcome.

    Args:
        work: the function; for `rows`, one that does nothing.
        rows: rows to store, together with those of other jobs.
    """

    __slots__ = ("error", "is_write", "result", "rows", "work")

    def __init__(self, work: Callable[[Connection], T], *, is_write: bool, rows: Rows = ()) -> None:
        self.work = work
        self.is_write = is_write
        self.rows = rows
        self.result: list[T] = []
        self.error: Exception | None = None

    def run(self, connection: Connection) -> None:
        """Run the function and keep its outcome."""
        self.error = None
        try:
            self.result = [self.work(connection)]
        except Exception as error:  # noqa: BLE001 - raised where the outcome is awaited
            self.error = error


class _Batch:
    """Jobs that the thread gets together, and an event that says that all have an outcome."""

    __slots__ = ("done", "jobs")

    def __init__(self) -> None:
        self.jobs: list[_Job[Any]] = []
        self.done = anyio.Event()


class DatabaseThread:
    """A thread with a connection of its own.

    Args:
        path: of the file, for the text of errors.
        open_connection: called in the thread.
        close: called in the thread at its end, after the connection was closed.
        store: stores rows in the transaction of a connection; called in the thread.
    """

    def __init__(
        self,
        path: Path,
        open_connection: Callable[[], Connection],
        close: Callable[[], object],
        store: Callable[[Connection, Rows], object],
    ) -> None:
        self._path = path
        self._open = open_connection
        self._close = close
        self._store = store
        self._queue: SimpleQueue[_Batch | None] = SimpleQueue()
        self._next: _Batch | None = None  # collects jobs
        self._is_busy = False  # until the thread has reported the batch before
        self._loop = LoopCaller()
        self._opened = anyio.Event()
        self._closed = anyio.Event()
        self._error: Exception | None = None
        self._stopped = False
        threading.Thread(target=self._main, name="azpoll journal", daemon=True).start()

    async def opened(self) -> None:
        """Wait until the connection is open; raises the error of `open_connection`."""
        with anyio.CancelScope(shield=True):
            await self._opened.wait()
        if self._error is not None:
            raise self._error

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a function that reads, and return its result."""
        return await self._outcome(_Job(work, is_write=False))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a function in a transaction, and return its result when the transaction is committed."""
        return await self._outcome(_Job(work, is_write=True))

    async def store(self, rows: Rows) -> None:
        """Store rows; returns when the transaction is committed."""
        await self._done(_Job(_nothing, is_write=True, rows=rows))

    async def close(self) -> None:
        """End the thread after everything that was requested before."""
        self._stopped = True
        self._hand_over()
        self._queue.put(None)
        with anyio.CancelScope(shield=True):
            await self._closed.wait()

    async def _outcome(self, job: _Job[T]) -> T:
        await self._done(job)
        return job.result[0]

    async def _done(self, job: _Job[Any]) -> None:
        """Wait until the thread has run a job; raises the job's error as `JournalError`."""
        if self._stopped:
            raise JournalError("the journal is closed: its tracker has ended")
        if self._next is None:
            self._next = _Batch()
        batch = self._next
        batch.jobs.append(job)
        if not self._is_busy:
            self._is_busy = True
            self._loop.call(self._hand_over)  # soon: the other tasks that run now may have jobs too
        await batch.done.wait()
        if isinstance(job.error, AzpollError):
            raise job.error
        if job.error is not None:
            raise explained(self._path, job.error) from job.error

    def _hand_over(self) -> None:
        """Give the collected jobs to the thread; runs in the event loop."""
        batch, self._next = self._next, None
        self._is_busy = batch is not None
        if batch is not None:
            self._queue.put(batch)

    def _report(self, batch: _Batch) -> None:
        """Wake the tasks that wait for a batch, and hand the next one over; runs in the event loop."""
        batch.done.set()
        self._hand_over()

    def _main(self) -> None:
        try:
            connection = self._open()
        except Exception as error:  # noqa: BLE001 - raised by `opened`
            self._error = error
            self._loop.call(self._opened.set)
            return
        self._loop.call(self._opened.set)
        try:
            self._serve(connection)
        finally:
            connection.close()
            self._close()
            self._loop.call(self._closed.set)

    def _serve(self, connection: Connection) -> None:
        """Run jobs until the end is requested."""
        while (batch := self._queue.get()) is not None:
            writes = [job for job in batch.jobs if job.is_write]
            if writes:
                self._run_in_transaction(connection, writes)
            for job in batch.jobs:
                if not job.is_write:
                    job.run(connection)
            self._loop.call(partial(self._report, batch))

    def _run_in_transaction(self, connection: Connection, jobs: list[_Job[Any]]) -> None:
        """Run jobs in one transaction; if one of them fails, run each in its own."""
        self._attempt(connection, jobs)
        if len(jobs) > 1 and any(job.error is not None for job in jobs):
            for job in jobs:
                self._attempt(connection, [job])

    def _attempt(self, connection: Connection, jobs: list[_Job[Any]]) -> None:
        """Run jobs in one transaction; if one fails, all of them have failed."""
        failure: Exception | None = None
        is_one_statement = all(map(_has_rows, jobs)) and sum(len(job.rows) for job in jobs) <= ROWS_AT_ONCE
        try:
            if not is_one_statement:  # which SQLite runs in a transaction anyway
                connection.execute("BEGIN IMMEDIATE")
            for has_rows, group in groupby(jobs, _has_rows):
                together = list(group)
                if has_rows:
                    self._store(connection, [row for job in together for row in job.rows])
                    continue
                for job in together:
                    job.run(connection)
                    failure = failure or job.error
            if failure is None and not is_one_statement:
                connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - raised where the outcomes are awaited
            failure = error
        if failure is not None and connection.in_transaction:
            connection.execute("ROLLBACK")
        for job in jobs:
            job.error = failure


def _has_rows(job: _Job[Any]) -> bool:
    return bool(job.rows)


def _nothing(_: Connection) -> None:
    """Do nothing."""
