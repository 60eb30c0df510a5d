"""The log of azpoll as lines of standard error."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from azpoll.cli.origins import in_options
from azpoll.cli.terminal import write_error_line
from azpoll.protocol.redaction import escape_for_display

if TYPE_CHECKING:
    from collections.abc import Generator

_LONGEST_LINE = 1000


class _ErrorLines(logging.Handler):
    """Writes the records of azpoll to standard error, one line each and without tracebacks."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        kind = "" if not record.exc_info or record.exc_info[0] is None else f" ({record.exc_info[0].__name__})"
        write_error_line(f"# {in_options(escape_for_display(record.getMessage(), _LONGEST_LINE))}{kind}")


@contextmanager
def log_lines(level: int) -> Generator[None]:
    """Write the records of the logger `azpoll` from a level on, while the context is entered."""
    logger, handler = logging.getLogger("azpoll"), _ErrorLines(level)
    level_before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(level_before)
        logger.removeHandler(handler)
