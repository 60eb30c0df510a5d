"""How the demo looks: with rich on a terminal, else as plain lines."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from azpoll.cli.terminal import rich_console

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager

    from rich.console import Console
    from rich.progress import Progress, TaskID

    from azpoll.snapshot import Statistics

STYLES = {
    "": "",
    "request": "bold",
    "answer": "green",
    "header": "cyan",
    "quiet": "dim",
    "good": "bold green",
    "bad": "bold red",
}
"""A name for what a line is, to its look in rich."""

_EVERY_S = 1.0


class View(Protocol):
    """Where the demo is seen."""

    def heading(self, text: str) -> None:
        """Begin a section."""
        ...

    def line(self, text: str, style: str = "") -> None:
        """Print a line; `style` is a key of `STYLES`."""
        ...

    def fleet(self, total: int) -> AbstractContextManager[None]:
        """Show the progress of so many operations while entered."""
        ...

    def tick(self, now: Statistics, before: Statistics, elapsed_s: float) -> None:
        """Tell how far the fleet is; `before` is how things stood when it set out."""
        ...


def view_of_stdout() -> View:
    """Return the view that fits standard output."""
    console = rich_console(sys.stdout)
    return _Plain() if console is None else _Rich(console)


class _Plain:
    """Prints lines, of the fleet one per second."""

    def __init__(self) -> None:
        self._total = 0
        self._next_s = 0.0

    def heading(self, text: str) -> None:
        print(f"\n{text}\n{'-' * len(text)}", flush=True)

    def line(self, text: str, style: str = "") -> None:
        del style
        print(text, flush=True)

    @contextmanager
    def fleet(self, total: int) -> Generator[None]:
        self._total, self._next_s = total, 0.0
        yield

    def tick(self, now: Statistics, before: Statistics, elapsed_s: float) -> None:
        ended = _ended(now, before)
        if elapsed_s >= self._next_s or ended == self._total:
            self._next_s = elapsed_s + _EVERY_S
            reads = now.polls - before.polls
            text = f"{ended:>6,} of {self._total:,} ended  {now.running:>6,} running  {reads:>7,} reads"
            print(f"{elapsed_s:5.1f} s {text}", flush=True)


class _Rich:
    """Prints in colour and keeps a bar for the fleet."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: tuple[Progress, TaskID] | None = None

    def heading(self, text: str) -> None:
        self._console.print()
        self._console.rule(f"[bold]{text}", align="left", style="blue")

    def line(self, text: str, style: str = "") -> None:
        self._console.print(text, style=STYLES[style], markup=False, soft_wrap=True)

    @contextmanager
    def fleet(self, total: int) -> Generator[None]:
        from rich import progress as bars  # noqa: PLC0415 - optional

        described, elapsed = bars.TextColumn("{task.description}"), bars.TimeElapsedColumn()
        columns = (bars.BarColumn(), bars.MofNCompleteColumn(), described, elapsed)
        with bars.Progress(*columns, console=self._console) as progress:
            self._bar = progress, progress.add_task("", total=total)
            yield
        self._bar = None

    def tick(self, now: Statistics, before: Statistics, elapsed_s: float) -> None:
        del elapsed_s
        if self._bar is not None:
            progress, task = self._bar
            said = (
                f"[green]{now.succeeded - before.succeeded:,} succeeded[/]"
                f"  [red]{now.failed - before.failed:,} failed[/]"
                f"  [yellow]{now.canceled - before.canceled:,} canceled[/]  {now.running:,} running"
                f"  {now.polls - before.polls:,} reads"
            )
            progress.update(task, completed=_ended(now, before), description=said)


def _ended(now: Statistics, before: Statistics) -> int:
    return (now.tracked - now.running) - (before.tracked - before.running)
