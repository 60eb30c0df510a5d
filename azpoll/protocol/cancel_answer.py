"""The state after the answer to a cancel request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.protocol.cookies import with_cookies
from azpoll.protocol.delay import Delay
from azpoll.protocol.machine import resume
from azpoll.protocol.reading import read
from azpoll.protocol.states import WithheldRequest

if TYPE_CHECKING:
    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.protocol.states import Pending, State


def after_cancel(state: Pending, outcome: Answer | RequestFailure, since_s: float) -> State:
    """Return the state after the answer to a cancel request: its `Retry-After` applies to the next poll (rule 34).

    Later requests carry its cookies (rule 52).

    The last answer to a poll came at `since_s`.
    """
    reading = read(outcome)
    if reading.sets_cookies:
        state = with_cookies(state, outcome)
    retry_after_s = reading.retry_after_s
    if retry_after_s is None:
        return state
    delay_s = outcome.at_s + state.plan.delay_limits.clamp(retry_after_s) - since_s
    before = state.next_request.delay
    if before.by_server and delay_s <= before.seconds:
        return state
    delay = Delay(max(delay_s, before.retry_after_s), by_server=True)
    if isinstance(state.next_request, WithheldRequest):  # keep the last answer for the error at the deadline (rule 38)
        return state._replace(next_request=state.next_request._replace(delay=delay))
    return resume(state, delay, since_s)
