"""Rules 34 and 52: the state after the answer to a cancel request."""

from __future__ import annotations

import pytest

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.cancel_answer import after_cancel
from azpoll.protocol.delay import Delay, DelayLimits
from azpoll.protocol.machine import expire, expires_at
from azpoll.protocol.states import NextRequest, Pending, Polling
from tests.support.protocol_rows import monitor, polling, reply, run_from, url

OP = url("/op")
CANCEL = url("/op/cancel")


def waiting(retry_after: str | None = None, **changes: object) -> Polling:
    """Return an operation that runs, whose last answer named this `Retry-After`."""
    headers = {} if retry_after is None else {"Retry_After": retry_after}
    state = run_from(polling("POST", **changes), monitor("Running", **headers)).end
    assert isinstance(state, Polling)
    return state


@pytest.mark.parametrize(
    ("retry_after", "delay_s"), [("60", 65.0), ("0", 6.0), ("99999", 3605.0)], ids=["asked", "floor", "cap"]
)
@pytest.mark.parametrize("before", [None, "5"])
def test_rule_34_the_retry_after_of_a_cancel_applies_to_the_next_poll(
    before: str | None, retry_after: str, delay_s: float
) -> None:
    """The delay counts from the last answer at 10 s; the answer to the cancel request came at 15 s."""
    state = waiting(before)
    later = after_cancel(state, reply(202, Retry_After=retry_after).to(CANCEL, 15.0, "POST"), 10.0)
    assert later == state._replace(next_request=NextRequest(OP, Delay(delay_s, by_server=True)))
    assert isinstance(later, Polling)
    assert later.next_request.delay.by_server is True


@pytest.mark.parametrize("seconds", [30, 58])
def test_rule_34_a_cancel_shortens_no_delay_of_the_server(seconds: int) -> None:
    state = waiting("60")
    assert after_cancel(state, reply(202, Retry_After=str(seconds)).to(CANCEL, 12.0, "POST"), 10.0) is state


def test_rule_34_the_retry_after_of_a_cancel_replaces_a_delay_of_azpolls_own() -> None:
    """The schedule keeps the due time of the next poll if that is later."""
    state = waiting(delay_limits=DelayLimits(interval=100.0))
    assert state.next_request.delay.seconds == 100
    later = after_cancel(state, reply(202, Retry_After="5").to(CANCEL, 12.0, "POST"), 10.0)
    assert isinstance(later, Polling)
    assert later.next_request.delay == Delay(7.0, by_server=True)


@pytest.mark.parametrize(
    "outcome",
    [
        reply(202).to(CANCEL, 15.0, "POST"),
        reply(202, Retry_After="soon").to(CANCEL, 15.0, "POST"),
        RequestFailure(FailureKind.CONNECTION, "", 15.0),
    ],
    ids=["no header", "unreadable header", "no answer"],
)
def test_a_cancel_answer_without_retry_after_changes_nothing(outcome: Answer | RequestFailure) -> None:
    state = waiting("60")
    assert after_cancel(state, outcome, 10.0) is state


def test_rule_38_the_retry_after_of_a_cancel_leaves_the_deadline() -> None:
    """The operation expires in time, with nothing sent before the `Retry-After` is over."""
    state = waiting(deadline_s=30.0)
    later = after_cancel(state, reply(202, Retry_After="60").to(CANCEL, 12.0, "POST"), 10.0)
    assert isinstance(later, Pending)
    assert expires_at(later, 10.0) == 30.0
    assert later.next_request.delay.seconds == 62


@pytest.mark.parametrize("headers", [{}, {"Retry_After": "60"}], ids=["alone", "with Retry-After"])
def test_rule_52_the_cookies_of_a_cancel_answer_go_with_the_next_poll(headers: dict[str, str]) -> None:
    """With a `Retry-After` or without one."""
    answer = reply(202, Set_Cookie="x", **headers).to(CANCEL, 15.0, "POST")
    later = after_cancel(waiting(), answer._replace(raw_headers=((b"Set-Cookie", b"affinity=7; Path=/"),)), 10.0)
    assert isinstance(later, Polling)
    assert [each.pair for each in later.plan.request_options.cookies] == ["affinity=7"]
    assert later.next_request.delay.seconds == (65 if headers else 2)


def test_rule_36_a_cancel_brings_no_poll_before_a_hidden_retry_after() -> None:
    """The last answer asked for 6 s, and the backoff is the longer wait."""
    state = run_from(polling("POST"), *[reply(503, Retry_After="6")] * 5).next
    assert state.next_request.delay == Delay(16.0, by_server=False, retry_after_s=6.0)
    for seconds, delay_s in (("0", 6.0), ("4", 6.0), ("5", 7.0)):
        later = after_cancel(state, reply(202, Retry_After=seconds).to(CANCEL, 102.0, "POST"), 100.0)
        assert isinstance(later, Polling)
        assert later.next_request.delay == Delay(delay_s, by_server=True)


def test_rule_38_the_last_answer_is_known_at_the_deadline_after_a_cancel() -> None:
    """The error at the deadline has the answer to the last poll, though the cancel request was answered later."""
    state = waiting("60", deadline_s=30.0)
    later = after_cancel(state, reply(202, Retry_After="99").to(CANCEL, 12.0, "POST"), 1.0)
    assert isinstance(later, Polling)
    assert (later.next_request.delay.seconds, expires_at(later, 1.0)) == (110, 30)
    assert expire(later).outcome == expire(state).outcome == monitor("Running", Retry_After="60").to(OP, 1.0)
