"""Draws a view in a terminal again and again, at most 4 times a second, or prints it once."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

import anyio

from azpoll.cli.layout import columns
from azpoll.cli.terminal import encodable
from azpoll.cli.watch.rendering import lines_of

if TYPE_CHECKING:
    from typing import Self, TextIO

    from rich.console import Console
    from rich.text import Text

    from azpoll.cli.watch.rendering import Line
    from azpoll.cli.watch.view import View

INTERVAL_S = 0.25
"""The shortest time between two views."""

SHARE = 0.04
"""The share of one core that reading and drawing may take: the more operations, the longer the interval."""

ROWS = 20
"""Operations that are shown where there is no terminal."""

_STYLES = {"title": "bold", "bad": "red", "late": "yellow", "quiet": "dim", "plain": ""}


class Source(Protocol):
    """Where a view comes from."""

    async def read(self, most: int) -> View:
        """Return the present view with at most `most` operations."""
        ...

    def ended(self) -> bool:
        """Whether nothing will change any more."""
        ...


def text_of(view: View, stream: TextIO) -> str:
    """Return a view as plain lines that fit the stream."""
    lines = lines_of(view, columns(stream), None, partial(encodable, stream=stream))
    return "\n".join(line.text for line in lines)


class Screen:
    """A view on a terminal, drawn by rich; a context manager.

    Args:
        console: of the terminal.
        stream: that of the console.
        whole: whether the view has the whole screen, and leaves its last lines there at the end. Otherwise it is drawn
            at the bottom, and the program may print above it.
    """

    def __init__(self, console: Console, stream: TextIO, *, whole: bool) -> None:
        from rich.live import Live  # noqa: PLC0415 - optional

        self._console, self._whole = console, whole
        self._encodable = partial(encodable, stream=stream)
        self._shown: tuple[int, int, list[Line]] | None = None
        self._live = Live(
            console=console,
            screen=whole,
            auto_refresh=False,
            vertical_overflow="crop",
            redirect_stdout=not whole and sys.stdout.isatty(),  # a pipe keeps its output
            redirect_stderr=not whole and sys.stderr.isatty(),
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        if self._whole and self._shown is not None:
            self._console.print(_rich_text(self._shown[2]), soft_wrap=True)

    @property
    def rows(self) -> int:
        """The lines of the terminal."""
        return max(self._console.height - 1, 1)

    def draw(self, view: View) -> None:
        """Draw a view, unless the terminal shows the same lines already."""
        width, height = self._console.width, self.rows
        lines = lines_of(view, width, height, self._encodable)
        if (width, height, lines) != self._shown:
            self._shown = width, height, lines
            self._live.update(_rich_text(lines), refresh=True)


async def draw_until_ended(source: Source, screen: Screen, interval_s: float = INTERVAL_S) -> None:
    """Draw the views of a source until it has ended, and the last one.

    Args:
        source: of the views.
        screen: where they are drawn.
        interval_s: the shortest time between two reads, in seconds.
    """
    with screen:
        while True:
            ended, begun_s = source.ended(), time.perf_counter()
            screen.draw(await source.read(screen.rows))
            if ended:
                return
            pause_s = max((time.perf_counter() - begun_s) / SHARE, interval_s)
            await _pause(source, pause_s)


async def _pause(source: Source, pause_s: float) -> None:
    """Wait; a long pause is over soon after the end of the source."""
    end_s = anyio.current_time() + pause_s
    while (rest_s := end_s - anyio.current_time()) > 0 and not source.ended():  # noqa: ASYNC110 - it has no event
        await anyio.sleep(min(rest_s, INTERVAL_S))


def _rich_text(lines: list[Line]) -> Text:
    from rich.text import Text  # noqa: PLC0415 - optional

    text = Text(no_wrap=True, overflow="crop", end="")
    for number, line in enumerate(lines):
        text.append("\n" if number else "")
        text.append(line.text, _STYLES[line.style])
    return text
