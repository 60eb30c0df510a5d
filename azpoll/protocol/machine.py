"""The transitions of a long-running operation: `start` and `advance` are the only code that makes states.

How an operation flows
----------------------
`start` reads the initial answer. Its headers choose a pattern (`patterns`), which says how each later
answer is read, and the operation is `Polling`; or that answer is already terminal.

Each time the scheduler has asked what `state.next_request` names, `advance` is given what came back and returns
the next state. The answer is first sorted by its HTTP status code alone into a `StatusClass`; the tables
`POLLING`, `CONFIRMING` and `FETCHING` then say, for the state it came to, which function makes the next
state. There are two families of outcomes that are never mixed (rule 24):

* the service said so: `Succeeded`, `Failed`, `Canceled`. Only a readable answer leads there, or a 4xx at
  a `Location`, which answers as the operation itself; or the 404 of what a DELETE has deleted.
* the status could not be read: the poll goes back into the schedule with a longer delay, and is given
  up as `Unknown` only when a bound of rule 25 or 27 is passed, when trying again cannot help, or at the
  deadline. `Unknown` keeps the pending state, so that a resume token can be made of it.

429, 5xx and lost connections are ordinary answers here: they lead to the same state with a longer wait.
A redirect is one more request of the same state (rule 11), so it passes the same trust check and the same
read budget as any other.

A terminal state is final: `advance` does not take one (rule 29). Nothing here knows what time it is: all
times are the `at_s` of what came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, assert_never

from azpoll.protocol import failures, transitions
from azpoll.protocol.answer import Answer, BodyProblem, read_json, read_object
from azpoll.protocol.delay import Delay, poll_delay, retry_after
from azpoll.protocol.patterns import ACCEPTED, RESOURCE, UNTIL_GONE, Pattern, pattern_of
from azpoll.protocol.reading import Reading, is_monitor, status_word, verdict_of
from azpoll.protocol.states import (
    NO_FAILURES,
    Canceled,
    Confirming,
    Failed,
    Fetching,
    FinalStateVia,
    NextRequest,
    Pending,
    Plan,
    Polling,
    State,
    Succeeded,
    Unknown,
    UnknownReason,
    Verdict,
)
from azpoll.protocol.status_class import StatusClass, status_class
from azpoll.protocol.url_policy import RejectedURL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.protocol.answer import RequestFailure

CREATED = 201

S = TypeVar("S", Polling, Confirming, Fetching)


class Row(NamedTuple, Generic[S]):
    """One row of a transition table: what is done with an answer, and the states that can follow."""

    then: Callable[[S, Answer], State]
    to: tuple[type[State], ...]
    rules: str


POLLING: Mapping[StatusClass, Row[Polling]] = {
    StatusClass.READABLE: Row(
        transitions.read_status, (Polling, Fetching, Succeeded, Failed, Canceled, Unknown), "14-20, 23, 30-33"
    ),
    StatusClass.REDIRECT: Row(failures.follow, (Polling, Unknown), "11"),
    StatusClass.UNAUTHORIZED: Row(failures.retry_unauthorized, (Polling, Unknown), "26"),
    StatusClass.FORBIDDEN: Row(failures.allow_grace, (Polling, Unknown), "27"),
    StatusClass.MISSING: Row(transitions.status_missing, (Polling, Confirming, Succeeded, Unknown), "18, 27, 28"),
    StatusClass.TRANSIENT: Row(failures.transient, (Polling, Unknown), "25"),
    StatusClass.REFUSED: Row(transitions.refused_status, (Failed, Unknown), "21, 24"),
    StatusClass.UNEXPECTED: Row(failures.unexpected_status, (Polling, Unknown), "27"),
}

CONFIRMING: Mapping[StatusClass, Row[Confirming]] = {
    StatusClass.READABLE: Row(transitions.resource_exists, (Polling, Unknown), "28"),
    StatusClass.REDIRECT: Row(failures.follow, (Confirming, Unknown), "11"),
    StatusClass.UNAUTHORIZED: Row(failures.retry_unauthorized, (Confirming, Unknown), "26"),
    StatusClass.FORBIDDEN: Row(transitions.resource_exists, (Polling, Unknown), "28"),
    StatusClass.MISSING: Row(transitions.resource_gone, (Succeeded,), "28"),
    StatusClass.TRANSIENT: Row(failures.transient, (Confirming, Unknown), "25"),
    StatusClass.REFUSED: Row(transitions.resource_exists, (Polling, Unknown), "28"),
    StatusClass.UNEXPECTED: Row(failures.unexpected_status, (Confirming, Unknown), "27"),
}

FETCHING: Mapping[StatusClass, Row[Fetching]] = {
    StatusClass.READABLE: Row(transitions.accept_result, (Fetching, Succeeded, Unknown), "32"),
    StatusClass.REDIRECT: Row(failures.follow, (Fetching, Unknown), "11"),
    StatusClass.UNAUTHORIZED: Row(failures.retry_unauthorized, (Fetching, Unknown), "26"),
    StatusClass.FORBIDDEN: Row(failures.allow_grace, (Fetching, Unknown), "27"),
    StatusClass.MISSING: Row(transitions.result_missing, (Fetching, Succeeded, Unknown), "28, 32"),
    StatusClass.TRANSIENT: Row(failures.transient, (Fetching, Unknown), "25"),
    StatusClass.REFUSED: Row(failures.refused, (Unknown,), "24"),
    StatusClass.UNEXPECTED: Row(failures.unexpected_status, (Fetching, Unknown), "27"),
}


def start(plan: Plan, outcome: Answer) -> State:
    """Return the state that the initial answer puts an operation in (rules 1-7).

    `Unknown` with `NOT_STARTED` means that there is no operation: its error is in the answer.
    """
    if status_class(outcome.status_code) is not StatusClass.READABLE:
        return Unknown(UnknownReason.NOT_STARTED, f"HTTP {outcome.status_code}", None, outcome)
    pattern = pattern_of(outcome)
    state = _without_header(plan, outcome) if pattern is None else _with_header(plan, pattern, outcome)
    return _within_deadline(state, outcome, outcome.at_s, at_once=isinstance(state, Fetching))


def advance(state: Pending, outcome: Answer | RequestFailure) -> State:
    """Return the state that follows when `outcome` is what asking for `state.next_request` brought."""
    match state:
        case Polling():
            following = _next(POLLING, state, outcome)
        case Confirming():
            following = _next(CONFIRMING, state, outcome)
        case Fetching():
            following = _next(FETCHING, state, outcome)
        case _:
            assert_never(state)
    if state.plan.deadline_s is None:
        return following
    turned = isinstance(following, (Confirming, Fetching)) and type(following) is not type(state)
    return _within_deadline(following, outcome, outcome.at_s, at_once=turned)


def _next(table: Mapping[StatusClass, Row[S]], state: S, outcome: Answer | RequestFailure) -> State:
    if isinstance(outcome, Answer):
        return table[status_class(outcome.status_code)].then(state, outcome)
    return failures.no_response(state, outcome)


def expire(state: Pending, outcome: Answer | RequestFailure | None = None) -> Unknown:
    """Give up an operation whose deadline passed (rule 38); `outcome` is its last answer, where it is at hand."""
    unread = state.failure_counts != NO_FAILURES
    detail = "the deadline passed before a poll could be answered" if unread else "the deadline passed while it ran"
    return failures.give_up(state, UnknownReason.TIMED_OUT, detail, outcome)


def resume(state: Pending, wait: Delay, at_s: float) -> State:
    """Return a state read from a resume token, to be asked after `wait` (rule 42)."""
    return _within_deadline(state._replace(next_request=NextRequest(state.url, wait)), None, at_s, at_once=False)


def postpone(state: Pending, outcome: Answer | RequestFailure, since_s: float) -> State:
    """Return a state that waits, from its own last answer at `since_s`, as long as one asks for that came for another.

    Both ask the same URL. Where the deadline comes before, only whoever takes it up again has to wait.
    """
    head = outcome if isinstance(outcome, Answer) else outcome.head
    asked = (None if head is None else retry_after(head)) or 0.0
    wait = Delay(outcome.at_s + state.plan.delay_limits.clamp(asked) - since_s, by_server=True)
    lost = state.next_request.instead
    if lost is None:
        return state if wait.seconds <= state.next_request.delay.seconds else resume(state, wait, since_s)
    if lost.last is None or wait.seconds <= lost.last.next_request.delay.seconds:
        return state
    last = lost.last._replace(next_request=lost.last.next_request._replace(delay=wait))
    return state._replace(next_request=state.next_request._replace(instead=lost._replace(last=last)))


def _with_header(plan: Plan, pattern: Pattern, outcome: Answer) -> State:
    """Follow the URL in the pattern's header, on any 2xx and whatever the body shows (rule 3)."""
    wait = poll_delay(outcome, plan.delay_limits, 0)
    named = outcome.headers[str(pattern.header)]
    target = plan.url_policy.resolve(named, base=outcome.url, resource_url=plan.resource_url)
    if isinstance(target, RejectedURL):
        at_resource = Polling(plan, RESOURCE, plan.resource_url, NextRequest(plan.resource_url, wait))
        there = at_resource if target.url is None else at_resource._replace(pattern=pattern)
        lost = failures.untrusted(there, target, "the initial answer", outcome)
        # Without that URL a PUT or PATCH can still be followed at its resource; others nowhere.
        return lost if target.url or _changes_resource(plan) else lost._replace(last=None)
    document = read_object(outcome)
    word = None if document is None else status_word(document)
    reading = Reading(Verdict.RUNNING, word, document)
    state = Polling(plan, pattern, target, NextRequest(target, wait), step=0 if wait.by_server else 1)
    state = transitions.with_progress(state, outcome, reading)
    if document is not None and word is not None and _ends_at_once(state, document):
        reading = reading._replace(verdict=verdict_of(word, plan.terminal_words))
        return state if reading.verdict is Verdict.RUNNING else transitions.conclude(state, outcome, reading)
    return state


