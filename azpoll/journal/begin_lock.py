"""The lock that each process holds while it begins an operation in a journal that it does not own.

It is a shared lock on a side file, `<file>-begin`, which ends with the process. An intent of such a process is
unanswered only after that.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from azpoll.journal.side_lock import SideLock, is_locked, side_file
from azpoll.protocol.json_body import is_object
from azpoll.tracking.journal import JournalRow

if TYPE_CHECKING:
    from pathlib import Path

    from azpoll.tracking.journal import JournalResult

WAIT_S = 5.0
"""How long the shared lock is waited for in seconds. The exclusive one is held for less than a millisecond."""

_MARK = "begun_beside_owner"
_SUFFIX = "-begin"


class BeginLock(SideLock):
    """The shared lock, until `close`."""

    def __init__(self, path: Path) -> None:
        super().__init__(side_file(path, _SUFFIX), exclusive=False, wait_s=WAIT_S)


def is_held(path: Path) -> bool:
    """Whether a process is beginning an operation beside the owner now."""
    return is_locked(side_file(path, _SUFFIX), exclusively=False)


def marked(row: JournalRow) -> JournalRow:
    """Return an intent with the mark of a process that does not own the journal."""
    return row._replace(options=json.dumps({**_options_of(row), _MARK: True}))


def may_be_beginning(row: JournalRow | JournalResult) -> bool:
    """Whether a row is the intent of a process that does not own the journal, and may still be running."""
    return isinstance(row, JournalRow) and row.intent and _MARK in _options_of(row)


def _options_of(row: JournalRow) -> dict[str, object]:
    stored: object = json.loads(row.options) if row.options else {}
    return dict(stored) if is_object(stored) else {}
