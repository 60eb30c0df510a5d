"""`SQLiteJournal`: the journal of a tracker in an SQLite file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from azpoll.journal import queue
from azpoll.journal.begin_lock import is_held, may_be_beginning
from azpoll.journal.cipher import Cipher
from azpoll.journal.connection import explaining, open_for_writing
from azpoll.journal.entered_file import EnteredFile
from azpoll.journal.lease import Lease, note_owner
from azpoll.journal.pages import RESULTS_AT_A_TIME, ROWS_AT_A_TIME, delete, ended_after, entry, open_after
from azpoll.journal.rows import RowTable
from azpoll.tracking.journal import JournalResult, JournalRow
from azpoll.tracking.settings import checked_seconds, checked_type

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Callable, Sequence
    from sqlite3 import Connection
    from types import TracebackType
    from typing import TypeVar

    from azpoll.journal.connection import Synchronous
    from azpoll.tracking.journal import JournalRequest

    T = TypeVar("T")

MAX_BODY = 1024 * 1024

_ANY_ROW = "SELECT 1 FROM facts UNION ALL SELECT 1 FROM operations LIMIT 1"


class SQLiteJournal:
    """The journal of one tracker in an SQLite file, in WAL mode; docs/journal.md describes the file.

    A thread of its own makes every call of SQLite. Give it to a tracker, which enters it and leaves it:
    `Tracker(client, journal=SQLiteJournal("operations.db"))`. Two trackers cannot share a file.

    Args:
        path: of the file, on a local disk. It is created if there is none, readable by its owner alone. Its folder must
            exist.
        max_body: the longest part of a result's body that is stored, in bytes; 0 or more.
        max_bytes: the greatest size of the file in bytes; None for no limit.
        synchronous: "normal" loses nothing when the process is killed, and may lose the last changes when the machine
            loses power. "full" loses nothing then either, at the cost of one flush of the disk for each batch.
        busy_s: how long a write waits in seconds while another program keeps the file locked.
        encrypt: encrypts tokens and bodies, from bytes to bytes; runs in the thread. It belongs to `decrypt`.
        decrypt: decrypts what `encrypt` made; raises any exception for another key.

    Raises:
        ValueError: an argument is out of its range, or only one of `encrypt` and `decrypt` is given.
        TypeError: an argument has the wrong type.

    Raises when entered:
        JournalInUse: another tracker owns the file.
        JournalError: the file cannot be opened, is not a journal, has a newer version, or another key.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_body: int = MAX_BODY,
        max_bytes: int | None = None,
        synchronous: Synchronous = "normal",
        busy_s: float = 5.0,
        encrypt: Callable[[bytes], bytes] | None = None,
        decrypt: Callable[[bytes], bytes] | None = None,
    ) -> None:
        checked_type("max_body", max_body, int)
        checked_type("max_bytes", max_bytes, int)
        checked_seconds("busy_s", busy_s)
        if max_body < 0 or busy_s < 0 or (max_bytes is not None and max_bytes <= 0):
            raise ValueError("max_body and busy_s must be 0 or more, and max_bytes more than 0")
        if synchronous not in ("normal", "full"):
            raise ValueError(f"synchronous must be 'normal' or 'full', not {synchronous!r}")
        self.path = Path(path)
        self._cipher = Cipher(encrypt, decrypt)
        self._table = RowTable(self._cipher, max_body)
        self._open = partial(open_for_writing, self.path, synchronous=synchronous, busy_s=busy_s, max_bytes=max_bytes)
        self._seen_version = -1
        self._lease: list[Lease] = []
        self._file = EnteredFile(self.path, self._open_owned, self._release, self._table.store)

    def __repr__(self) -> str:
        """Show the path alone."""
        return f"SQLiteJournal({str(self.path)!r})"

    async def __aenter__(self) -> Self:
        """Take the lease and open the file."""
        await self._file.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, and release the lease."""
        await self._file.leave()

    async def store(self, rows: Sequence[JournalRow | JournalResult]) -> None:
        """Store rows in one transaction; those of other callers may share it."""
        await self._file.thread.store(rows)

    async def open_rows(self) -> AsyncIterator[JournalRow]:
        """Iterate over the operations that have not ended, in the order in which they began.

        An initial request that another process is sending now is not among them.
        """
        after, unanswered = 0, await self._read(self._last_unanswered)
        while page := await self._read(partial(open_after, self._table, after, ROWS_AT_A_TIME)):
            for found in page:
                is_sent_now = found.number > unanswered and may_be_beginning(found.row)
                if isinstance(found.row, JournalRow) and not is_sent_now:
                    yield found.row
            after = page[-1].number

    async def results(self, group: str | None = None) -> AsyncIterator[JournalResult]:
        """Iterate over the operations that have ended, in the order in which they began: those of one group, or all."""
        after = 0
        while page := await self._read(partial(ended_after, self._table, group, after, RESULTS_AT_A_TIME)):
            for found in page:
                if isinstance(found.row, JournalResult):
                    yield found.row
            after = page[-1].number

    async def get(self, operation_id: str) -> JournalRow | JournalResult | None:
        """Return the row of one operation; None if there is none."""
        found = await self._read(partial(entry, self._table, operation_id))
        return None if found is None else found.row

    async def forget(self, operation_id: str) -> bool:
        """Delete the row of one operation; returns whether there was one."""
        return await self._write(partial(delete, operation_id))

    async def requests(self) -> Sequence[JournalRequest]:
        """Return the requests of other processes that have no outcome yet."""
        return await self._read(self._requests)

    async def conclude(self, request: JournalRequest, outcome: str) -> None:
        """Store the outcome of a request."""
        await self._write(partial(queue.conclude, request.number, outcome))

    def _requests(self, connection: Connection) -> list[JournalRequest]:
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version == self._seen_version:  # no other connection has written since
            return []
        found = queue.waiting(connection)
        if not found:  # else they may have to be tried again
            self._seen_version = version
        return found

    def _last_unanswered(self, connection: Connection) -> int:
        """Return a number: intents of processes beside this one, up to this number, are unanswered."""
        (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM operations").fetchone()
        return 0 if is_held(self.path) else int(last)  # in this order: each process holds the lock before it stores

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._file.thread.read(work)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await self._file.thread.write(work)

    def _open_owned(self) -> Connection:
        """Take the lease and open the file; runs in the thread."""
        with explaining(self.path):
            self._lease.append(Lease(self.path))
            try:
                return self._prepared()
            except BaseException:
                self._release()
                raise

    def _prepared(self) -> Connection:
        connection = self._open()
        try:
            is_new = connection.execute(_ANY_ROW).fetchone() is None
            self._cipher.check(connection, is_new=is_new)
            note_owner(connection)
            queue.remove_concluded(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _release(self) -> None:
        while self._lease:
            self._lease.pop().close()
