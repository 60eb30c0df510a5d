"""Progress on standard error: a live view on a terminal with rich, otherwise lines."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from azpoll.cli.layout import columns, width_of, without_end, without_start
from azpoll.cli.terminal import encodable, rich_console, write_error_line
from azpoll.duration_text import duration_text
from azpoll.protocol.redaction import escape_for_display

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from azpoll import PollAnswered, Snapshot

_LONGEST_STATUS, _LONGEST_ERROR = 40, 120
_LEAST_NAME = 16
"""Columns that a name keeps beside a long description."""
_BESIDE_NAME, _WIDTH_WITH_BAR = 50, 110
"""Columns of the live view for all but names, and of a terminal with room for bars."""
_MAX_ROWS = 20
"""Rows of the live view, so that it fits on a screen."""


class Named(Protocol):
    """An operation that the progress names."""

    @property
    def number(self) -> int:
        """Unique in the command."""
        ...

    @property
    def name(self) -> str:
        """Safe to print."""
        ...


class Progress(Protocol):
    """Shows the progress of the operations."""

    def shown(self) -> AbstractContextManager[object]:
        """Show the progress while the context is entered."""
        ...

    def polled(self, target: Named, known: Snapshot, event: PollAnswered) -> None:
        """Show one answer to a poll, and the state after it."""
        ...

    def ended(self, target: Named) -> None:
        """Remove a target that ended."""
        ...


def create_progress(*, quiet: bool) -> Progress:
    """Return the progress display for standard error."""
    if quiet:
        return _Silent()
    console = rich_console(sys.stderr)
    return _Lines() if console is None else _Live(console)


def describe(known: Snapshot, event: PollAnswered) -> str:
    """Return status, percentage and failed polls as text that is safe to print."""
    parts = [escape_for_display(known.status, _LONGEST_STATUS)] if known.status else []
    if known.percent is not None:
        parts.append(f"{known.percent:g} %")
    if (failing := failing_polls(known)) is not None:
        parts.append(failing)
    elif not parts:
        parts.append(f"HTTP {event.status_code}")
    return ", ".join(parts)


def failing_polls(known: Snapshot) -> str | None:
    """Return why the last poll failed and how many failed in a row, safe to print; None if the last one was read."""
    if known.last_error is None:
        return None
    in_a_row = f", {known.failures} polls in a row" if known.failures > 1 else ""
    return escape_for_display(known.last_error, _LONGEST_ERROR) + in_a_row


def _next_read(wait_s: float, known: Snapshot) -> str:
    """Return the seconds until the next read, as the end of a description."""
    between = "; next read" if known.last_error is None else ", next"
    return f"{between} in {duration_text(wait_s)}"


def _line(name: str, text: str, end: str, width: int) -> str:
    """Return a line of at most `width` columns: first the name is shortened, then the text."""
    room = width - len(end) - len(": ")
    name, text = encodable(name, sys.stderr), encodable(text, sys.stderr)
    name = without_start(name, max(room - width_of(text), min(_LEAST_NAME, room // 2)))
    return f"{name}: {without_end(text, room - width_of(name))}{end}"


class _Silent:
    """Prints nothing."""

    def shown(self) -> AbstractContextManager[object]:
        return nullcontext()

    def polled(self, target: Named, known: Snapshot, event: PollAnswered) -> None:
        del target, known, event

    def ended(self, target: Named) -> None:
        del target


class _Lines(_Silent):
    """Prints a line whenever the description of an operation changes."""

    def __init__(self) -> None:
        self._last: dict[int, str] = {}

    def polled(self, target: Named, known: Snapshot, event: PollAnswered) -> None:
        if event.wait_s is None:
            return
        text = describe(known, event)
        if self._last.get(target.number) != text:
            self._last[target.number] = text
            write_error_line(_line(target.name, text, _next_read(event.wait_s, known), columns(sys.stderr)))


class _Live:
    """Keeps a row for each running operation; on a wide terminal with a bar if the service reports a percentage."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - optional
        from rich.progress import Progress as Bars  # noqa: PLC0415 - as above

        name = TextColumn("{task.description}", markup=False)
        status = TextColumn("{task.fields[status]}", markup=False)
        self._name_width = max(console.width - _BESIDE_NAME, _LEAST_NAME)
        bar = (BarColumn(bar_width=20),) if console.width >= _WIDTH_WITH_BAR else ()
        self._bars = Bars(
            SpinnerColumn(),
            name,
            *bar,
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

    def polled(self, target: Named, known: Snapshot, event: PollAnswered) -> None:
        row = self._rows.get(target.number)
        if row is None:
            if event.wait_s is None or len(self._rows) >= _MAX_ROWS:
                return
            row = self._rows[target.number] = self._bars.add_task(self._name_of(target), total=None, status="")
        status = describe(known, event)
        if event.wait_s is not None:
            status += _next_read(event.wait_s, known)
        if known.percent is None:
            self._bars.update(row, status=status)
        else:
            self._bars.update(row, status=status, total=100.0, completed=known.percent)

    def _name_of(self, target: Named) -> str:
        return without_start(target.name, self._name_width)

    def ended(self, target: Named) -> None:
        row = self._rows.pop(target.number, None)
        if row is not None:
            self._bars.remove_task(row)
