"""The one place that knows whether rich may draw: when it is installed and the stream is a terminal."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def rich_console(stream: TextIO) -> Console | None:
    """Return a console of rich's on a terminal; None where plain lines are due."""
    if not stream.isatty() or find_spec("rich") is None:
        return None
    from rich.console import Console  # noqa: PLC0415 - optional, and slow to import

    console = Console(file=stream, highlight=False)
    return console if console.is_terminal and not console.is_dumb_terminal else None
