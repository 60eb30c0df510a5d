"""The standard streams: whether rich can draw on one, and standard output after a broken pipe."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def rich_console(stream: TextIO) -> Console | None:
    """Return a rich console if the stream is a terminal and rich is installed; None where plain lines are printed."""
    if not stream.isatty() or find_spec("rich") is None:
        return None
    from rich.console import Console  # noqa: PLC0415 - optional, and slow to import

    console = Console(file=stream, highlight=False)
    return console if console.is_terminal and not console.is_dumb_terminal else None


def discard_stdout() -> None:
    """Redirect standard output to the null device, so that the interpreter's flush at exit does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
