"""Asking the service to cancel an operation (rule 43)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.errors import CancelFailed
from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.arm_error import describe, read_error
from azpoll.protocol.patterns import OPERATION_LOCATION
from azpoll.protocol.states import Confirming, Polling
from azpoll.protocol.status_class import StatusClass, status_class
from azpoll.protocol.url_policy import RejectedURL
from azpoll.schedule.job import CancelRequest

if TYPE_CHECKING:
    from azpoll.schedule.scheduler import Scheduler
    from azpoll.tracking.record import OperationRecord


async def cancel(record: OperationRecord, scheduler: Scheduler) -> bool:
    """Send the request to cancel, never beside another request for the operation; False when it ended first.

    Calls made while one is under way share it.

    Raises:
        CancelFailed: there is no way to cancel it, or the service refused.
    """
    state = record.state
    if record.ended or not isinstance(state, (Polling, Confirming)):
        return False
    cancel_request = record.cancel_request
    if cancel_request is None:
        cancel_request = record.cancel_request = CancelRequest(_cancel_url(record, state))
        scheduler.send_now(record)
    await cancel_request.finished.wait()
    match cancel_request.outcome:
        case None:
            return False
        case Answer() as outcome if status_class(outcome.status_code) is StatusClass.READABLE:
            return True
        case Answer() as outcome:
            reported = read_error(outcome)
            text = f"{record.name} was not canceled: HTTP {outcome.status_code}, {describe(reported.error)}"
            raise CancelFailed(f"{text}. Tracking goes on", operation=record.name, reported=reported)
        case RequestFailure() as outcome:
            text = f"it is not known whether {record.name} was asked to cancel: {outcome.fault.value}"
            raise CancelFailed(f"{text}. Tracking goes on", operation=record.name) from outcome.cause


def _cancel_url(record: OperationRecord, state: Polling | Confirming) -> str:
    """Return where to POST: what the caller gave, or the monitor of the Azure API guidelines with `:cancel`."""
    plan = state.plan
    named = record.cancel_url
    if named is None and isinstance(state, Polling) and state.pattern is OPERATION_LOCATION:
        path, question, query = state.url.partition("?")
        named = f"{path}:cancel{question}{query}"
    if named is None:
        raise CancelFailed(
            f"{record.name} names no way to cancel it: give `cancel_url` when tracking begins."
            " For ARM it is usually the resource's URL with /cancel",
            operation=record.name,
        )
    target = plan.url_policy.resolve(named, base=plan.resource_url, resource_url=plan.resource_url)
    if isinstance(target, RejectedURL):
        raise CancelFailed(f"the URL to cancel {record.name} at is refused: {target.reason}", operation=record.name)
    return target
