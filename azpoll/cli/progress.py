"""Progress on standard error: a live view on a terminal with rich, otherwise lines."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from azpoll.cli.duration import format_duration
from azpoll.cli.terminal import rich_console
from azpoll.protocol.redaction import escape_for_display

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from azpoll import PollAnswered, Snapshot
    from azpoll.cli.targets import Target

_LONGEST_STATUS = 40
_MAX_ROWS = 20
"""Rows of the live view, so that it fits on a screen."""


class Progress(Protocol):
    """Shows the progress of the operations."""

    def shown(self) -> AbstractContextManager[object]:
        """Show the progress while the context is entered."""
        ...

    def polled(self, target: Target, known: Snapshot, event: PollAnswered) -> None:
        """Show one answer to a poll, and the state after it."""
        ...

    def ended(self, target: Target) -> None:
        """Remove a target that ended."""
        ...


def create_progress(*, quiet: bool) -> Progress:
    """Return the progress display for standard error."""
    if quiet:
        return _Silent()
    console = rich_console(sys.stderr)
    return _Lines() if console is None else _Live(console)


def describe(known: Snapshot, event: PollAnswered) -> str:
    """Return status, percentage and failed poll as text that is safe to print."""
    parts = [escape_for_display(known.status, _LONGEST_STATUS)] if known.status else []
    if known.percent is not None:
        parts.append(f"{known.percent:g} %")
    if event.status_code is None:
        parts.append("no answer")
    elif event.status_code >= HTTPStatus.BAD_REQUEST or not parts:
        parts.append(f"HTTP {event.status_code}")
    return ", ".join(parts)


class _Silent:
    """Prints nothing."""

    def shown(self) -> AbstractContextManager[object]:
        return nullcontext()

    def polled(self, target: Target, known: Snapshot, event: PollAnswered) -> None:
        del target, known, event

    def ended(self, target: Target) -> None:
        del target


class _Lines(_Silent):
    """Prints a line whenever the description of an operation changes."""

    def __init__(self) -> None:
        self._last: dict[int, str] = {}

    def polled(self, target: Target, known: Snapshot, event: PollAnswered) -> None:
        if event.wait_s is None:
            return
        text = describe(known, event)
        if self._last.get(target.number) != text:
            self._last[target.number] = text
            print(f"{target.name}: {text}; next read in {format_duration(event.wait_s)}", file=sys.stderr, flush=True)


class _Live:
    """Keeps a row for each running operation, with a bar if the service reports a percentage."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - optional
        from rich.progress import Progress as Bars  # noqa: PLC0415 - as above

        name = TextColumn("{task.description}", markup=False)
        status = TextColumn("{task.fields[status]}", markup=False)
        self._bars = Bars(
            SpinnerColumn(),
            name,
            BarColumn(bar_width=20),
            status,
            TimeElapsedColumn(),
            console=console,
            transient=True,
            # Without redirection, outcomes on the same screen would break the bars. A pipe must keep its outcomes.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._rows: dict[int, TaskID] = {}

    def shown(self) -> AbstractContextManager[object]:
        return self._bars

    def polled(self, target: Target, known: Snapshot, event: PollAnswered) -> None:
        row = self._rows.get(target.number)
        if row is None:
            if event.wait_s is None or len(self._rows) >= _MAX_ROWS:
                return
            row = self._rows[target.number] = self._bars.add_task(target.name, total=None, status="")
        status = describe(known, event)
        if event.wait_s is not None:
            status += f"; next read in {format_duration(event.wait_s)}"
        if known.percent is None:
            self._bars.update(row, status=status)
        else:
            self._bars.update(row, status=status, total=100.0, completed=known.percent)

    def ended(self, target: Target) -> None:
        row = self._rows.pop(target.number, None)
        if row is not None:
            self._bars.remove_task(row)
