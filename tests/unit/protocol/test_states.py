"""States are values: frozen, told apart by their types, and silent about URLs."""

from __future__ import annotations

from typing import get_args

import pytest

from azpoll.protocol.answer import Answer
from azpoll.protocol.plan import Cookie
from azpoll.protocol.states import Confirming, Pending, State, Terminal, UnknownReason
from azpoll.protocol.status_document import NO_PROGRESS
from azpoll.protocol.url_policy import origin_of
from tests.support.protocol_rows import HOST, RESOURCE, TRUST, accepted, monitor, plan, polling, reply, run, run_from

STORIES = [
    run_from(polling(), monitor("Running", Location="/canary", Azure_AsyncOperation="/canary")),
    run_from(polling("DELETE"), reply(404)),
    run_from(polling(), monitor("Succeeded")),
    run_from(polling(), monitor("Succeeded"), reply(200, b"canary")),
    run_from(polling(), reply(200, {"status": "Failed", "error": {"message": "canary"}}, canary="canary")),
    run_from(polling(), monitor("Canceled")),
    run_from(polling(), reply(400, b"canary")),
    run_from(polling(), monitor("Running", Azure_AsyncOperation="https://evil.example/?canary")),
    run_from(polling(deadline_s=5.0), monitor("Running", Retry_After="canary")),
    run_from(polling(deadline_s=5.0), monitor("Running", Retry_After="99", Location="/canary")),
]
STATES = [story.end for story in STORIES]


def test_each_state_is_pending_or_terminal() -> None:
    """And never both."""
    pending, terminal = set(get_args(Pending)), set(get_args(Terminal))
    assert pending | terminal == set(get_args(State)) == {type(state) for state in STATES}
    assert not pending & terminal


@pytest.mark.parametrize("state", STATES)
def test_rule_45_a_state_shows_no_url_header_or_body(state: State) -> None:
    """In repr and str; queries may be signed."""
    for shown in (repr(state), str(state)):
        assert "canary" not in shown
        assert RESOURCE not in shown


def test_rule_45_a_plan_shows_only_its_method() -> None:
    """Its URL has a query too."""
    assert repr(plan("PUT", resource_url=f"{RESOURCE}&sig=canary")) == "<Plan of a PUT>"


def test_rule_45_a_cookie_shows_no_value_or_path() -> None:
    cookie = Cookie(origin_of(TRUST.parse(HOST)), "/canary", "canary", "canary=canary")
    assert repr(cookie) == str(cookie) == "<Cookie>"


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_frozen_and_slotted(state: State) -> None:
    """A new one is made for every change; it costs no dict."""
    for name in state._fields:
        with pytest.raises(AttributeError):
            setattr(state, name, None)
    assert not hasattr(state, "__dict__")


def test_rule_41_every_state_has_the_progress() -> None:
    """Also one that is lost, and a confirmation; one that never began has none."""
    seen = run_from(polling("DELETE"), monitor("Running"))
    for event in (reply(404), reply(503), reply(400)):
        assert run_from(seen.end, event).end.progress.status == "Running"
    assert run(plan(), reply(400)).unknown.progress == NO_PROGRESS


def test_a_confirmation_is_of_the_resource() -> None:
    """With the plan of the poll before it."""
    state = run_from(polling("DELETE"), reply(404)).end
    assert isinstance(state, Confirming)
    assert state.url == RESOURCE
    assert state.plan == plan("DELETE")


def test_rule_24_a_verdict_and_a_failure_to_read_are_never_mixed() -> None:
    """Each reason says why the status is not known."""
    assert {reason.name for reason in UnknownReason} == {
        *("NOT_STARTED", "UNTRUSTED", "EXHAUSTED", "UNREACHABLE", "MALFORMED", "UNAUTHENTICATED", "FORBIDDEN"),
        *("NOT_FOUND", "REFUSED", "TOO_LARGE", "UNATTRIBUTED", "TIMED_OUT"),
    }
    unknown = run(plan("POST"), accepted()).unknown
    assert isinstance(unknown.outcome, Answer)
