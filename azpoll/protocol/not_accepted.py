"""The states after an initial request that no 2xx answered: the service may have executed it nevertheless (rule 53)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.protocol.delay import first_step, poll_delay
from azpoll.protocol.failures import http_status
from azpoll.protocol.patterns import UNANSWERED
from azpoll.protocol.reading import StatusClass
from azpoll.protocol.states import NextRequest, Polling, Succeeded, Unknown, UnknownReason

if TYPE_CHECKING:
    from azpoll.protocol.plan import Plan
    from azpoll.protocol.reading import Reading
    from azpoll.protocol.states import State

CONFLICT, PRECONDITION_FAILED = 409, 412


def not_accepted(plan: Plan, reading: Reading, *, repeated: bool) -> State:
    """Return the state after an initial answer outside 2xx; `repeated` is as for `machine.start`.

    A repetition may be refused because an earlier attempt was accepted: it finds the resource deleted, being changed,
    or with another ETag. An HTML page comes from a gateway, so it shows none of that.
    """
    polling = None if plan.sent_s is None else resource_polling(plan, reading.retry_after_s)
    if repeated and not reading.is_html:
        if plan.method == "DELETE" and reading.status_class is StatusClass.MISSING:
            return Succeeded(reading.outcome.without_content())
        if polling and plan.changes_resource and reading.status_code in {CONFLICT, PRECONDITION_FAILED}:
            return polling
    return Unknown(UnknownReason.NOT_STARTED, http_status(reading), polling, reading.outcome)


def resource_polling(plan: Plan, retry_after_s: float | None = None) -> Polling | None:
    """Return the state that polls the resource after an initial request without an answer; None without a resource."""
    if plan.method not in {"PUT", "PATCH", "DELETE"}:
        return None
    delay = poll_delay(retry_after_s, plan.delay_limits, 0)
    return Polling(plan, UNANSWERED, plan.resource_url, NextRequest(plan.resource_url, delay), step=first_step(delay))
