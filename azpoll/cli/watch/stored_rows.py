"""The rows of a view for groups and operations that are stored: those of a journal and of a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll import JournalRow
from azpoll.cli.stored import StoredOperation
from azpoll.cli.watch.view import GroupRow, OperationRow, shown_group, shown_name, shown_reason, shown_status
from azpoll.protocol.resume_token import decode
from azpoll.protocol.token_content import InvalidToken

if TYPE_CHECKING:
    from azpoll.fleet import FleetStatistics
    from azpoll.journal import JournalEntry, JournalGroup


def ended_counts(group: JournalGroup | FleetStatistics) -> dict[str, int]:
    """Return the counts of operations that have ended, by state."""
    names = ("succeeded", "failed", "canceled", "unknown", "not_started")
    return {name: getattr(group, name) for name in names}


def group_row(group: JournalGroup, now_s: float) -> GroupRow:
    """Return the row of a group."""
    oldest_s = None if group.oldest_at is None else max(now_s - group.oldest_at, 0.0)
    return GroupRow(shown_group(group.label), group.running, group.failing, None, ended_counts(group), oldest_s)


def operation_row(entry: JournalEntry, now_s: float, *, is_polled: bool) -> OperationRow:
    """Return the row of an operation; `is_polled` is whether its token tells of the next poll."""
    stored, row = StoredOperation.of(entry), entry.row
    runs = isinstance(row, JournalRow)
    last_error = row.last_error if isinstance(row, JournalRow) else None
    return OperationRow(
        id=row.operation_id,
        name=shown_name(row.label, row.url or row.operation_id),
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
