"""A journal file between its entering and its end: at most one thread works on it for one journal object."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from azpoll.errors import JournalError
from azpoll.journal.database_thread import DatabaseThread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from sqlite3 import Connection

    from azpoll.journal.database_thread import Rows


class EnteredFile:
    """Holds the thread of a journal that a tracker has entered; the arguments are those of `DatabaseThread`."""

    def __init__(
        self,
        path: Path,
        open_connection: Callable[[], Connection],
        close: Callable[[], object],
        store: Callable[[Connection, Rows], object],
    ) -> None:
        self._path = path
        self._start = partial(DatabaseThread, path, open_connection, close, store)
        self._thread: DatabaseThread | None = None

    async def enter(self) -> None:
        """Start the thread and wait until it has opened the file.

        Raises:
            JournalError: the journal is entered already, or the file cannot be opened.
        """
        if self._thread is not None:
            raise JournalError(f"the journal {self._path} is entered already: give each tracker its own")
        self._thread = thread = self._start()
        try:
            await thread.opened()
        except BaseException:
            self._thread = None
            raise

    async def leave(self) -> None:
        """Close the file and end the thread, if there is one."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await thread.close()

    @property
    def thread(self) -> DatabaseThread:
        """The thread; raises `JournalError` before the entering and after the end."""
        if self._thread is None:
            raise JournalError(f"the journal {self._path} is closed: its tracker has ended, or was not entered")
        return self._thread
