"""`BeginJournal`: stores the operations that a process begins in a journal that another process may own."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from azpoll.errors import JournalInUse
from azpoll.journal.begin_lock import BeginLock, marked
from azpoll.journal.cipher import Cipher
from azpoll.journal.connection import explaining, open_beside_the_owner, open_for_writing
from azpoll.journal.entered_file import EnteredFile
from azpoll.journal.lease import Lease
from azpoll.journal.pages import delete, entry
from azpoll.journal.rows import RowTable
from azpoll.journal.schema import VERSION, version_of
from azpoll.tracking.journal import JournalResult, JournalRow

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Sequence
    from types import TracebackType

MAX_BODY = 1024 * 1024
_CREATION_S, _PAUSE_S = 5.0, 0.02
"""How long the creation of the file by another process is waited for, and between two looks at it."""


class BeginJournal:
    """The journal of a tracker that begins operations and ends: the owner of the file, or the next one, tracks them.

    It needs no lease, and any number of processes may use it at the same time. It recovers nothing, and carries out no
    requests. The file is created if there is none. Encrypted files are refused.

    Args:
        path: of the file, as for `SQLiteJournal`.

    Raises when entered:
        JournalError: the file cannot be opened, is not a journal, has a newer version, or is encrypted.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._table = RowTable(Cipher(), MAX_BODY)
        self._started = set[str]()
        self._lock: list[BeginLock] = []
        self._file = EnteredFile(self.path, self._open, self._release, self._table.store)

    async def __aenter__(self) -> Self:
        """Open the file, and create it if there is none."""
        await self._file.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        await self._file.leave()

    async def store(self, rows: Sequence[JournalRow | JournalResult]) -> None:
        """Store intents, first tokens and ends in one transaction. Later tokens belong to the owner."""
        new = [self._as_stored(row) for row in rows if row.operation_id not in self._started or _is_end(row)]
        if new:
            await self._file.thread.store(new)
            self._started |= {row.operation_id for row in new if isinstance(row, JournalRow) and not row.intent}

    async def open_rows(self) -> AsyncIterator[JournalRow]:
        """Iterate over nothing: the owner recovers."""
        nothing: tuple[JournalRow, ...] = ()
        for row in nothing:
            yield row

    async def results(self, group: str | None = None) -> AsyncIterator[JournalResult]:
        """Iterate over nothing: a `JournalReader` reads results."""
        del group
        nothing: tuple[JournalResult, ...] = ()
        for row in nothing:
            yield row

    async def get(self, operation_id: str) -> JournalRow | JournalResult | None:
        """Return the row of one operation; None if there is none."""
        found = await self._file.thread.read(partial(entry, self._table, operation_id))
        return None if found is None else found.row

    async def forget(self, operation_id: str) -> bool:
        """Delete the row of one operation; returns whether there was one."""
        return await self._file.thread.write(partial(delete, operation_id))

    @staticmethod
    def _as_stored(row: JournalRow | JournalResult) -> JournalRow | JournalResult:
        return marked(row) if isinstance(row, JournalRow) and row.intent else row

    def _open(self) -> sqlite3.Connection:
        """Take the shared lock and open the file; runs in the thread."""
        with explaining(self.path):
            self._lock.append(BeginLock(self.path))
            try:
                _create_or_migrate(self.path)
                connection = open_beside_the_owner(self.path)
                try:
                    Cipher().check(connection, is_new=False)
                except BaseException:
                    connection.close()
                    raise
            except BaseException:
                self._release()
                raise
        return connection

    def _release(self) -> None:
        while self._lock:
            self._lock.pop().close()


def _is_end(row: JournalRow | JournalResult) -> bool:
    return isinstance(row, JournalResult)


def _create_or_migrate(path: Path) -> None:
    """Lead the file to the newest version, as its owner for that time; another process may be doing so."""
    give_up_at = time.monotonic() + _CREATION_S
    while not _is_current(path):
        try:
            with closing(Lease(path)), closing(open_for_writing(path)):
                return
        except JournalInUse:
            if time.monotonic() > give_up_at:
                raise
        time.sleep(_PAUSE_S)


def _is_current(path: Path) -> bool:
    """Whether the file has the newest version; raises `JournalError` for a database of another program."""
    if not path.exists():
        return False
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        return version_of(connection) == VERSION
