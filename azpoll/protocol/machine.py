"""The transitions of a long-running operation: `start` and `advance` are the only code that makes states.

How an operation flows
----------------------
`start` reads the initial answer. Its headers choose a pattern (`patterns`), which says how each later
answer is read, and the operation is `Polling`; or that answer is already terminal.

Each time the scheduler has asked what `state.ask` names, `advance` is given what came back and returns
the next state. The answer is first sorted by its HTTP status code alone into a `Kind`; the tables
`POLLING`, `CONFIRMING` and `FETCHING` then say, for the state it came to, which function makes the next
state. There are two families of outcomes that are never mixed (rule 24):

* the service said so: `Succeeded`, `Failed`, `Canceled`. Only a readable answer leads there, or a 4xx at
  a `Location`, which answers as the operation itself; or the 404 of what a DELETE has deleted.
* the status could not be read: the poll goes back into the schedule with a longer delay, and is given
  up as `Lost` only when a bound of rule 25 or 27 is passed, when trying again cannot help, or at the
  deadline. `Lost` keeps the pending state, so that a resume token can be made of it.

429, 5xx and lost connections are ordinary answers here: they lead to the same state with a longer wait.
A redirect is one more request of the same state (rule 11), so it passes the same trust check and the same
read budget as any other.

A terminal state is final: `advance` does not take one (rule 29). Nothing here knows what time it is: all
times are the `at_s` of what came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, assert_never

from azpoll.protocol import steps, trouble
from azpoll.protocol.answer import Absent, Answer, read_json, read_object
from azpoll.protocol.delay import Wait, poll_wait, retry_after
from azpoll.protocol.kinds import Kind, kind_of
from azpoll.protocol.patterns import ACCEPTED, RESOURCE, UNTIL_GONE, Pattern, pattern_of
from azpoll.protocol.reading import Reading, is_monitor, status_word, verdict_of
from azpoll.protocol.states import (
    NO_TROUBLE,
    Ask,
    Canceled,
    Confirming,
    Failed,
    Fetching,
    FinalStateVia,
    Lost,
    Pending,
    Plan,
    Polling,
    Reason,
    State,
    Succeeded,
    Verdict,
)
from azpoll.protocol.target import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.protocol.answer import Unreachable

CREATED = 201

S = TypeVar("S", Polling, Confirming, Fetching)


class Row(NamedTuple, Generic[S]):
    """One row of a transition table: what is done with an answer, and the states that can follow."""

    then: Callable[[S, Answer], State]
    to: tuple[type[State], ...]
    rules: str


POLLING: Mapping[Kind, Row[Polling]] = {
    Kind.READABLE: Row(steps.read_status, (Polling, Fetching, Succeeded, Failed, Canceled, Lost), "14-20, 23, 30-33"),
    Kind.REDIRECT: Row(trouble.follow, (Polling, Lost), "11"),
    Kind.UNAUTHORIZED: Row(trouble.renew, (Polling, Lost), "26"),
    Kind.FORBIDDEN: Row(trouble.tolerate, (Polling, Lost), "27"),
    Kind.GONE: Row(steps.lost_sight, (Polling, Confirming, Succeeded, Lost), "18, 27, 28"),
    Kind.TRANSIENT: Row(trouble.transient, (Polling, Lost), "25"),
    Kind.REFUSED: Row(steps.refused_status, (Failed, Lost), "21, 24"),
    Kind.ODD: Row(trouble.odd, (Polling, Lost), "27"),
}

CONFIRMING: Mapping[Kind, Row[Confirming]] = {
    Kind.READABLE: Row(steps.still_there, (Polling, Lost), "28"),
    Kind.REDIRECT: Row(trouble.follow, (Confirming, Lost), "11"),
    Kind.UNAUTHORIZED: Row(trouble.renew, (Confirming, Lost), "26"),
    Kind.FORBIDDEN: Row(steps.still_there, (Polling, Lost), "28"),
    Kind.GONE: Row(steps.deleted, (Succeeded,), "28"),
    Kind.TRANSIENT: Row(trouble.transient, (Confirming, Lost), "25"),
    Kind.REFUSED: Row(steps.still_there, (Polling, Lost), "28"),
    Kind.ODD: Row(trouble.odd, (Confirming, Lost), "27"),
}

FETCHING: Mapping[Kind, Row[Fetching]] = {
    Kind.READABLE: Row(steps.take_result, (Fetching, Succeeded, Lost), "32"),
    Kind.REDIRECT: Row(trouble.follow, (Fetching, Lost), "11"),
    Kind.UNAUTHORIZED: Row(trouble.renew, (Fetching, Lost), "26"),
    Kind.FORBIDDEN: Row(trouble.tolerate, (Fetching, Lost), "27"),
    Kind.GONE: Row(steps.lost_result, (Fetching, Succeeded, Lost), "28, 32"),
    Kind.TRANSIENT: Row(trouble.transient, (Fetching, Lost), "25"),
    Kind.REFUSED: Row(trouble.refused, (Lost,), "24"),
    Kind.ODD: Row(trouble.odd, (Fetching, Lost), "27"),
}


def start(plan: Plan, came: Answer) -> State:
    """Return the state that the initial answer puts an operation in (rules 1-7).

    `Lost` with `NOT_STARTED` means that there is no operation: its error is in the answer.
    """
    if kind_of(came.status_code) is not Kind.READABLE:
        return Lost(Reason.NOT_STARTED, f"HTTP {came.status_code}", None, came)
    pattern = pattern_of(came)
    state = _without_header(plan, came) if pattern is None else _with_header(plan, pattern, came)
    return _within_deadline(state, came, came.at_s, at_once=isinstance(state, Fetching))


def advance(state: Pending, came: Answer | Unreachable) -> State:
    """Return the state that follows when `came` is what asking for `state.ask` brought."""
    match state:
        case Polling():
            following = _next(POLLING, state, came)
        case Confirming():
            following = _next(CONFIRMING, state, came)
        case Fetching():
            following = _next(FETCHING, state, came)
        case _:
            assert_never(state)
    if state.plan.deadline_s is None:
        return following
    turned = isinstance(following, (Confirming, Fetching)) and type(following) is not type(state)
    return _within_deadline(following, came, came.at_s, at_once=turned)


def _next(table: Mapping[Kind, Row[S]], state: S, came: Answer | Unreachable) -> State:
    if isinstance(came, Answer):
        return table[kind_of(came.status_code)].then(state, came)
    return trouble.unreached(state, came)


def expire(state: Pending, came: Answer | Unreachable | None = None) -> Lost:
    """Give up an operation whose deadline passed (rule 38); `came` is its last answer, where it is at hand."""
    unread = state.trouble != NO_TROUBLE
    detail = "the deadline passed before a poll could be answered" if unread else "the deadline passed while it ran"
    return trouble.lost(state, Reason.TIMED_OUT, detail, came)


def resume(state: Pending, wait: Wait, at_s: float) -> State:
    """Return a state read from a resume token, to be asked after `wait` (rule 42)."""
    return _within_deadline(state._replace(ask=Ask(state.url, wait)), None, at_s, at_once=False)


def postpone(state: Pending, came: Answer | Unreachable, since_s: float) -> State:
    """Return a state that waits, from its own last answer at `since_s`, as long as one asks for that came for another.

    Both ask the same URL. Where the deadline comes before, only whoever takes it up again has to wait.
    """
    head = came if isinstance(came, Answer) else came.head
    asked = (None if head is None else retry_after(head)) or 0.0
    wait = Wait(came.at_s + state.plan.pace.clamp(asked) - since_s, by_server=True)
    lost = state.ask.instead
    if lost is None:
        return state if wait.seconds <= state.ask.wait.seconds else resume(state, wait, since_s)
    if lost.last is None or wait.seconds <= lost.last.ask.wait.seconds:
        return state
    last = lost.last._replace(ask=lost.last.ask._replace(wait=wait))
    return state._replace(ask=state.ask._replace(instead=lost._replace(last=last)))


def _with_header(plan: Plan, pattern: Pattern, came: Answer) -> State:
    """Follow the URL in the pattern's header, on any 2xx and whatever the body shows (rule 3)."""
    wait = poll_wait(came, plan.pace, 0)
    named = came.headers[str(pattern.header)]
    target = plan.trust.target(named, base=came.url, resource_url=plan.resource_url)
    if isinstance(target, Refusal):
        at_resource = Polling(plan, RESOURCE, plan.resource_url, Ask(plan.resource_url, wait))
        there = at_resource if target.url is None else at_resource._replace(pattern=pattern)
        lost = trouble.untrusted(there, target, "the initial answer", came)
        # Without that URL a PUT or PATCH can still be followed at its resource; others nowhere.
        return lost if target.url or _changes_resource(plan) else lost._replace(last=None)
    document = read_object(came)
    word = None if document is None else status_word(document)
    reading = Reading(Verdict.RUNNING, word, document)
    state = Polling(plan, pattern, target, Ask(target, wait), step=0 if wait.by_server else 1)
    state = steps.noted(state, came, reading)
    if document is not None and word is not None and _ends_at_once(state, document):
        reading = reading._replace(verdict=verdict_of(word, plan.terminal_words))
        return state if reading.verdict is Verdict.RUNNING else steps.settle(state, came, reading)
    return state


