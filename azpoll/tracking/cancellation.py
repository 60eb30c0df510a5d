"""The request that asks the service to cancel an operation (rule 43)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.errors import CancelFailed
from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.arm_error import describe, read_error
from azpoll.protocol.patterns import OPERATION_LOCATION
from azpoll.protocol.reading import StatusClass, status_class
from azpoll.protocol.states import Confirming, Polling
from azpoll.protocol.url_policy import RejectedURL
from azpoll.schedule.job import CancelRequest

if TYPE_CHECKING:
    from azpoll.schedule.scheduler import Scheduler
    from azpoll.tracking.record import OperationRecord


async def cancel(record: OperationRecord, scheduler: Scheduler) -> bool:
    """Send the cancel request, never beside another request of the operation; False if the operation ended first.

    Concurrent calls share one request.

    Raises:
        CancelFailed: there is no URL to cancel at, or the service refused.
    """
    state = record.state
    if record.ended or not isinstance(state, (Polling, Confirming)):
        return False
    request = record.cancel_request
    if request is None:
        request = record.cancel_request = _cancel_request(record, state)
        scheduler.send_now(record)
    await request.finished.wait()
    match request.outcome:
        case None:
            return False
        case Answer() as answer if status_class(answer.status_code) is StatusClass.READABLE:
            return True
        case Answer() as answer:
            reported = read_error(answer)
            why = f"HTTP {answer.status_code}, {describe(reported.error)}. Tracking goes on"
            raise CancelFailed(f"{record.name} was not canceled: {why}", operation=record.name, reported=reported)
        case RequestFailure() as failure:
            if failure.may_have_arrived:
                text = f"it is unknown whether {record.name} was asked to cancel: {failure.reason}. Tracking goes on"
            else:
                text = f"{record.name} was not asked to cancel: {failure.reason}. Tracking goes on"
            raise CancelFailed(text, operation=record.name) from failure.cause


def _cancel_request(record: OperationRecord, state: Polling | Confirming) -> CancelRequest:
    """Return a request for the caller's `cancel_url`, else for the monitor of the API guidelines with `:cancel`."""
    plan = record.plan
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
    url = plan.resolve(named, plan.resource_url)
    if isinstance(url, RejectedURL):
        raise CancelFailed(f"the URL to cancel {record.name} at is refused: {url.explanation}", operation=record.name)
    return CancelRequest(url, anonymous=plan.url_policy.is_anonymous(url))
