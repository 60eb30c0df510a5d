"""Asking the service to cancel an operation (rule 43)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.errors import CancelFailed
from azpoll.protocol.answer import Answer, Unreachable
from azpoll.protocol.armerror import describe, read_error
from azpoll.protocol.kinds import Kind, kind_of
from azpoll.protocol.patterns import OPERATION_LOCATION
from azpoll.protocol.states import Confirming, Polling
from azpoll.protocol.target import Refusal
from azpoll.schedule.job import Errand

if TYPE_CHECKING:
    from azpoll.record import Record
    from azpoll.schedule.scheduler import Scheduler


async def cancel(record: Record, scheduler: Scheduler) -> bool:
    """Send the request to cancel, never beside another request for the operation; False when it ended first.

    Calls made while one is under way share it.

    Raises:
        CancelFailed: there is no way to cancel it, or the service refused.
    """
    state = record.state
    if record.ended or not isinstance(state, (Polling, Confirming)):
        return False
    errand = record.errand
    if errand is None:
        errand = record.errand = Errand(_cancel_url(record, state))
        scheduler.hurry(record)
    await errand.finished.wait()
    match errand.came:
        case None:
            return False
        case Answer() as came if kind_of(came.status_code) is Kind.READABLE:
            return True
        case Answer() as came:
            reported = read_error(came)
            text = f"{record.name} was not canceled: HTTP {came.status_code}, {describe(reported.error)}"
            raise CancelFailed(f"{text}. Tracking goes on", operation=record.name, reported=reported)
        case Unreachable() as came:
            text = f"it is not known whether {record.name} was asked to cancel: {came.fault.value}"
            raise CancelFailed(f"{text}. Tracking goes on", operation=record.name) from came.cause


def _cancel_url(record: Record, state: Polling | Confirming) -> str:
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
    target = plan.trust.target(named, base=plan.resource_url, resource_url=plan.resource_url)
    if isinstance(target, Refusal):
        raise CancelFailed(f"the URL to cancel {record.name} at is refused: {target.reason}", operation=record.name)
    return target