def _ends_at_once(state: Polling, document: Mapping[str, object]) -> bool:
    """Whether an initial body is itself a document of the status monitor (rule 4).

    A resource may have a `status` too, so the body of a PUT or PATCH counts only if it names nothing.
    """
    if not state.pattern.is_monitor or not is_monitor(document):
        return False
    return not _changes_resource(state.plan) or {"id", "name"}.isdisjoint(map(str.lower, document))


def _without_header(plan: Plan, came: Answer) -> State:
    """Follow the resource itself, or take the initial answer as the last (rules 5-7)."""
    wait = poll_wait(came, plan.pace, 0)
    state = Polling(plan, RESOURCE, plan.resource_url, Ask(plan.resource_url, wait), step=0 if wait.by_server else 1)
    if _changes_resource(plan):
        if came.status_code == CREATED and read_json(came) is Absent.EMPTY:
            return state
        reading = RESOURCE.read(plan, came)
        if reading.verdict is Verdict.RUNNING:
            return steps.noted(state, came, reading)
        if reading.verdict is Verdict.UNREADABLE:
            return trouble.lost(state, Reason.MALFORMED, f"of the initial answer, {reading.why}", came)
        return steps.settle(steps.noted(state, came, reading), came, reading)
    if came.status_code != ACCEPTED:
        return Succeeded(came)
    if plan.method == "DELETE" and plan.final_state_via is FinalStateVia.ORIGINAL_URI:
        return state._replace(pattern=UNTIL_GONE)
    last = state._replace(pattern=UNTIL_GONE) if plan.method == "DELETE" else None
    detail = "HTTP 202 without an Azure-AsyncOperation, Operation-Location or Location header: nowhere to poll"
    return Lost(Reason.MALFORMED, detail, last, came)


def _changes_resource(plan: Plan) -> bool:
    return plan.method in {"PUT", "PATCH"}


def _within_deadline(state: State, came: Answer | Unreachable | None, at_s: float, *, at_once: bool) -> State:
    """Bring the next request forward to the deadline, or give up if it has passed (rule 38).

    What belongs to the answer before it (a redirect; `at_once`: a confirmation, the final GET) is still sent. The
    last poll comes forward only from a wait of azpoll's own: a server's Retry-After is kept, so that
    no poll is early, and the operation expires without one.
    """
    if not isinstance(state, Pending) or (deadline_s := state.plan.deadline_s) is None:
        return state
    wait, left_s = state.ask.wait, deadline_s - at_s
    if wait.seconds <= left_s or (not wait.seconds and (at_once or state.ask.hops)):
        return state
    if left_s <= 0:
        return expire(state, came)
    head = came if came is None or isinstance(came, Answer) else came.head
    asked = (None if head is None else retry_after(head)) or 0.0
    too_early = wait.by_server or left_s < state.plan.pace.clamp(asked)
    instead = expire(state, came) if too_early else None
    return state._replace(ask=state.ask._replace(wait=Wait(left_s, by_server=True), instead=instead))
