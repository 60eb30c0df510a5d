"""What goes to standard error while operations are waited for: a live view on a terminal with rich, else lines."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from azpoll.cli.duration import spoken
from azpoll.cli.terminal import rich_console
from azpoll.protocol.redaction import escape_for_display

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from azpoll.cli.targets import Target
    from azpoll.events import PollAnswered
    from azpoll.snapshot import Snapshot

_TROUBLE = 400
_SHOWN = 20
"""Operations that the live view has lines for, so that it fits a screen."""


class Progress(Protocol):
    """Tells how far the operations are."""

    def shown(self) -> AbstractContextManager[object]:
        """Show it while entered."""
        ...

    def polled(self, target: Target, known: Snapshot, event: PollAnswered) -> None:
        """Tell of one answer and what is known since."""
        ...

    def ended(self, target: Target) -> None:
        """Tell that a target needs no more waiting."""
        ...


def progress_of(*, quiet: bool) -> Progress:
    """Return the progress that fits standard error."""
    if quiet:
        return _Silent()
    console = rich_console(sys.stderr)
    return _Lines() if console is None else _Live(console)


def describe(known: Snapshot, event: PollAnswered) -> str:
    """Return status, percentage and trouble, safe to print."""
    said = [escape_for_display(known.status, 40)] if known.status else []
    if known.percent is not None:
        said.append(f"{known.percent:g} %")
    if event.status_code is None:
        said.append("no answer")
    elif event.status_code >= _TROUBLE or not said:
        said.append(f"HTTP {event.status_code}")
    return ", ".join(said)


class _Silent:
    """Tells nothing."""

    def shown(self) -> AbstractContextManager[object]:
        return nullcontext()

    def polled(self, target: Target, known: Snapshot, event: PollAnswered) -> None:
        del target, known, event

    def ended(self, target: Target) -> None:
        del target


class _Lines(_Silent):
    """Prints a line whenever what is known of an operation has changed."""

    def __init__(self) -> None:
        self._last: dict[int, str] = {}

    def polled(self, target: Target, known: Snapshot, event: PollAnswered) -> None:
        if event.wait_s is None:
            return
        text = describe(known, event)
        if self._last.get(target.number) != text:
            self._last[target.number] = text
            print(f"{target.name}: {text}; next read in {spoken(event.wait_s)}", file=sys.stderr, flush=True)


class _Live:
    """Keeps a line for each operation that runs, with a bar where the service tells a percentage."""

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
            redirect_stdout=sys.stdout.isatty(),  # on the same screen; else results must not land on standard error
        )
        self._rows: dict[int, TaskID] = {}

    def shown(self) -> AbstractContextManager[object]:
        return self._bars

    def polled(self, target: Target, known: Snapshot, event: PollAnswered) -> None:
        row = self._rows.get(target.number)
        if row is None:
            if event.wait_s is None or len(self._rows) >= _SHOWN:
                return
            row = self._rows[target.number] = self._bars.add_task(target.name, total=None, status="")
        status = describe(known, event)
        if event.wait_s is not None:
            status += f"; next read in {spoken(event.wait_s)}"
        if known.percent is None:
            self._bars.update(row, status=status)
        else:
            self._bars.update(row, status=status, total=100.0, completed=known.percent)

    def ended(self, target: Target) -> None:
        row = self._rows.pop(target.number, None)
        if row is not None:
            self._bars.remove_task(row)
