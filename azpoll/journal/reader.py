"""Reads a journal beside its owner, and queues requests for the owner."""

from __future__ import annotations

from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, get_args

from azpoll.errors import JournalInUse
from azpoll.journal import queue
from azpoll.journal.cipher import Cipher
from azpoll.journal.connection import explaining, open_beside_the_owner, open_for_reading, open_for_writing
from azpoll.journal.lease import Lease, last_owner
from azpoll.journal.overview import read_overview
from azpoll.journal.pages import RESULTS_AT_A_TIME, ROWS_AT_A_TIME, all_after, delete, entry, open_after
from azpoll.journal.rows import RowTable
from azpoll.journal.schema import VERSION, show_newest_columns, version_of
from azpoll.tracking.journal_requests import FORGOTTEN, NO_SUCH_OPERATION
from azpoll.tracking.settings import checked_choice, checked_text

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from sqlite3 import Connection
    from types import TracebackType

    from azpoll.journal.lease import Owner
    from azpoll.journal.overview import JournalOverview
    from azpoll.journal.rows import JournalEntry


def open_reader(path: str | os.PathLike[str], *, decrypt: Callable[[bytes], bytes] | None = None) -> JournalReader:
    """Return a reader of a journal, which needs no lease and cannot change the file. It blocks while it reads.

    Args:
        path: of the file.
        decrypt: as for `SQLiteJournal`.

    Raises:
        JournalError: the file cannot be opened, is not a journal, has a newer version, or another key.
    """
    return JournalReader(Path(path), decrypt)


class JournalReader:
    """Reads a journal that a tracker may be writing; a context manager."""

    def __init__(self, path: Path, decrypt: Callable[[bytes], bytes] | None) -> None:
        self._path = path
        cipher = Cipher() if decrypt is None else Cipher(_no_encryption, decrypt)
        self._table = RowTable(cipher, max_body=0)
        with explaining(path):
            self._connection = open_for_reading(path)
            try:
                cipher.check(self._connection, is_new=False)
                show_newest_columns(self._connection)
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def entries(self, *, group: str | None = None, after: int = 0) -> Iterator[JournalEntry]:
        """Iterate over the operations, in the order in which they began.

        Args:
            group: only the operations of the groups with this label; None for all.
            after: only the operations with a greater `number`.
        """
        return self._pages(partial(all_after, self._table, group), RESULTS_AT_A_TIME, after)

    def open_entries(self, *, after: int = 0) -> Iterator[JournalEntry]:
        """Iterate over the operations that have not ended, in the order in which they began.

        Args:
            after: only the operations with a greater `number`.
        """
        return self._pages(partial(open_after, self._table), ROWS_AT_A_TIME, after)

    def _pages(
        self, read: Callable[[int, int, Connection], list[JournalEntry]], size: int, after: int
    ) -> Iterator[JournalEntry]:
        while True:
            with explaining(self._path):
                page = read(after, size, self._connection)
            if not page:
                return
            yield from page
            after = page[-1].number

    def get(self, operation_id: str) -> JournalEntry | None:
        """Return one operation; None if there is none."""
        with explaining(self._path):
            return entry(self._table, operation_id, self._connection)

    def overview(self, most: int = 20) -> JournalOverview:
        """Return counts by group, with at most `most` failures and running operations each.

        It reads every row, though no body: 10,000 operations take some 15 ms.
        """
        with explaining(self._path):
            return read_overview(self._table, most, self._connection)

    def owner(self) -> Owner | None:
        """Return the process that owns the journal, or owned it last; None before the first."""
        with explaining(self._path):
            return last_owner(self._connection, self._path)

    def version(self) -> int:
        """Return a number that changes when the file changes. Reading it costs little: use it to watch a journal."""
        with explaining(self._path):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def outcome(self, request: int) -> str | None:
        """Return the outcome of a request of `submit`, as text; None before it is carried out."""
        with explaining(self._path):
            return queue.outcome_of(request, self._connection)


def submit(path: str | os.PathLike[str], action: queue.Action, operation_id: str) -> int:
    """Queue a request that the owner of a journal carries out within some 1 s; returns its number.

    While no tracker owns the journal, an operation is forgotten immediately, and a cancel request waits for the next
    tracker that recovers the operation. It blocks.

    Args:
        path: of the file.
        action: "cancel" or "forget".
        operation_id: of the operation.

    Raises:
        JournalError: the file cannot be opened or written, is not a journal, or has another version.
        ValueError: the action is another one, or the id is empty.
        TypeError: the id is not text.
    """
    path, action = Path(path), checked_choice("action", action, get_args(queue.Action))
    if checked_text("operation_id", operation_id) is None:
        raise TypeError("operation_id must be text, not NoneType")
    with explaining(path):
        with closing(open_beside_the_owner(path)) as connection:
            is_current = version_of(connection) == VERSION
        if not is_current:
            _as_owner(path, lambda _: None)  # an owner migrates
        with closing(open_beside_the_owner(path)) as connection:
            number = queue.add(action, operation_id, connection)
        if action == "forget":
            with suppress(JournalInUse):  # the owner carries the request out
                _as_owner(path, partial(_forget, number, operation_id))
        return number


def _as_owner(path: Path, work: Callable[[Connection], object]) -> None:
    """Run a function as the owner of a journal; raises `JournalInUse` if a tracker owns it."""
    with closing(Lease(path)), closing(open_for_writing(path)) as connection:
        work(connection)


def _forget(number: int, operation_id: str, connection: Connection) -> None:
    found = delete(operation_id, connection)
    queue.conclude(number, FORGOTTEN if found else NO_SUCH_OPERATION, connection)


def _no_encryption(data: bytes) -> bytes:
    raise AssertionError(f"a reader encrypts nothing, not {len(data)} bytes either")
