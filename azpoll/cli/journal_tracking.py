"""`JournalTracking`: tracks the operations of a journal as its owner, with those that other processes begin."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from azpoll import (
    InitialRequestUnknown,
    JournalError,
    JournalFailed,
    JournalResult,
    JournalRow,
    OperationEnded,
    PollAnswered,
)
from azpoll.cli.journal_file import is_damaged, without_path
from azpoll.cli.stored import MissingOperation, StoredOperation
from azpoll.cli.terminal import write_error_line
from azpoll.journal import open_reader
from azpoll.protocol.redaction import escape_for_display

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from azpoll import AsyncOperation, Event, Tracker
    from azpoll.cli.output import Output
    from azpoll.cli.progress import Progress

LOOK_S = 1.0
"""Seconds between two looks for operations that other processes have begun."""

Ended = StoredOperation | MissingOperation


class JournalTracking:
    """Tracks every open operation of a journal.

    Args:
        tracker: owns the journal.
        path: of the journal.
        show: called with each operation that has ended, or that cannot be tracked.
        interval_s: time between reads if the service sends no Retry-After; None for azpoll's default.
        output: gets the polls.
        progress: shows the polls.
    """

    def __init__(
        self,
        tracker: Tracker[httpx.Response],
        path: Path,
        show: Callable[[Ended], None],
        *,
        interval_s: float | None,
        output: Output,
        progress: Progress,
    ) -> None:
        self._tracker = tracker
        self._path = path
        self._interval_s = interval_s
        self._show = show
        self._output = output
        self._progress = progress
        self._operations: dict[str, tuple[StoredOperation, AsyncOperation[httpx.Response]]] = {}
        self._settled = set[str]()
        self._problems: dict[str, str] = {}
        self._ended: list[str] = []
        self._checked = 0
        self._wake = anyio.Event()
        tracker.subscribe(self._on_event)

    async def run(self, is_done: Callable[[], bool], *, until_empty: bool) -> None:
        """Track operations until `is_done`, or until the journal has none that can be tracked.

        Raises:
            JournalError: the file is damaged, and no operation is tracked in memory.
        """
        look_at_s = anyio.current_time()
        is_empty = False
        while True:
            if anyio.current_time() >= look_at_s:
                is_empty = not await self._pick_up()
                look_at_s = anyio.current_time() + LOOK_S
            await self._report_ended()
            if is_done() or (until_empty and is_empty and not self._operations and not await self._pick_up()):
                return
            with anyio.move_on_after(look_at_s - anyio.current_time()):
                await self._wake.wait()
            self._wake = anyio.Event()

    def open_operations(self) -> list[StoredOperation]:
        """Return the operations that are tracked, with the status last read."""
        found: list[StoredOperation] = []
        for stored, operation in self._operations.values():
            row = stored.row
            if isinstance(row, JournalRow):
                row = row._replace(status=operation.snapshot().status or row.status, intent=False)
            found.append(replace(stored, row=row))
        return found

    async def _pick_up(self) -> bool:
        """Track the operations that are new in the journal; returns whether there were any."""
        try:
            found = await anyio.to_thread.run_sync(_open_operations, self._path, self._checked)
            new = {each.id: each for each in found if not self._is_settled(each.id)}
            if new:
                await self._recover(new)
        except JournalError as error:
            if is_damaged(error) and not self._operations:
                raise
            self._note(str(error))  # tracking goes on in memory
            return True
        for each in found:  # rows before the first that another process is still beginning are not read again
            if not self._is_settled(each.id):
                break
            self._checked = each.number
        return bool(new)

    async def _recover(self, new: dict[str, StoredOperation]) -> None:
        interval_s = self._interval_s
        tracker = self._tracker
        recovered = await (tracker.recover() if interval_s is None else tracker.recover(interval=interval_s))
        for operation in recovered:
            stored = new.get(operation.id) or await self._stored(operation)
            self._operations[operation.id] = (stored, operation)
        while self._problems:
            ident, problem = self._problems.popitem()
            if ident in new and ident not in self._settled:
                self._settled.add(ident)
                self._show(replace(new[ident], problem=problem))

    async def _stored(self, operation: AsyncOperation[httpx.Response]) -> StoredOperation:
        """Return the row of an operation that another process has begun since the last look."""
        row = await self._tracker.get(operation.id)
        if row is None:
            row = JournalRow(
                operation.id, "", "", None, operation.label, None, None, intent=False, token=None, options=""
            )
        return StoredOperation(0, row)

    async def _report_ended(self) -> None:
        ended, self._ended = self._ended, []
        for ident in ended:
            stored, operation = self._operations.pop(ident, (None, None))
            row = await self._row(ident)
            if stored is not None:
                self._progress.ended(stored)
            if isinstance(row, JournalRow) and operation is not None and operation.done():
                self._settled.add(ident)  # the journal has failed to store the end
                row = _result_of(row, operation)
            if row is None:  # forgotten
                self._show(MissingOperation(ident))
            elif isinstance(row, JournalResult):
                number = 0 if stored is None else stored.number
                self._show(StoredOperation(number, row, None if stored is None else stored.created_at, time.time()))

    async def _row(self, ident: str) -> JournalRow | JournalResult | None:
        try:
            return await self._tracker.get(ident)
        except JournalError as error:
            self._note(str(error))
            stored, _ = self._operations.get(ident, (None, None))
            return None if stored is None else stored.row

    def _is_settled(self, ident: str) -> bool:
        return ident in self._operations or ident in self._settled

    def _on_event(self, event: Event) -> None:
        if isinstance(event, PollAnswered):
            if event.operation_id in self._operations:
                stored, operation = self._operations[event.operation_id]
                self._progress.polled(stored, operation.snapshot(), event)
                self._output.polled(stored, event)
        elif isinstance(event, OperationEnded) or (isinstance(event, InitialRequestUnknown) and not event.polled):
            self._ended.append(event.operation_id)
            self._wake.set()
        elif isinstance(event, JournalFailed):
            if event.operation_id is None:
                self._note(f"{event.reason}; tracking goes on in memory")
            else:
                self._problems[event.operation_id] = event.reason

    def _note(self, text: str) -> None:
        write_error_line(f"# {escape_for_display(without_path(self._path, text))}")


def _open_operations(path: Path, after: int) -> list[StoredOperation]:
    with open_reader(path) as reader:
        return [StoredOperation.of(entry) for entry in reader.open_entries(after=after)]


def _result_of(row: JournalRow, operation: AsyncOperation[httpx.Response]) -> JournalResult:
    """Return the result that the journal could not store."""
    error = operation.exception()
    text = None if error is None else str(error)
    return JournalResult(*row[:6], operation.state, None, b"", 0, text, None, row.polls, row.throttled)
