"""The view of a journal, which another process may be writing."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from azpoll.cli.journal_file import journal_errors
from azpoll.cli.watch.stored_rows import ended_counts, group_row, operation_row
from azpoll.cli.watch.view import View, first_rows
from azpoll.protocol.redaction import escape_for_display

if TYPE_CHECKING:
    from pathlib import Path

    from azpoll.journal import JournalOverview, JournalReader, Owner


class JournalSource:
    """Reads a journal when it has changed.

    Args:
        reader: of the journal.
        path: of its file, which no message repeats.
    """

    def __init__(self, reader: JournalReader, path: Path) -> None:
        self._reader, self._path = reader, path
        self._read_at: tuple[int, int] | None = None
        self._overview: JournalOverview | None = None

    async def read(self, most: int) -> View:
        """Return the present view with at most `most` operations.

        Raises:
            CommandError: the journal cannot be read.
        """
        with journal_errors(self._path):
            version = self._reader.version()
            overview = self._overview
            if overview is None or self._read_at != (version, most):
                self._read_at, self._overview = (version, most), (overview := self._reader.overview(most))
            return _view_of(overview, self._reader.owner(), most, time.time())

    def ended(self) -> bool:
        """Return False: other processes may begin operations at any time."""
        return False


def _view_of(overview: JournalOverview, owner: Owner | None, most: int, now_s: float) -> View:
    counts: Counter[str] = Counter(running=sum(group.running for group in overview.groups))
    for group in overview.groups:
        counts.update(ended_counts(group))
    is_polled = owner is not None and owner.is_alive
    failures = [operation_row(entry, now_s, is_polled=is_polled) for entry in overview.failures]
    running = [operation_row(entry, now_s, is_polled=is_polled) for entry in overview.running]
    operations = first_rows(failures, running, most)
    listed = sum(row.concern != "failed" for row in operations)
    return View(
        counts,
        (_owner_text(owner),),
        tuple(group_row(group, now_s) for group in overview.groups),
        operations,
        max(counts["running"] - listed, 0),
    )


def _owner_text(owner: Owner | None) -> str:
    if owner is None or not owner.is_alive:
        return "no process owns the journal, so nothing is polled"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(owner.since))
    return f"tracked by process {owner.process_id} on {escape_for_display(owner.host, 64)} since {since}"