def _ends_at_once(state: Polling, document: Mapping[str, object]) -> bool:
    """Whether an initial body is itself a document of the status monitor (rule 4).

    A resource may have a `status` too, so the body of a PUT or PATCH counts only if it names nothing.
    """
    if not state.pattern.is_monitor or not is_monitor(document):
        return False
    return not _changes_resource(state.plan) or {"id", "name"}.isdisjoint(map(str.lower, document))


def _without_header(plan: Plan, outcome: Answer) -> State:
    """Follow the resource itself, or take the initial answer as the last (rules 5-7)."""
    wait = poll_delay(outcome, plan.delay_limits, 0)
    state = Polling(
        plan, RESOURCE, plan.resource_url, NextRequest(plan.resource_url, wait), step=0 if wait.by_server else 1
    )
    if _changes_resource(plan):
        if outcome.status_code == CREATED and read_json(outcome) is BodyProblem.EMPTY:
            return state
        reading = RESOURCE.read(plan, outcome)
        if reading.verdict is Verdict.RUNNING:
            return transitions.with_progress(state, outcome, reading)
        if reading.verdict is Verdict.UNREADABLE:
            return failures.give_up(state, UnknownReason.MALFORMED, f"of the initial answer, {reading.why}", outcome)
        return transitions.conclude(transitions.with_progress(state, outcome, reading), outcome, reading)
    if outcome.status_code != ACCEPTED:
        return Succeeded(outcome)
    if plan.method == "DELETE" and plan.final_state_via is FinalStateVia.ORIGINAL_URI:
        return state._replace(pattern=UNTIL_GONE)
    last = state._replace(pattern=UNTIL_GONE) if plan.method == "DELETE" else None
    detail = "HTTP 202 without an Azure-AsyncOperation, Operation-Location or Location header: nowhere to poll"
    return Unknown(UnknownReason.MALFORMED, detail, last, outcome)


