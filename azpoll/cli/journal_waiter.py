"""`JournalWaiter`: tracks a journal as its owner, or reads it while another process owns it."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
from anyio import get_cancelled_exc_class

from azpoll import JournalError, JournalInUse, JournalResult, SQLiteJournal
from azpoll.cli.exit_codes import ExitCode, OutputError, worst
from azpoll.cli.journal_file import journal_errors
from azpoll.cli.journal_tracking import JournalTracking
from azpoll.cli.layout import columns, wrapped
from azpoll.cli.signals import stop_signals
from azpoll.cli.stored import MissingOperation, StoredOperation
from azpoll.cli.terminal import write_error_line
from azpoll.journal import open_reader

if TYPE_CHECKING:
    from pathlib import Path

    from azpoll.cli.access import Access
    from azpoll.cli.journal_tracking import Ended
    from azpoll.cli.output import Output
    from azpoll.cli.progress import Progress
    from azpoll.cli.waiter import Limits

_LOOK_S = 0.5
"""Seconds between two looks into a journal that another process owns."""


class JournalWaiter:
    """Waits for operations of a journal.

    Args:
        access: the client of the tracker.
        path: of the journal.
        wanted: ids of the operations to wait for; None for all.
        limits: the conditions that end the waiting early.
        forever: whether the tracking goes on when no operation is open.
        keep: whether `outcomes` is wanted at the end.
        output: gets polls and ends.
        progress: shows the polls.

    Attributes:
        outcomes: those that have ended, then those that have not.
        output_error: why standard output could not be written; None if it could.
        left_open: the number of operations that have not ended.
    """

    def __init__(
        self,
        access: Access,
        path: Path,
        wanted: tuple[str, ...] | None,
        limits: Limits,
        *,
        output: Output,
        progress: Progress,
        forever: bool = False,
        keep: bool = True,
    ) -> None:
        self.outcomes: list[Ended] = []
        self.output_error: OutputError | None = None
        self.left_open = 0
        self._access = access
        self._path = path
        self._wanted = wanted
        self._limits = limits
        self._output = output
        self._progress = progress
        self._forever = forever
        self._keep = keep
        self._left = dict.fromkeys(wanted or ())
        self._code = ExitCode.SUCCEEDED
        self._stopped_by: ExitCode | None = None
        self._scope: anyio.CancelScope | None = None
        self._tracking: JournalTracking | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        return self._code if self._stopped_by is None else self._stopped_by

    async def run(self) -> None:
        """Wait until all operations have ended or a limit is reached.

        Raises:
            CommandError: the journal cannot be used, or all operations are wanted and another process owns it.
        """
        self._scope, time_limit = anyio.CancelScope(), anyio.CancelScope()
        with self._progress.shown():
            async with stop_signals(self.stop):
                if self._limits.timeout_s is not None:
                    time_limit.deadline = anyio.current_time() + self._limits.timeout_s
                try:
                    with self._scope, time_limit, journal_errors(self._path):
                        if self._stopped_by is not None:
                            self._cancel()
                        await self._track_or_read()
                except get_cancelled_exc_class():
                    self.stop(ExitCode.INTERRUPTED)
                    raise
                finally:
                    self._note_open(timed_out=time_limit.cancelled_caught)

    def stop(self, code: ExitCode) -> None:
        """End the waiting; the first exit code that is given becomes that of the command."""
        self._stopped_by = self._stopped_by or code
        self._cancel()

    def _cancel(self) -> None:
        if self._scope is not None:
            self._scope.cancel()

    async def _track_or_read(self) -> None:
        """Own the journal and track it, or read it until its owner has ended, in turn."""
        while True:
            is_owned = False if self._wanted is None else await anyio.to_thread.run_sync(self._look)
            if self._is_done():
                return
            if not is_owned:
                try:
                    async with self._access.tracker(SQLiteJournal(self._path)) as tracker:
                        self._tracking = tracking = JournalTracking(
                            tracker,
                            self._path,
                            self._end,
                            interval_s=self._limits.interval_s,
                            output=self._output,
                            progress=self._progress,
                        )
                        await tracking.run(self._is_done, until_empty=self._wanted is None and not self._forever)
                        return
                except JournalInUse:
                    if self._wanted is None:
                        raise
            await anyio.sleep(_LOOK_S)

    def _look(self) -> bool:
        """Print the operations that have ended; returns whether a process owns the journal. Runs in a thread."""
        with open_reader(self._path) as reader:
            owner = reader.owner()  # before the rows: an end that its owner stored is not overlooked
            for ident in tuple(self._left):
                entry = reader.get(ident)
                if entry is None:
                    anyio.from_thread.run_sync(self._end, MissingOperation(ident))
                elif isinstance(entry.row, JournalResult):
                    anyio.from_thread.run_sync(self._end, StoredOperation.of(entry))
        return owner is not None and owner.is_alive

    def _is_done(self) -> bool:
        return self._wanted is not None and not self._left

    def _is_wanted(self, ident: str) -> bool:
        return self._wanted is None or ident in self._left

    def _end(self, ended: Ended) -> None:
        """Print an operation that has ended, if it is wanted."""
        if not self._is_wanted(ended.id) or (self._wanted is None and isinstance(ended, MissingOperation)):
            return
        self._left.pop(ended.id, None)
        self._code = worst((self._code, ended.exit_code))
        if self._keep:
            self.outcomes.append(ended)
        try:
            self._output.ended(ended)
        except OutputError as error:
            self.output_error = error
            self._cancel()
        if self._limits.any or (self._limits.fail_fast and ended.exit_code):
            self._cancel()

    def _note_open(self, *, timed_out: bool) -> None:
        """Count the operations that have not ended, and print those that have not ended in time."""
        if self._wanted is None:
            tracked = [] if self._tracking is None else self._tracking.open_operations()
            self.left_open = len(tracked)
            self.outcomes += tracked if self._keep else ()
            return
        with suppress(JournalError), open_reader(self._path) as reader:
            found = [reader.get(ident) for ident in self._left]
            open_operations = [StoredOperation.of(entry) for entry in found if entry is not None]
            self.left_open = len(open_operations)
            if not timed_out:
                self.outcomes += open_operations
                return
            for operation in open_operations:
                self._end(replace(operation, timed_out=True))


def wait_for_journal(waiter: JournalWaiter, output: Output, output_format: str) -> int:
    """Run a waiter, print its end, and return the exit code.

    Raises:
        CommandError: the command could not go on, for a reason that is no operation's.
    """
    try:
        anyio.run(waiter.run)
    except KeyboardInterrupt:
        waiter.stop(ExitCode.INTERRUPTED)
    if waiter.output_error is not None:
        raise waiter.output_error
    output.finished(waiter.outcomes, waiter.exit_code)
    if waiter.left_open and output_format == "text":
        count = "1 operation" if waiter.left_open == 1 else f"{waiter.left_open} operations"
        text = f"# {count} may still run. The journal keeps them for azpoll run and azpoll wait."
        write_error_line(wrapped(text, columns(sys.stderr), "#   "))
    return waiter.exit_code
