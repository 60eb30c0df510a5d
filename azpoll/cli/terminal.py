"""The standard streams: text that each can encode, streams that cannot be written, and whether rich can draw."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, TextIO

from azpoll.cli.exit_codes import output_error_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from rich.console import Console

_DRAWN = "━⠋…"
"""Characters of rich's bars and spinners."""


@contextmanager
def usable_streams() -> Generator[None]:
    """Replace closed standard streams by the null device, and escape characters that a stream cannot encode."""
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as null:  # noqa: PTH123 - a device
        sys.stdout, sys.stderr = sys.stdout or null, sys.stderr or null
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


def write_line(text: str) -> None:
    """Write a line to standard output immediately.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        print(text, flush=True)
    except OSError as error:
        raise output_error_of(error) from error


def flush_output() -> None:
    """Write what standard output has buffered.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        raise output_error_of(error) from error


def is_closed(stream: TextIO) -> bool:
    """Whether the caller of the command had closed a standard stream, which `usable_streams` has replaced."""
    return getattr(stream, "name", None) == os.devnull  # a stream that leads to the device has another name


def write_error_line(text: str) -> bool:
    """Write a line to standard error immediately; False if it cannot be written or is closed."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        return False
    return not is_closed(sys.stderr)


def discard_unwritable_streams() -> None:
    """Redirect streams that cannot be written to the null device, so that the flush at exit changes no exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def encodable(text: str, stream: TextIO) -> str:
    r"""Return the text with escapes such as `\xfc` for characters that the stream cannot encode."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def rich_console(stream: TextIO) -> Console | None:
    """Return a rich console if the stream is a terminal and rich is installed; None where plain lines are printed."""
    if not stream.isatty() or find_spec("rich") is None or encodable(_DRAWN, stream) != _DRAWN:
        return None
    from rich.console import Console  # noqa: PLC0415 - optional, and slow to import

    console = Console(file=stream, highlight=False)
    return console if console.is_terminal and not console.is_dumb_terminal else None
