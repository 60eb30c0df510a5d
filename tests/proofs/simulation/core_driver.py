"""Runs one operation through the core in virtual time, from start to end, against the simulated service."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpoll.protocol import resume_token as tokens
from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.delay import Delay
from azpoll.protocol.machine import advance, expire, expires_at, resume, start
from azpoll.protocol.states import Confirming, Fetching, Polling, Succeeded, Unknown
from azpoll.protocol.url_policy import RejectedURL
from tests.proofs.simulation.fault_scripts import FixedScript
from tests.proofs.simulation.ground_truth import NOON, RESOURCE
from tests.proofs.simulation.operation_history import Ended, History, Killed, Received, Sent
from tests.proofs.simulation.simulated_service import ROLES, Situation, honest, initial, situation_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.protocol.plan import Plan
    from azpoll.protocol.states import Pending, State
    from tests.proofs.simulation.fault_scripts import Script
    from tests.proofs.simulation.ground_truth import Truth
    from tests.proofs.simulation.service_reply import ServiceReply

MAX_REQUESTS = 400
"""The number of requests after which an operation counts as endless."""

_LATENESS_S = (0.0, 0.0, 0.0, 0.25, 0.0, 1.5, 0.0, 0.0, 40.0)
_LATENCY_S = (0.05, 0.0, 0.2, 0.05, 2.0, 0.05, 0.1)
_TIMEOUT_S = 30.0
_CLOCKS_DIFFER_S = 1.0  # the tracker adds it to the time in a token


class Core(NamedTuple):
    """The core under test: `start` and `advance`, or broken versions of them."""

    start: Callable[[Plan, Answer], State] = start
    advance: Callable[[Pending, Answer | RequestFailure], State] = advance
    expires_at: Callable[[Pending, float], float | None] = expires_at


def simulate(truth: Truth, script: Script, core: Core) -> History:
    """Return the history of an operation whose service follows the script."""
    history: History = []
    reply = script.initial(initial(truth))
    plan = truth.plan
    history += Sent(0.0, 0.0, RESOURCE), Received(0.0, reply)
    try:
        state = core.start(plan, _answer(reply, RESOURCE, 0.0, truth.method))
        state, at_s = _poll_to_end(truth, state, 0.0, script, core, history)
        ended = _ending(truth, state, at_s, core)
    except Exception as error:  # noqa: BLE001 - an exception of the core is a failure of this operation
        ended = Ended(history[-1].at_s, "raised", repr(error))
    history.append(ended)
    return history


def _poll_to_end(  # noqa: PLR0917 - the loop of `simulate`, shared with resuming
    truth: Truth, state: State, at_s: float, script: Script, core: Core, history: History
) -> tuple[State, float]:
    number, ends_at_s = truth.number, truth.ends_at_s
    for step in range(MAX_REQUESTS):
        if not isinstance(state, (Polling, Fetching, Confirming)):
            break
        expires_s = core.expires_at(state, at_s)
        if expires_s is not None:
            return expire(state), expires_s
        url, due_s = state.next_request.url, at_s + state.next_request.delay.seconds
        at_s = due_s + _LATENESS_S[(number + step) % 9]
        history.append(Sent(due_s, at_s, url))
        role = ROLES.get(url)
        situation = situation_of(truth, role)
        if role is None or situation is Situation.UNRELATED:
            break
        ended = at_s >= ends_at_s
        true = honest(truth, role, situation, ended=ended)
        reply = script.next(role, situation, true, succeeded=ended and truth.ending == "succeeded")
        at_s += _TIMEOUT_S if reply.name == "timeout" else _LATENCY_S[(number + step) % 7]
        history.append(Received(at_s, reply))
        state = core.advance(state, _outcome_of(reply, url, at_s))
        if script.kills and isinstance(state, (Polling, Fetching, Confirming)):
            history.append(Killed(at_s))
            state = _resumed(state, at_s)
    return state, at_s


def _outcome_of(reply: ServiceReply, url: str, at_s: float) -> Answer | RequestFailure:
    if reply.fault is None:
        return _answer(reply, url, at_s, "GET")
    head = _answer(reply, url, at_s, "GET") if reply.status else None
    return RequestFailure(reply.fault, "", at_s, head=head)


def _answer(reply: ServiceReply, url: str, at_s: float, method: str) -> Answer:
    return Answer(reply.status, reply.headers, reply.body, url, NOON, at_s, method)


def _resumed(state: Pending, at_s: float) -> State:
    """Return the state after another process has resumed from the token of this state."""
    text = tokens.encode(tokens.token_of(state, at_s + state.next_request.delay.seconds + _CLOCKS_DIFFER_S))
    token = tokens.decode(text)
    again = tokens.state_of(token, state.plan)
    assert not isinstance(again, RejectedURL), "a URL that was trusted is not trusted after a resume"
    return resume(again, Delay(max(token.not_before - at_s, 0.0), by_server=True), at_s)


def _ending(truth: Truth, state: State, at_s: float, core: Core) -> Ended:
    kind = type(state).__name__
    if isinstance(state, Succeeded):
        return Ended(at_s, kind, result=(state.answer.status_code, state.answer.body))
    if isinstance(state, Unknown):
        return Ended(at_s, kind, state.reason.name, _end_after_resume(truth, state, at_s, core))
    return Ended(at_s, "none" if isinstance(state, (Polling, Fetching, Confirming)) else kind)


def _end_after_resume(truth: Truth, unknown: Unknown, at_s: float, core: Core) -> str:
    """Return how an operation of unknown state ends when it is resumed and its service has recovered."""
    if unknown.last is None:
        return ""
    plan = unknown.last.plan._replace(deadline_s=None)
    again = tokens.state_of(tokens.decode(tokens.encode(tokens.token_of(unknown.last, 0.0))), plan)
    if isinstance(again, RejectedURL):
        return "refused"
    state = resume(again, Delay(1.0, by_server=True), at_s)
    state, _ = _poll_to_end(truth, state, at_s, FixedScript(), core, [])
    return state.reason.name if isinstance(state, Unknown) else type(state).__name__
