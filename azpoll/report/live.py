"""An operation of a tracker of this process, as a report shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azpoll.operation_state import OperationState
from azpoll.report.operations import ReportedOperation, common_of, with_error, with_progress

if TYPE_CHECKING:
    from azpoll.errors import AzpollError
    from azpoll.operation import AsyncOperation


def reported_live(operation: AsyncOperation[Any]) -> ReportedOperation:
    """Return an operation; its times are those of its tracking, and its polls those of this process."""
    now = operation.snapshot()
    ended = operation.done()
    state = operation.state
    is_open = state in {OperationState.RUNNING, OperationState.FETCHING}
    shown = common_of(
        operation_id=operation.id,
        label=operation.label,
        group=operation.group,
        method=operation.method,
        url=operation.target,
        state=OperationState.RUNNING.value if is_open else state.value,
        status=now.status if is_open else None,
        begun_s=now.started_at.timestamp(),
        ended_s=None if now.ended_at is None or not ended else now.ended_at.timestamp(),
        polls=now.polls,
    )
    if not ended:
        return with_progress(shown, now.percent, now.last_error)
    error = operation.exception()
    return shown if error is None else _with_error(shown, operation.id, error)


def _with_error(shown: ReportedOperation, operation_id: str, error: AzpollError) -> ReportedOperation:
    sent = None if error.reported is None or shown.state == "unknown" else error.reported.error
    return with_error(shown._replace(http_status=error.status_code), operation_id, str(error), sent)
