"""The core driven in virtual time against the simulated service: one operation, from its start to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpoll.protocol import resume_token as tokens
from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.delay import Delay
from azpoll.protocol.machine import advance, resume, start
from azpoll.protocol.states import Confirming, Fetching, Polling, Succeeded, Unknown
from azpoll.protocol.url_policy import RejectedURL
from tests.proofs.simulation.fault_scripts import Written
from tests.proofs.simulation.ground_truth import NOON, RESOURCE
from tests.proofs.simulation.operation_history import Came, Ended, History, Killed, Sent
from tests.proofs.simulation.simulated_service import ROLES, Situation, honest, initial, situation_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.protocol.states import Pending, Plan, State
    from tests.proofs.simulation.fault_scripts import Script
    from tests.proofs.simulation.ground_truth import Truth
    from tests.proofs.simulation.service_reply import Said

PATIENCE = 400
"""Requests after which an operation counts as never ending."""

_LATENESS_S = (0.0, 0.0, 0.0, 0.25, 0.0, 1.5, 0.0, 0.0, 40.0)
_LATENCY_S = (0.05, 0.0, 0.2, 0.05, 2.0, 0.05, 0.1)
_TIMEOUT_S = 30.0
_CLOCKS_DIFFER_S = 1.0  # what a tracker adds to the time in a token


class Core(NamedTuple):
    """What is tested: `start` and `advance`, or broken ones."""

    start: Callable[[Plan, Answer], State] = start
    advance: Callable[[Pending, Answer | RequestFailure], State] = advance


def play(truth: Truth, script: Script, core: Core) -> History:
    """Return the history of an operation whose service answers as the script says."""
    history: History = []
    said = script.initial(initial(truth))
    plan = truth.plan
    history += Sent(0.0, 0.0, RESOURCE), Came(0.0, said)
    try:
        state = core.start(plan, _answer(said, RESOURCE, 0.0, truth.method))
        state, at_s = _driven(truth, state, 0.0, script, core, history)
        ended = _ending(truth, state, at_s, core)
    except Exception as error:  # noqa: BLE001 - whatever the core raises is a failure of this one operation
        ended = Ended(history[-1].at_s, "raised", repr(error))
    history.append(ended)
    return history


def _driven(  # noqa: PLR0917 - the loop of `play`, shared with resuming
    truth: Truth, state: State, at_s: float, script: Script, core: Core, history: History
) -> tuple[State, float]:
    number, ends_at_s = truth.number, truth.ends_at_s
    for step in range(PATIENCE):
        if not isinstance(state, (Polling, Fetching, Confirming)):
            break
        ask = state.next_request
        due_s = at_s + ask.delay.seconds
        if ask.instead is not None:
            return ask.instead, due_s
        at_s = due_s + _LATENESS_S[(number + step) % 9]
        url = ask.url
        history.append(Sent(due_s, at_s, url))
        role = ROLES.get(url)
        situation = situation_of(truth, role)
        if role is None or situation is Situation.NOBODYS:
            break
        ended = at_s >= ends_at_s
        true = honest(truth, role, situation, ended=ended)
        said = script.next(role, situation, true, ended_well=ended and truth.ending == "succeeded")
        at_s += _TIMEOUT_S if said.name == "timeout" else _LATENCY_S[(number + step) % 7]
        history.append(Came(at_s, said))
        state = core.advance(state, _event(said, url, at_s))
        if script.kills and isinstance(state, (Polling, Fetching, Confirming)):
            history.append(Killed(at_s))
            state = _resumed(state, at_s)
    return state, at_s


def _event(said: Said, url: str, at_s: float) -> Answer | RequestFailure:
    if said.fault is None:
        return _answer(said, url, at_s, "GET")
    head = _answer(said, url, at_s, "GET") if said.status else None
    return RequestFailure(said.fault, "", at_s, head=head)


def _answer(said: Said, url: str, at_s: float, method: str) -> Answer:
    return Answer(said.status, said.headers, said.body, url, NOON, at_s, method)


def _resumed(state: Pending, at_s: float) -> State:
    """Return the state that another process makes of the token of this one; a refused one ends it."""
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
        return Ended(at_s, kind, state.reason.name, _taken_up(truth, state, at_s, core))
    return Ended(at_s, "none" if isinstance(state, (Polling, Fetching, Confirming)) else kind)


def _taken_up(truth: Truth, lost: Unknown, at_s: float, core: Core) -> str:
    """Return what becomes of a lost operation that is resumed when its service has recovered."""
    if lost.last is None:
        return ""
    plan = lost.last.plan._replace(deadline_s=None)
    again = tokens.state_of(tokens.decode(tokens.encode(tokens.token_of(lost.last, 0.0))), plan)
    if isinstance(again, RejectedURL):
        return "refused"
    state = resume(again, Delay(1.0, by_server=True), at_s)
    state, _ = _driven(truth, state, at_s, Written(), core, [])
    return state.reason.name if isinstance(state, Unknown) else type(state).__name__
