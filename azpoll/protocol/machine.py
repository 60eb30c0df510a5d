"""The transitions of a long-running operation: `start` and `advance` are the only code that makes states.

The course of an operation
--------------------------
`start` reads the initial answer (`initial_answer`, `not_accepted`). Its headers select a pattern (`patterns`), which
says how each later answer is read, and the operation is `Polling`. Or that answer is already terminal.

The scheduler sends the request in `state.next_request` and passes the outcome to `advance`. `advance` looks at nothing
but the `Reading` of that outcome. The HTTP status code alone gives the `StatusClass` of an answer. The tables
`POLLING`, `CONFIRMING` and `FETCHING` have one row for each state and class, with the function that returns the next
state. Two families of results are never mixed (rule 24):

* The service reported the end: `Succeeded`, `Failed`, `Canceled`. Only a readable answer leads there, or a 4xx at a
  `Location`, which answers as the operation itself, or the 404 of a resource that a DELETE has deleted. If the caller
  named the member with the status, it decides with any HTTP status (rule 48).
* The status could not be read: the poll goes back to the schedule with a longer delay. It is given up as `Unknown` when
  a bound of rule 25 or 27 is passed, when another attempt cannot help, or at the deadline. `Unknown` keeps the pending
  state, so that a resume token can be made of it.

429, 5xx and lost connections lead to the same state with a longer delay. A deletion that is followed at two URLs goes
from `Polling` to `Confirming` or back with each poll (rule 6). A redirect is one more request of the same state (rule
11), so it passes the same URL check and the same read budget.
A terminal state is final: `advance` does not accept one (rule 29). Every time is the `at_s` of an outcome.
"""

from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar, assert_never

from azpoll.protocol import failures, transitions
from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.cookies import with_cookies
from azpoll.protocol.delay import Delay
from azpoll.protocol.initial_answer import accepted
from azpoll.protocol.not_accepted import not_accepted
from azpoll.protocol.plan import Plan
from azpoll.protocol.reading import AnyReading, Reading, StatusClass, is_success, read
from azpoll.protocol.states import (
    Canceled,
    Confirming,
    Failed,
    Fetching,
    NextRequest,
    Pending,
    Polling,
    State,
    Succeeded,
    Unknown,
    UnknownReason,
    WithheldRequest,
)
from azpoll.protocol.turns import in_turns

S = TypeVar("S", Polling, Confirming, Fetching)


class Row(NamedTuple, Generic[S]):
    """One row of a transition table: the function for an answer, the states that can follow, and the rules."""

    then: Callable[[S, Reading], State]
    to: tuple[type[State], ...]
    rules: str


POLLING: Mapping[StatusClass, Row[Polling]] = {
    StatusClass.READABLE: Row(
        transitions.read_status,
        (Polling, Confirming, Fetching, Succeeded, Failed, Canceled, Unknown),
        "6, 14-20, 23, 30-33, 53",
    ),
    StatusClass.REDIRECT: Row(failures.follow, (Polling, Unknown), "11"),
    StatusClass.UNAUTHORIZED: Row(failures.retry_unauthorized, (Polling, Confirming, Unknown), "26"),
    StatusClass.FORBIDDEN: Row(failures.allow_grace, (Polling, Confirming, Unknown), "27"),
    StatusClass.MISSING: Row(transitions.status_missing, (Polling, Confirming, Succeeded, Unknown), "18, 27, 28"),
    StatusClass.TRANSIENT: Row(failures.transient, (Polling, Confirming, Unknown), "25"),
    StatusClass.UNREAD: Row(failures.transient, (Polling, Confirming, Unknown), "17, 21"),
    StatusClass.REFUSED: Row(transitions.refused_status, (Polling, Confirming, Failed, Canceled, Unknown), "21, 24"),
    StatusClass.UNEXPECTED: Row(failures.unexpected_status, (Polling, Confirming, Unknown), "27"),
}

_BY_MEMBER = dict.fromkeys(StatusClass, POLLING[StatusClass.READABLE])
"""The rows for an answer in which the caller's `status_member` has a status: it decides with any code (rule 48)."""

CONFIRMING: Mapping[StatusClass, Row[Confirming]] = {
    StatusClass.READABLE: Row(transitions.resource_exists, (Polling, Unknown), "6, 28"),
    StatusClass.REDIRECT: Row(failures.follow, (Confirming, Unknown), "11"),
    StatusClass.UNAUTHORIZED: Row(failures.retry_unauthorized, (Polling, Confirming, Unknown), "26"),
    StatusClass.FORBIDDEN: Row(transitions.resource_unconfirmed, (Polling, Unknown), "28"),
    StatusClass.MISSING: Row(transitions.resource_gone, (Polling, Succeeded, Unknown), "6, 28"),
    StatusClass.TRANSIENT: Row(failures.transient, (Polling, Confirming, Unknown), "25"),
    StatusClass.UNREAD: Row(failures.transient, (Polling, Confirming, Unknown), "17, 21"),
    StatusClass.REFUSED: Row(transitions.resource_unconfirmed, (Polling, Unknown), "28"),
    StatusClass.UNEXPECTED: Row(failures.unexpected_status, (Polling, Confirming, Unknown), "27"),
}

