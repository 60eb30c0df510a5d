"""The request that asks the service to cancel an operation (rule 43)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from azpoll.errors import CancelFailed
from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.arm_error import describe, read_error
from azpoll.protocol.cookies import cookies_for
from azpoll.protocol.patterns import OPERATION_LOCATION
from azpoll.protocol.reading import StatusClass, read, status_class
from azpoll.protocol.states import Confirming, Polling
from azpoll.protocol.url_policy import RejectedURL
from azpoll.schedule.job import CancelRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from azpoll.schedule.scheduler import Scheduler
    from azpoll.tracking.record import OperationRecord
    from azpoll.transport.library import HTTPResponse
    from azpoll.transport.transport import Transport


async def cancel(record: OperationRecord, scheduler: Scheduler, transport: Transport[HTTPResponse]) -> bool:
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
    outcome = request.outcome
    if outcome is None:
        return False
    head = outcome if isinstance(outcome, Answer) else outcome.head
    if head is not None and status_class(head.status_code) is StatusClass.READABLE:
        return True
    raise _error_of(record, outcome, transport)


def _error_of(
    record: OperationRecord, outcome: Answer | RequestFailure, transport: Transport[HTTPResponse]
) -> CancelFailed:
    """Return the exception for a cancel request that was refused or not answered; it names the service's wait."""
    asked_s, response, reported = read(outcome).retry_after_s, None, None
    wait_s = None if asked_s is None else record.plan.delay_limits.clamp(asked_s)
    wait = "" if wait_s is None else f". The service asks to wait {math.ceil(wait_s)} s before another request"
    match outcome:
        case Answer() as answer:
            response, reported = transport.response_from(answer), read_error(answer)
            why = f"was not canceled: HTTP {answer.status_code}, {describe(reported.error)}"
        case RequestFailure(head=Answer() as head):
            reported = read_error(head)
            why = f"was not canceled: HTTP {head.status_code}, and the answer could not be read ({outcome.reason})"
        case RequestFailure() as failure:
            effect = "may have been asked to cancel" if failure.may_have_arrived else "was not asked to cancel"
            why = f"{effect}: {failure.reason}"
    text = f"{record.name} {why}{wait}. Tracking goes on"
    error = CancelFailed(text, operation=record.name, response=response, reported=reported)
    error.retry_after_s = wait_s
    error.__cause__ = outcome.cause if isinstance(outcome, RequestFailure) else None
    return error


def send_cancel(transport: Transport[HTTPResponse], request: CancelRequest) -> Awaitable[Answer | RequestFailure]:
    """Send a cancel request."""
    method, url, headers, params_at = request.method, request.url, request.headers, request.params_at
    if request.cookies:
        return transport.poll(method, url, headers=headers, params_at=params_at, cookies=request.cookies)
    return transport.poll(method, url, headers=headers, params_at=params_at, anonymous=request.anonymous)


def _cancel_request(record: OperationRecord, state: Polling | Confirming) -> CancelRequest:
    """Return the cancel request (rule 43).

    Its target is the caller's `cancel_url`. Without one, a DELETE goes to the status monitor, and a POST to the monitor
    of an `Operation-Location` with `:cancel` appended.
    """
    plan = record.plan
    headers, _, named, method, kept = plan.request_options
    polling = state.polling if isinstance(state, Confirming) else state
    if named is None and method == "DELETE" and polling.pattern.is_monitor:
        named = polling.url
    elif named is None and method == "POST" and polling.pattern is OPERATION_LOCATION:
        path, question, query = polling.url.partition("?")
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
    if plan.url_policy.is_anonymous(url):
        return CancelRequest(url, method=method, anonymous=True)
    cookies = cookies_for(kept, url, plan.url_policy.parse)
    return CancelRequest(url, method=method, headers=headers, params_at=plan.url_policy.initial, cookies=cookies)
