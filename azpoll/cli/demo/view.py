"""The view of the demo: rich on a terminal, otherwise plain lines."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from azpoll.cli.layout import columns, wrapped
from azpoll.cli.terminal import encodable, rich_console, write_line

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager

    from rich.console import Console
    from rich.progress import Progress, TaskID

    from azpoll import Statistics

STYLES = {
    "": "",
    "request": "bold",
    "answer": "green",
    "header": "cyan",
    "quiet": "dim",
    "good": "bold green",
    "bad": "bold red",
}
"""Name of a style to its rich markup."""

_INTERVAL_S = 1.0
_INDENT = " " * 11


class View(Protocol):
    """Displays the demo."""

    def heading(self, text: str) -> None:
        """Start a section."""
        ...

    def line(self, text: str, style: str = "") -> None:
        """Print a line; `style` is a key of `STYLES`."""
        ...

    def progress(self, total: int) -> AbstractContextManager[None]:
        """Show the progress of `total` operations while the context is entered."""
        ...

    def update(self, now: Statistics, before: Statistics, elapsed_s: float) -> None:
        """Update the progress; `before` holds the statistics when the progress was started."""
        ...


def create_view() -> View:
    """Return the view for standard output."""
    console = rich_console(sys.stdout)
    return _PlainView() if console is None else _RichView(console)


class _PlainView:
    """Prints lines, with one line of progress per second."""

    def __init__(self) -> None:
        self._total = 0
        self._next_s = 0.0

    def heading(self, text: str) -> None:
        lines = wrapped(text, columns(sys.stdout))
        write_line(f"\n{lines}\n{'-' * max(map(len, lines.splitlines()))}")

    def line(self, text: str, style: str = "") -> None:
        del style
        write_line(_fitted(encodable(text, sys.stdout), columns(sys.stdout)))

    @contextmanager
    def progress(self, total: int) -> Generator[None]:
        self._total, self._next_s = total, 0.0
        yield

    def update(self, now: Statistics, before: Statistics, elapsed_s: float) -> None:
        ended = _ended(now, before)
        if elapsed_s >= self._next_s or ended == self._total:
            self._next_s = elapsed_s + _INTERVAL_S
            reads = now.polls - before.polls
            text = f"{ended:>6,} of {self._total:,} ended  {now.running:>6,} running  {reads:>7,} reads"
            write_line(wrapped(f"{elapsed_s:5.1f} s {text}", columns(sys.stdout), _INDENT))


class _RichView:
    """Prints in color, with a progress bar."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: tuple[Progress, TaskID] | None = None

    def heading(self, text: str) -> None:
        self._console.print()
        self._console.rule(f"[bold]{text}", align="left", style="blue")

    def line(self, text: str, style: str = "") -> None:
        self._console.print(_fitted(text, self._console.width), style=STYLES[style], markup=False, soft_wrap=True)

    @contextmanager
    def progress(self, total: int) -> Generator[None]:
        from rich import progress as bars  # noqa: PLC0415 - optional

        description, elapsed = bars.TextColumn("{task.description}"), bars.TimeElapsedColumn()
        parts = (bars.BarColumn(bar_width=10), bars.MofNCompleteColumn(), description, elapsed)
        with bars.Progress(*parts, console=self._console) as progress:
            self._bar = progress, progress.add_task("", total=total)
            yield
        self._bar = None

    def update(self, now: Statistics, before: Statistics, elapsed_s: float) -> None:
        del elapsed_s
        if self._bar is not None:
            progress, task = self._bar
            description = (
                f"[green]{now.succeeded - before.succeeded:,} succeeded[/]"
                f"  [red]{now.failed - before.failed:,} failed[/]"
                f"  [yellow]{now.canceled - before.canceled:,} canceled[/]"
            )
            progress.update(task, completed=_ended(now, before), description=description)


def _fitted(text: str, width: int) -> str:
    """Return a line of the transcript or of the report as lines of at most `width` columns."""
    return wrapped(text, width, _INDENT)


def _ended(now: Statistics, before: Statistics) -> int:
    return (now.tracked - now.running) - (before.tracked - before.running)