FETCHING: Mapping[StatusClass, Row[Fetching]] = {
    StatusClass.READABLE: Row(transitions.accept_result, (Fetching, Succeeded, Unknown), "32"),
    StatusClass.REDIRECT: Row(failures.follow, (Fetching, Unknown), "11"),
    StatusClass.UNAUTHORIZED: Row(failures.retry_unauthorized, (Fetching, Unknown), "26"),
    StatusClass.FORBIDDEN: Row(failures.allow_grace, (Fetching, Unknown), "27"),
    StatusClass.MISSING: Row(transitions.result_missing, (Fetching, Succeeded, Unknown), "28, 32"),
    StatusClass.TRANSIENT: Row(failures.transient, (Fetching, Unknown), "25"),
    StatusClass.UNREAD: Row(failures.transient, (Fetching, Unknown), "17, 21"),
    StatusClass.REFUSED: Row(failures.refused, (Fetching, Unknown), "21, 24"),
    StatusClass.UNEXPECTED: Row(failures.unexpected_status, (Fetching, Unknown), "27"),
}


def start(plan: Plan, outcome: Answer, *, repeated: bool = False) -> State:
    """Return the state after the initial answer (rules 1-7): `NOT_STARTED` means that there is no operation.

    `repeated` means that the service may have executed the request before, without an answer to it (rule 53).
    """
    reading = Reading(outcome)
    if is_success(reading.status_code):
        state = accepted(plan, reading)
    else:
        state = not_accepted(plan, reading, repeated=repeated)
    return _within_deadline(state, reading, reading.at_s, immediate=isinstance(state, Fetching))


def advance(state: Pending, outcome: Answer | RequestFailure) -> State:
    """Return the state after `outcome`, the outcome of `state.next_request`."""
    reading = read(outcome)
    if reading.sets_cookies:
        state = with_cookies(state, outcome)
    match state:
        case Polling():
            by_member = state.plan.status_member is not None and transitions.reports_status(state, reading)
            following = in_turns(state, _next(_BY_MEMBER if by_member else POLLING, state, reading))
        case Confirming():
            following = in_turns(state, _next(CONFIRMING, state, reading))
        case Fetching():
            following = _next(FETCHING, state, reading)
        case _:
            assert_never(state)
    if state.plan.deadline_s is None:
        return following
    immediate = isinstance(following, (Confirming, Fetching)) and type(following) is not type(state)
    return _within_deadline(following, reading, reading.at_s, immediate=immediate)


def _next(table: Mapping[StatusClass, Row[S]], state: S, reading: AnyReading) -> State:
    if isinstance(reading, Reading):
        return table[reading.status_class].then(state, reading)
    return failures.no_response(state, reading)


def expires_at(state: Pending, since_s: float) -> float | None:
    """Return the time at which an operation expires with nothing sent; None if its next request comes first (rule 38).

    The delay of the next request counts from `since_s`.
    """
    deadline_s, delay_s = state.plan.deadline_s, state.next_request.delay.seconds
    return deadline_s if deadline_s is not None and delay_s and delay_s > deadline_s - since_s else None


def expire(state: Pending, reading: AnyReading | None = None) -> Unknown:
    """Give up an operation whose deadline passed, with its last answer if that is known (rule 38)."""
    unknown = failures.give_up(state, UnknownReason.TIMED_OUT, failures.deadline_passed(state), reading)
    request = state.next_request
    return unknown._replace(outcome=request.outcome) if isinstance(request, WithheldRequest) else unknown


def resume(state: Pending, delay: Delay, at_s: float) -> State:
    """Return a state from a resume token, which is polled after `delay`, counted from `at_s` (rule 42)."""
    state = state._replace(next_request=NextRequest(state.kept_url, delay))
    return _within_deadline(state, None, at_s, immediate=False)


def postpone(state: Pending, failure: RequestFailure, since_s: float) -> State:
    """Return the state of an operation whose request was aborted, with the `Retry-After` that the answer began with.

    The last answer before it came at `since_s`. The aborted request counts as no failure.
    """
    retry_after_s = read(failure).retry_after_s or 0.0
    delay_s = failure.at_s + state.plan.delay_limits.clamp(retry_after_s) - since_s
    if delay_s <= state.next_request.delay.seconds:
        return state
    return resume(state, Delay(delay_s, by_server=True), since_s)


def _within_deadline(state: State, reading: AnyReading | None, at_s: float, *, immediate: bool) -> State:
    """Bring the next request forward to the deadline, or give up if the deadline has passed (rule 38).

    A request that completes the previous answer (a redirect; `immediate`: a confirmation, the final GET) is still
    sent. The last poll comes forward only from a delay of azpoll's own. A server's `Retry-After` is kept, so that no
    poll is early: then `expires_at` is the deadline, and the state keeps the last outcome until then.
    """
    if not isinstance(state, Pending) or (deadline_s := state.plan.deadline_s) is None:
        return state
    delay, left_s = state.next_request.delay, deadline_s - at_s
    if delay.seconds <= left_s or (not delay.seconds and (immediate or state.next_request.redirects)):
        return state
    if left_s <= 0:
        return expire(state, reading)
    retry_after_s = 0.0 if reading is None or reading.retry_after_s is None else reading.retry_after_s
    too_early = delay.by_server or left_s < state.plan.delay_limits.clamp(retry_after_s)
    kept = Delay(delay.seconds if too_early else left_s, by_server=True)
    request = state.next_request._replace(delay=kept)
    if too_early and reading is not None:
        request = WithheldRequest(request.kept_url, kept, request.redirects, reading.outcome, request.left_origin)
    return state._replace(next_request=request)
