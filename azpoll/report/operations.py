"""`ReportedOperation`: an operation as a report shows it, without secrets."""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from azpoll.journal import JournalEntry
from azpoll.operation_state import OperationState
from azpoll.protocol.answer import Answer
from azpoll.protocol.arm_error import ARMError, read_error
from azpoll.protocol.redaction import escape_for_display, masked_url
from azpoll.telemetry.log_redaction import redacted
from azpoll.tracking.journal import JournalResult, JournalRow
from azpoll.tracking.row_text import state_of, without_advice, without_name

STATES = ("failed", "unknown", "not_started", "canceled", "running", "intent", "succeeded")
"""All states of a report. The states that need attention come first."""

OPEN = frozenset({"running", "intent"})

_LONGEST_NAME, _LONGEST_WORD, _LONGEST_TEXT = 100, 120, 2000
_MOST_DETAILS, _DEEPEST = 50, 5
_SUSPICIOUS = re.compile(r"[/:=?&]|bearer|basic|sharedkey|eyj", re.IGNORECASE)
"""Texts without a match hold nothing that `redacted` masks; it takes 60 us for one text."""


class ReportedDetail(NamedTuple):
    """One error below the error of an operation.

    Attributes:
        depth: 1 for those directly below.
    """

    depth: int
    code: str | None
    message: str | None
    target: str | None


class ReportedOperation(NamedTuple):
    """An operation. Each text is one line, and query values and credentials in it are masked.

    Attributes:
        name: the label, or the last two segments of the path.
        target: URL of the initial request, without the values of its query.
        state: one of `STATES`; `intent` before the answer to the initial request is stored.
        status: the status word last read; None after the end.
        http_status: of the last answer; None before the end.
        begun_s: Unix time in seconds of the first row.
        ended_s: Unix time in seconds of the end; None before.
        polls: None if the journal does not know it.
        throttled: polls that were answered with 429; likewise.
        reason: why it did not succeed; None after success.
        code: the service's error code after a failure, like `message` and `details`.
        percent: progress while it runs, 0..100; None if it is not known.
        last_error: why its last poll failed, while it runs; None if it did not.
    """

    id: str
    name: str
    group: str | None
    method: str
    target: str
    state: str
    status: str | None
    http_status: int | None
    request_id: str | None
    begun_s: float
    ended_s: float | None
    polls: int | None
    throttled: int | None
    reason: str | None = None
    code: str | None = None
    message: str | None = None
    details: tuple[ReportedDetail, ...] = ()
    percent: float | None = None
    last_error: str | None = None

    def duration_s(self, now_s: float) -> float:
        """Return the seconds from the beginning to the end, or until now while it runs."""
        return max((now_s if self.ended_s is None else self.ended_s) - self.begun_s, 0.0)


def reported(entry: JournalEntry) -> ReportedOperation:
    """Return the operation of an entry."""
    row = entry.row
    is_result = isinstance(row, JournalResult)
    shown = common_of(
        operation_id=row.operation_id,
        label=row.label,
        group=row.group,
        method=row.method,
        url=row.url,
        state=state_of(row),
        status=row.status if isinstance(row, JournalRow) else None,
        begun_s=entry.created_at,
        ended_s=entry.updated_at if is_result else None,
        polls=row.polls,
    )
    shown = shown._replace(throttled=row.throttled, request_id=_optional(row.client_request_id, _LONGEST_WORD))
    if isinstance(row, JournalRow):
        return with_progress(shown, row.percent, row.last_error)
    shown = shown._replace(http_status=row.status_code)
    if row.state is OperationState.SUCCEEDED:
        return shown
    if row.status_code is None or row.state is OperationState.UNKNOWN:
        return with_error(shown, row.operation_id, row.error, None)
    answer = Answer(row.status_code, {}, row.body, "", datetime.now(UTC), 0.0)
    return with_error(shown, row.operation_id, row.error, read_error(answer).error)


def common_of(
    *,
    operation_id: str,
    label: str | None,
    group: str | None,
    method: str,
    url: str,
    state: str,
    status: str | None,
    begun_s: float,
    ended_s: float | None,
    polls: int | None,
) -> ReportedOperation:
    """Return the members that all operations have; texts are as they were stored."""
    name = _shown(label, _LONGEST_NAME) if label else _name_of(url)
    return ReportedOperation(
        id=_shown(operation_id, _LONGEST_WORD),
        name=name or _shown(operation_id, _LONGEST_NAME),
        group=None if group is None else _shown(group, _LONGEST_NAME),
        method=_shown(method, _LONGEST_WORD),
        target=masked_url(url),
        state=state,
        status=None if status is None else _shown(status, _LONGEST_WORD),
        http_status=None,
        request_id=None,
        begun_s=begun_s,
        ended_s=ended_s,
        polls=polls,
        throttled=None,
    )


def with_progress(operation: ReportedOperation, percent: float | None, last_error: str | None) -> ReportedOperation:
    """Return an operation that runs with its progress, and with the error of its last poll."""
    return operation._replace(percent=percent, last_error=_optional(last_error, _LONGEST_TEXT))


def with_error(
    operation: ReportedOperation, operation_id: str, text: str | None, error: ARMError | None
) -> ReportedOperation:
    """Return an operation that did not succeed with its reason, and with the error that the service sent, if any."""
    reason = None if text is None else _shown(without_advice(without_name(text, operation_id)), _LONGEST_TEXT)
    operation = operation._replace(reason=reason)
    if error is None:
        return operation
    return operation._replace(
        code=_optional(error.code, _LONGEST_WORD),
        message=_optional(error.message, _LONGEST_TEXT),
        details=tuple(_details(error, 1))[:_MOST_DETAILS],
    )


def _details(error: ARMError, depth: int) -> Iterator[ReportedDetail]:
    for below in error.details if depth <= _DEEPEST else ():
        code, target = _optional(below.code, _LONGEST_WORD), _optional(below.target, _LONGEST_TEXT)
        message = _optional(below.message, _LONGEST_TEXT)
        yield ReportedDetail(depth, code, message, target)
        yield from _details(below, depth + 1)


def _name_of(url: str) -> str:
    """Return the last two segments of the path of a URL, or its host."""
    segments = [segment for segment in url.partition("?")[0].split("/")[2:] if segment]
    return _shown("/".join(segments[1:][-2:] or segments[:1]), _LONGEST_NAME)


def _optional(text: str | None, limit: int) -> str | None:
    return _shown(text, limit) if text else None


def _shown(text: str, limit: int) -> str:
    """Return one line without secrets and without characters that act on a terminal."""
    text = text[: 2 * limit]
    return escape_for_display(redacted(text) if _SUSPICIOUS.search(text) else text, limit)