def _changes_resource(plan: Plan) -> bool:
    return plan.method in {"PUT", "PATCH"}


def _within_deadline(state: State, outcome: Answer | RequestFailure | None, at_s: float, *, at_once: bool) -> State:
    """Bring the next request forward to the deadline, or give up if it has passed (rule 38).

    What belongs to the answer before it (a redirect; `at_once`: a confirmation, the final GET) is still sent. The
    last poll comes forward only from a wait of azpoll's own: a server's Retry-After is kept, so that
    no poll is early, and the operation expires without one.
    """
    if not isinstance(state, Pending) or (deadline_s := state.plan.deadline_s) is None:
        return state
    wait, left_s = state.next_request.delay, deadline_s - at_s
    if wait.seconds <= left_s or (not wait.seconds and (at_once or state.next_request.redirects)):
        return state
    if left_s <= 0:
        return expire(state, outcome)
    head = outcome if outcome is None or isinstance(outcome, Answer) else outcome.head
    asked = (None if head is None else retry_after(head)) or 0.0
    too_early = wait.by_server or left_s < state.plan.delay_limits.clamp(asked)
    instead = expire(state, outcome) if too_early else None
    return state._replace(
        next_request=state.next_request._replace(delay=Delay(left_s, by_server=True), instead=instead)
    )
