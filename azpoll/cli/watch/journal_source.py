"""The view of a journal, which another process may be writing."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from azpoll import JournalRow
from azpoll.cli.journal_file import journal_errors
from azpoll.cli.stored import StoredOperation
from azpoll.cli.watch.view import (
    GroupRow,
    OperationRow,
    View,
    first_rows,
    shown_group,
    shown_name,
    shown_reason,
    shown_status,
)
from azpoll.protocol.redaction import escape_for_display
from azpoll.protocol.resume_token import decode
from azpoll.protocol.token_content import InvalidToken

if TYPE_CHECKING:
    from pathlib import Path

    from azpoll.journal import JournalEntry, JournalGroup, JournalOverview, JournalReader, Owner


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
        counts.update(_ended(group))
    is_polled = owner is not None and owner.is_alive
    failures = [_row(entry, now_s, is_polled=is_polled) for entry in overview.failures]
    running = [_row(entry, now_s, is_polled=is_polled) for entry in overview.running]
    operations = first_rows(failures, running, most)
    listed = sum(row.concern != "failed" for row in operations)
    return View(
        counts,
        (_owner_text(owner),),
        tuple(_group(group, now_s) for group in overview.groups),
        operations,
        max(counts["running"] - listed, 0),
    )


def _ended(group: JournalGroup) -> dict[str, int]:
    names = ("succeeded", "failed", "canceled", "unknown", "not_started")
    return {name: getattr(group, name) for name in names}


def _group(group: JournalGroup, now_s: float) -> GroupRow:
    oldest_s = None if group.oldest_at is None else max(now_s - group.oldest_at, 0.0)
    return GroupRow(shown_group(group.label), group.running, group.failing, None, _ended(group), oldest_s)


def _row(entry: JournalEntry, now_s: float, *, is_polled: bool) -> OperationRow:
    stored, row = StoredOperation.of(entry), entry.row
    runs = isinstance(row, JournalRow)
    last_error = row.last_error if isinstance(row, JournalRow) else None
    return OperationRow(
        id=row.operation_id,
        name=shown_name(row.label, row.url),
        group=shown_group(row.group),
        state=stored.state,
        status=shown_status(row.status) if isinstance(row, JournalRow) else None,
        percent=row.percent if isinstance(row, JournalRow) else None,
        next_poll_s=_next_poll_s(row.token, now_s) if runs and is_polled else None,
        elapsed_s=max((now_s if runs else entry.updated_at) - entry.created_at, 0.0),
        reason=shown_reason(last_error if runs else stored.reason),
        concern=("failing" if last_error else "none") if runs else "failed",
    )


def _next_poll_s(token: str | None, now_s: float) -> float | None:
    """Return the seconds until the earliest next poll, of which a token tells; 0 if it may be sent."""
    try:
        not_before = 0.0 if token is None else decode(token.partition(".")[0]).not_before  # shown only: unverified
    except InvalidToken:
        return None
    return max(not_before - now_s, 0.0) if not_before else None


def _owner_text(owner: Owner | None) -> str:
    if owner is None or not owner.is_alive:
        return "no process owns the journal, so nothing is polled"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(owner.since))
    return f"tracked by process {owner.process_id} on {escape_for_display(owner.host, 64)} since {since}"
