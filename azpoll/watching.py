"""`azpoll.watch`: a live table of the operations of a tracker, in the terminal of its process."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from azpoll.tracker import Tracker
from azpoll.tracking.settings import checked_value

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["watch"]


async def watch(
    tracker: Tracker[Any],  # of the responses of any library
    *,
    stream: TextIO | None = None,
) -> None:
    """Draw the operations of a tracker in a terminal, until none runs.

    The table is drawn at most 4 times a second, and takes at most some 5 % of one core. It shows groups, read limits,
    and as many operations as fit: failed ones, those whose polls fail or are late, and the oldest. Failures are those
    since this call. A cancellation ends the drawing, and harms no operation. Where the stream is no terminal, the table
    is printed once, at the end.

    The terminal is written from the event loop. One that takes no output, such as after Ctrl-S, stops the polling too.

    Args:
        tracker: that was entered in this event loop. If no operation runs, the table is drawn once.
        stream: the terminal; None for standard error.

    Raises:
        ModuleNotFoundError: rich is missing.
        WrongEventLoop: the tracker was not entered.
    """
    checked_value("tracker", tracker, Tracker)
    if find_spec("rich") is None:
        raise ModuleNotFoundError("azpoll.watch needs rich: python -m pip install 'azpoll[cli]'", name="rich")
    from azpoll.cli.watch.tracker_source import watch_tracker  # noqa: PLC0415 - takes 0.1 s to import

    await watch_tracker(tracker, sys.stderr if stream is None else stream)
