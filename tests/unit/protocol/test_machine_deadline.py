"""Rule 38: the overall deadline, the last poll at it, and what is still sent after it."""

from __future__ import annotations

import pytest

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.delay import Delay, DelayLimits
from azpoll.protocol.machine import advance, expire, expires_at, postpone, resume
from azpoll.protocol.states import (
    Confirming,
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
from tests.support.protocol_rows import (
    RESOURCE,
    Drop,
    Event,
    History,
    Reply,
    accepted,
    monitor,
    plan,
    polling,
    reply,
    run,
    run_from,
    url,
)

OP = url("/op")
SWIFT = DelayLimits(floor=0.0)


def due(state: State, since_s: float) -> tuple[float, bool]:
    """Return the delay after an answer at `since_s`, and whether the operation then expires with nothing sent."""
    assert isinstance(state, Pending)
    expires_s = expires_at(state, since_s)
    return (state.next_request.delay.seconds, False) if expires_s is None else (expires_s - since_s, True)


def begun(timeout_s: float, method: str = "PUT", delay_limits: DelayLimits | None = None, **headers: str) -> History:
    """Return an operation begun at 0 s, with its deadline."""
    the_plan = plan(method, deadline_s=timeout_s, delay_limits=delay_limits or DelayLimits())
    return run(the_plan, accepted(Azure_AsyncOperation="/op", **headers))


def test_rule_38_one_last_poll_is_sent_at_the_deadline() -> None:
    """The schedule's next poll comes forward to it, with no jitter after it; then the operation is given up."""
    history = run_from(begun(10).end, *[monitor("Running")] * 4)
    assert history.delays == [1, 2, 4, 3]
    assert history.unknown.reason is UnknownReason.TIMED_OUT
    assert run_from(begun(10).end, *[monitor("Running")] * 3).next.next_request.delay == Delay(3, by_server=True)
    assert isinstance(history.unknown.last, Polling)
    assert isinstance(history.unknown.outcome, type(Reply(200).to(OP, 0.0)))


def test_rule_38_the_last_poll_may_return_the_end() -> None:
    """Or the final GET, which belongs to its answer."""
    history = run_from(begun(10).end, *[monitor("Running")] * 3, monitor("Succeeded"), reply(200))
    assert history.outcome is Succeeded
    assert history.at_s == 10


@pytest.mark.parametrize("timeout_s", [0.0, -1.0])
def test_rule_38_a_deadline_that_has_passed_expires_immediately(timeout_s: float) -> None:
    """The end in an initial answer still counts, and its result is read."""
    unknown = begun(timeout_s).unknown
    assert unknown.reason is UnknownReason.TIMED_OUT
    assert isinstance(unknown.outcome, Answer)
    assert run(plan(deadline_s=timeout_s), reply(200)).outcome is Succeeded
    assert run(plan(deadline_s=timeout_s), monitor("Succeeded", 202, Azure_AsyncOperation="/op")).outcome is Fetching


def test_rule_36_no_deadline_brings_a_poll_before_a_retry_after() -> None:
    """The operation is given up at the deadline instead, with nothing sent."""
    history = begun(10, Retry_After="17")
    assert due(history.next, 0.0) == (10, True)
    assert history.next.next_request.delay == Delay(17, by_server=True)
    unknown = expire(history.next)
    assert (unknown.reason, unknown.last) == (UnknownReason.TIMED_OUT, history.next)
    assert due(begun(17, Retry_After="17").next, 0.0) == (17, False)


@pytest.mark.parametrize(
    ("event", "left_s", "expected"),
    [
        (reply(503), 5, (5, False)),
        (reply(503, Retry_After="6"), 5, (5, True)),
        (reply(503, Retry_After="5"), 5, (5, False)),
        (reply(503, Retry_After="0"), 5, (5, False)),
        (reply(503, Retry_After="99999"), 5, (5, True)),
        (Drop(), 5, (5, False)),
        (reply(404, Retry_After="6"), 5, (5, True)),
    ],
)
def test_rule_36_no_deadline_brings_a_poll_before_a_hidden_retry_after(
    event: Event, left_s: float, expected: tuple[float, bool]
) -> None:
    """A 503 after others waits longer than its Retry-After asks; the deadline does not undercut that."""
    fails = [event] * 5
    last_s = run_from(polling("POST"), *fails).at_s
    history = run_from(polling("POST", deadline_s=last_s + left_s), *fails)
    assert run_from(polling("POST"), *fails).next.next_request.delay.seconds >= 16
    assert due(history.next, history.at_s) == expected
    assert history.next.next_request.delay.by_server


def test_rule_36_no_deadline_brings_a_poll_before_that_of_a_cut_answer() -> None:
    """Its head is all there is of it."""
    state = run_from(polling("POST", deadline_s=100.0), *[Drop()] * 6).next
    head = reply(429, Retry_After="40").to(OP, 63.0)
    assert due(advance(state, RequestFailure(FailureKind.TIMEOUT, "", 63.0, head=head)), 63.0) == (37, True)
    assert due(advance(state, RequestFailure(FailureKind.TIMEOUT, "", 63.0)), 63.0) == (37, False)


def test_rule_35_the_deadline_does_not_undercut_the_floor() -> None:
    """Less than the floor before it, nothing more is sent."""
    assert due(run_from(begun(1.5).end, monitor("Running")).next, 1.0) == (0.5, True)
    assert due(run_from(begun(1.5, delay_limits=DelayLimits(floor=0.5)).end, monitor("Running")).next, 1.0) == (
        0.5,
        False,
    )


@pytest.mark.parametrize("delay_limits", [SWIFT, DelayLimits(interval=0.0, floor=0.0)])
@pytest.mark.parametrize("word", ["Running", "Succeeded"])
def test_rule_38_a_floor_of_0_does_not_outlive_the_deadline(delay_limits: DelayLimits, word: str) -> None:
    """Neither the polls of a running operation, nor those of a result that is not there yet."""
    state = begun(10, delay_limits=delay_limits, Retry_After="0").next
    late = monitor(word, Retry_After="0").to(state.next_request.url, 10.5)
    at_it = monitor("Running", Retry_After="0").to(state.next_request.url, 10.0)
    assert run_from(state, Reply(late.status_code, late.body, late.headers), at_s=10.5).outcome in {
        UnknownReason.TIMED_OUT,
        Fetching,
    }
    assert run_from(state, Reply(at_it.status_code, at_it.body, at_it.headers), at_s=10.0).outcome is Polling
    if word == "Succeeded":
        history = run_from(state, monitor(word), accepted(Retry_After="0"), at_s=10.5)
        assert history.unknown.reason is UnknownReason.TIMED_OUT
        assert isinstance(history.unknown.last, Fetching)


def test_rule_38_requests_that_belong_to_the_last_answer_are_sent() -> None:
    """A redirect, the confirmation of a DELETE, the final GET: the verdict may be one request away."""
    last = begun(5, "DELETE", delay_limits=SWIFT).next
    for state, at_s in ((last, 5.0), (last, 7.0)):
        history = run_from(state, reply(307, Location="/b"), reply(404), at_s=at_s)
        assert isinstance(history.end, Confirming)
        assert run_from(history.end, reply(404), at_s=at_s + 1).outcome is Succeeded
        history = run_from(history.end, reply(307, Location="/b"), reply(200), at_s=at_s + 1)
        assert history.outcome is UnknownReason.TIMED_OUT
    history = run_from(begun(5).next, monitor("Succeeded"), reply(307, Location="/b"), reply(200), at_s=9)
    assert history.outcome is Succeeded


def test_rule_38_a_redirect_that_asks_to_wait_beyond_the_deadline_expires() -> None:
    """It is not followed early."""
    assert due(run_from(begun(5).end, reply(307, Location="/b", Retry_After="60")).next, 1.0) == (4, True)


def test_rule_38_a_missing_result_at_the_deadline_is_reported_as_such() -> None:
    """The operation succeeded; its result can be taken up again."""
    history = run_from(begun(5).end, monitor("Succeeded"), accepted(), accepted(), accepted())
    assert history.delays == [1, 0, 1, 2]
    assert due(history.next, history.at_s) == (1, False)
    unknown = run_from(history.end, accepted(), at_s=history.at_s).unknown
    assert unknown.reason is UnknownReason.TIMED_OUT
    assert unknown.detail == "the operation succeeded, but its result could not be read: the deadline passed first"
    assert isinstance(unknown.last, Fetching)


def test_rule_38_without_a_deadline_nothing_expires() -> None:
    """None is the default."""
    assert run_from(polling(), monitor("Running"), at_s=1e9).outcome is Polling


def test_rule_38_a_resumed_operation_has_its_own_deadline() -> None:
    """Counted from when it is resumed; a wait the service asked for before is kept."""
    state = polling(deadline_s=105.0)
    assert due(resume(state, Delay(0.0, by_server=True), 100.0), 100.0) == (0, False)
    assert due(resume(state, Delay(9.0, by_server=True), 100.0), 100.0) == (5, True)
    assert due(resume(state, Delay(0.0, by_server=True), 105.0), 105.0) == (0, False)
    assert isinstance(resume(state, Delay(1.0, by_server=True), 105.0), Unknown)
    assert isinstance(resume(state, Delay(0.0, by_server=True), 105.1), Unknown)
    unbounded = resume(polling(), Delay(9.0, by_server=True), 100.0)
    assert due(unbounded, 100.0) == (9, False)


@pytest.mark.parametrize("event", [monitor("Running", Retry_After="17"), reply(503, Retry_After="17"), Drop()])
def test_rule_38_the_last_outcome_is_known_at_the_deadline(event: Event) -> None:
    """The state keeps it only if the deadline comes before the next request; `Drop` leaves less than the floor."""
    for timeout_s, is_kept in ((1.5, True), (60.0, False)):
        state = run_from(begun(timeout_s).next, event).next
        request = state.next_request
        assert (expires_at(state, 1.0) is not None) == isinstance(request, WithheldRequest) == is_kept
        outcome = expire(state).outcome
        assert outcome == (event.to(OP, 1.0) if is_kept else None)
        assert (expire(state).last, type(state)) == (state, Polling)


def test_rule_38_a_redirect_that_is_not_followed_is_the_last_outcome() -> None:
    """Only a resumed operation, whose token holds no answer, has no outcome at its deadline."""
    state = run_from(begun(5).end, reply(307, Location="/b", Retry_After="60")).next
    assert (state.next_request.url, state.next_request.redirects) == (url("/b"), 1)
    outcome = expire(state).outcome
    assert isinstance(outcome, Answer)
    assert outcome.status_code == 307
    resumed = resume(state, Delay(60.0, by_server=True), 1.0)
    assert due(resumed, 1.0) == (4, True)
    assert isinstance(resumed, Polling)
    assert expire(resumed).outcome is None


def test_rule_38_giving_up_keeps_the_operation() -> None:
    """A confirmation is taken up again at the poll before it."""
    confirming = run_from(polling("DELETE"), reply(404)).next
    assert (confirming.url, type(confirming)) == (RESOURCE, Confirming)
    unknown = expire(confirming)
    assert (unknown.reason, unknown.outcome) == (UnknownReason.TIMED_OUT, None)
    assert isinstance(unknown.last, Polling)
    assert unknown.last.url == OP
    assert unknown.detail == "the deadline passed while it ran"
    unread = expire(run_from(polling(), reply(503)).next)
    assert unread.detail == "the deadline passed; the last poll failed: HTTP 503"
    unread = expire(run_from(polling(), reply(503), reply(404)).next)
    assert unread.detail == "the deadline passed; the last 2 polls failed: HTTP 404"


def aborted(at_s: float, retry_after: str | None = None) -> RequestFailure:
    """Return the outcome of a request that was aborted after the head of its answer, or before."""
    head = None if retry_after is None else reply(200, Retry_After=retry_after).to(OP, at_s - 1.0)
    return RequestFailure(FailureKind.TIMEOUT, "", at_s, head=head)


@pytest.mark.parametrize(
    ("retry_after", "delay_s"), [("60", 60.0), ("0", 1.0), ("99999", 3600.0), (None, 1.0)], ids=str
)
def test_rule_34_the_retry_after_of_an_aborted_request_is_kept(retry_after: str | None, delay_s: float) -> None:
    """The delay counts from the last answer at 10 s; the request was aborted at 15 s."""
    state = run_from(polling("DELETE"), monitor("Running", Retry_After="5")).next
    later = postpone(state, aborted(15.0, retry_after), 10.0)
    assert later == state._replace(next_request=NextRequest(OP, Delay(5.0 + delay_s, by_server=True)))


def test_rule_34_an_aborted_request_without_retry_after_waits_for_the_floor_alone() -> None:
    state = run_from(polling("DELETE", delay_limits=SWIFT), monitor("Running", Retry_After="2")).next
    later = postpone(state, aborted(15.0), 10.0)
    assert isinstance(later, Polling)
    assert later.next_request.delay == Delay(5.0, by_server=True)


def test_rule_34_an_aborted_request_shortens_no_delay() -> None:
    state = run_from(polling("DELETE"), monitor("Running", Retry_After="60")).next
    for seconds in (30, 58):
        assert postpone(state, aborted(12.0, str(seconds)), 10.0) is state
    assert postpone(state, aborted(12.0, "59"), 10.0) is not state


def test_rule_38_an_aborted_request_leaves_the_deadline() -> None:
    """The operation expires in time, and its resume token keeps the whole delay."""
    state = polling("DELETE", deadline_s=30.0)
    later = postpone(state, aborted(12.0, "60"), 10.0)
    assert due(later, 10.0) == (20, True)
    assert resumed_delay(later) == 62.0


def resumed_delay(state: State) -> float:
    """Return the delay that the token of an operation keeps once it has expired."""
    assert isinstance(state, Pending)
    last = expire(state).last
    assert last is not None
    assert last.next_request == state.next_request
    assert last.next_request.delay.by_server
    return last.next_request.delay.seconds
