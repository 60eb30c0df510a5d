"""The machine as a whole: whatever comes, it goes where its tables say (rules 9, 24, 29 and 34 to 38)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.delay import DelayLimits
from azpoll.protocol.machine import CONFIRMING, FETCHING, POLLING, Row, advance, expire, expires_at, start
from azpoll.protocol.patience import Patience
from azpoll.protocol.patterns import BY_CHOICE
from azpoll.protocol.plan import NO_REQUEST_OPTIONS, FinalStateVia, Plan, RequestOptions
from azpoll.protocol.reading import StatusClass, read, status_class
from azpoll.protocol.resume_token import decode, encode, state_of, token_of
from azpoll.protocol.retry_after import retry_after
from azpoll.protocol.states import Canceled, Confirming, Failed, Fetching, Pending, Polling, State, Succeeded, Unknown
from azpoll.protocol.status_document import Verdict
from azpoll.protocol.transitions import reports_status
from azpoll.protocol.url_policy import URLPolicy, origin_of
from tests.support.protocol_rows import (
    HOST,
    RESOURCE,
    TRUST,
    Drop,
    Reply,
    accepted,
    monitor,
    outcome,
    plan,
    polling,
    reply,
    resource,
    run,
    run_from,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EU = "https://eu.azure.com"
TRUSTS = (
    TRUST,
    TRUST._replace(allowed=frozenset({origin_of(httpx.URL(EU))})),
    TRUST._replace(rebase_to=f"{HOST}/arm"),
)
URLS = (
    *("/op", "/2", "op?t=1", RESOURCE, f"{HOST}:443/3", f"{EU}/op", "https://evil.example/op", "http://eu.azure.com/"),
    *("//evil.example", "https://u@management.azure.com/", "/a b", "", "#", "?", "https:evil", f"{HOST}:0/"),
)
WORDS = ("Succeeded", "completed", "Failed", "Cancelled", "Running", "Mystery", "", " ", "ValidationFailed")
SECONDS = ("0", "1", "17", "1.5", "-3", "3601", "9" * 90, "nan", "soon", "", "Wed, 06 Nov 2024 12:00:30 GMT")
CODES = (*[200] * 6, 201, 202, 202, 204, 206, 301, 307, 304, 400, 401, 403, 404, 404, 409, 410, 429, 500, 503, 600)

words = st.sampled_from(WORDS) | st.none() | st.integers()
bodies = st.one_of(
    st.sampled_from([b"", b"<html>", b"{", b"null", b"[]", b"text", b'\xef\xbb\xbf{"status": "Succeeded"}']),
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.just("/vm"),
            "status": words,
            "properties": st.none() | st.fixed_dictionaries({"provisioningState": words}),
            "error": st.sampled_from([None, {}, {"code": "x"}]),
            "resourceLocation": st.sampled_from(URLS) | st.integers(),
            "percentComplete": st.integers() | st.floats() | st.text(max_size=3),
        },
    ),
)
urls = st.sampled_from(URLS)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Azure_AsyncOperation": urls,
        "Operation_Location": urls,
        "Location": urls,
        "Retry_After": st.sampled_from(SECONDS),
        "Retry_After_Ms": st.sampled_from(SECONDS),
    },
)


def reply_of(code: int, body: object, named: dict[str, str]) -> Reply:
    """As `reply`, for Hypothesis."""
    return reply(code, body, **named)


replies = st.builds(reply_of, st.sampled_from(CODES), bodies, headers)
events = st.lists(replies | st.builds(Drop, st.sampled_from(FailureKind)), max_size=15)
paces = st.sampled_from(
    [
        DelayLimits(),
        DelayLimits(floor=0.0),
        DelayLimits(interval=0.0, floor=0.0),
        DelayLimits(interval=7.0),
        DelayLimits(cap=5.0),
    ]
)
plans = st.builds(
    Plan,
    method=st.sampled_from(["PUT", "PATCH", "POST", "DELETE", "GET"]),
    resource_url=st.just(RESOURCE),
    url_policy=st.sampled_from(TRUSTS),
    final_state_via=st.none() | st.sampled_from(FinalStateVia),
    result=st.sampled_from(["final", "status"]),
    terminal_words=st.sampled_from([{}, {"validationfailed": Verdict.FAILED}]),
    pattern=st.sampled_from([None, *BY_CHOICE]),
    delay_limits=paces,
    patience=st.sampled_from([Patience(), Patience(1, 0.0, 1, 0.0, 1), Patience(3, 20.0, 2, 5.0, 2)]),
    deadline_s=st.none() | st.floats(0, 2000),
    status_member=st.sampled_from([None, "status", "state.id"]),
    request_options=st.sampled_from(
        [NO_REQUEST_OPTIONS, RequestOptions((("X-A", "1"),), frozenset({"x-a"}), "/cancel")]
    ),
)


@dataclass(frozen=True)
class Step:
    """One transition."""

    before: Pending
    outcome: Answer | RequestFailure
    after: State


def walk(the_plan: Plan, initial: Reply, later: Sequence[Reply | Drop]) -> tuple[Answer, State, list[Step]]:
    """Return the first answer and state, and each step after it until the end."""
    outcome = initial.to(RESOURCE, 0.0, the_plan.method)
    first = state = start(the_plan, outcome)
    steps, at_s = list[Step](), 0.0
    for event in later:
        if not isinstance(state, Pending):
            break
        if expires_at(state, at_s) is not None:
            break
        at_s += state.next_request.delay.seconds
        answer = event.to(state.next_request.url, at_s)
        steps.append(Step(state, answer, advance(state, answer)))
        state = steps[-1].after
    return outcome, first, steps


def row_of(step: Step) -> Row[Polling] | Row[Confirming] | Row[Fetching] | None:
    """Return the row of the table that a step goes by; None where no answer came."""
    if not isinstance(step.outcome, Answer):
        return None
    kind = status_class(step.outcome.status_code)
    match step.before:
        case Polling(plan=plan) if plan.status_member is not None and reports_status(step.before, read(step.outcome)):
            return POLLING[StatusClass.READABLE]  # the caller's member decides with any code (rule 48)
        case Polling():
            return POLLING[kind]
        case Confirming():
            return CONFIRMING[kind]
        case Fetching():
            return FETCHING[kind]


def check_ask(the_plan: Plan, before: Pending | None, outcome: Answer | RequestFailure, after: State) -> None:
    """Check the request that a state asks for, and the wait before it."""
    if not isinstance(after, Pending):
        return
    origin = origin_of(httpx.URL(after.next_request.url))
    assert origin in {the_plan.url_policy.initial, *the_plan.url_policy.allowed}
    wait_s = after.next_request.delay.seconds
    assert math.isfinite(wait_s)
    assert 0 <= wait_s <= max(the_plan.delay_limits.cap, the_plan.delay_limits.interval or 0.0)
    asked = retry_after(outcome) if isinstance(outcome, Answer) else None
    if (expires_s := expires_at(after, outcome.at_s)) is not None:
        assert outcome.at_s < expires_s == the_plan.deadline_s
        assert after.next_request.delay.by_server
        assert expire(after).last is not None
        return
    turned = isinstance(after, Confirming | Fetching) and type(after) is not type(before)
    if turned and isinstance(after, Fetching):
        assert wait_s == 0  # the final GET is no poll: it follows at once (rule 36)
    elif turned or after.next_request.redirects:
        assert wait_s >= min(asked or 0.0, the_plan.delay_limits.cap)
    else:
        assert wait_s >= (the_plan.delay_limits.floor if asked is None else the_plan.delay_limits.clamp(asked))
    if the_plan.deadline_s is not None and wait_s > 0:
        assert outcome.at_s + wait_s <= max(the_plan.deadline_s, outcome.at_s) + 1e-6


def check_verdict(before: Pending | None, outcome: Answer | RequestFailure, after: State) -> None:
    """Check that only the service's word ends an operation with a verdict (rule 24)."""
    match after:
        case Failed() | Canceled():
            assert isinstance(outcome, Answer)
            assert not isinstance(before, Confirming | Fetching)
            says_so = any(word in outcome.body.lower() for word in (b"failed", b"cancelled", b"canceled"))
            assert says_so or status_class(outcome.status_code) is StatusClass.REFUSED
        case Succeeded():
            assert isinstance(outcome, Answer)
            gone = (
                status_class(outcome.status_code) is StatusClass.MISSING
                and before is not None
                and before.plan.method == "DELETE"
            )
            first = before is None and status_class(outcome.status_code) is StatusClass.UNREAD
            by_member = isinstance(before, Polling) and before.plan.status_member is not None  # with any code (rule 48)
            assert gone or first or by_member or status_class(outcome.status_code) is StatusClass.READABLE
        case Unknown(last=last):
            assert last is not None or before is None
        case _:
            pass


@given(the_plan=plans, initial=replies, later=events)
def test_every_transition_is_in_the_tables(the_plan: Plan, initial: Reply, later: list[Reply | Drop]) -> None:
    """No exception; no state that the row does not list; only trusted URLs; no poll before its time."""
    outcome, first, steps = walk(the_plan, initial, later)
    check_ask(the_plan, None, outcome, first)
    check_verdict(None, outcome, first)
    assert not isinstance(first, Confirming)
    for step in steps:
        row = row_of(step)
        turns = (Polling, Confirming) if the_plan.deletes_until_gone else ()  # a lost request ends one (rule 6)
        assert type(step.after) in (row.to if row else (type(step.before), Unknown, *turns))
        check_ask(the_plan, step.before, step.outcome, step.after)
        check_verdict(step.before, step.outcome, step.after)


@given(the_plan=plans, initial=replies, later=events)
def test_rule_42_every_state_but_success_can_be_resumed(
    the_plan: Plan, initial: Reply, later: list[Reply | Drop]
) -> None:
    """By way of a token, at a URL that passed the check."""
    _, first, steps = walk(the_plan, initial, later)
    for state in (first, *(step.after for step in steps)):
        last = state if isinstance(state, Pending) else None if isinstance(state, Succeeded) else state.last
        if last is None:
            assert isinstance(state, Succeeded) or state is first
            continue
        resumed = state_of(decode(encode(token_of(last, 5.0), b"k"), b"k"), the_plan)
        if isinstance(state, Unknown) and not isinstance(resumed, Pending):
            assert "origin" in state.detail
        else:
            assert isinstance(resumed, Pending)
            assert origin_of(httpx.URL(resumed.next_request.url)) in {
                the_plan.url_policy.initial,
                *the_plan.url_policy.allowed,
            }


@given(the_plan=plans, initial=replies, later=events)
def test_the_machine_keeps_no_data_outside_of_its_state(
    the_plan: Plan, initial: Reply, later: list[Reply | Drop]
) -> None:
    """The same answers bring the same states."""
    assert walk(the_plan, initial, later) == walk(the_plan, initial, later)


@pytest.mark.parametrize("table", [POLLING, CONFIRMING, FETCHING])
def test_the_tables_are_complete(table: Mapping[StatusClass, object]) -> None:
    """Each has a row for each kind of answer."""
    assert list(table) == list(StatusClass)


@pytest.mark.parametrize(
    ("table", "to", "turns"),
    [(POLLING, Polling, {Confirming}), (CONFIRMING, Confirming, {Polling}), (FETCHING, Fetching, set[type[State]]())],
)
def test_rule_24_no_failed_poll_leads_to_a_verdict(
    table: Mapping[StatusClass, Row[Polling] | Row[Confirming] | Row[Fetching]],
    to: type[State],
    turns: set[type[State]],
) -> None:
    """Redirects, 401 and failures lead to the same state, or to its loss; or to the other turn of a deletion."""
    assert set(table[StatusClass.REDIRECT].to) == {to, Unknown}
    failed = (StatusClass.UNAUTHORIZED, StatusClass.TRANSIENT, StatusClass.UNREAD, StatusClass.UNEXPECTED)
    for kind in failed:
        assert set(table[kind].to) == {to, Unknown} | turns
    for kind in (StatusClass.FORBIDDEN, StatusClass.REFUSED):
        assert Succeeded not in table[kind].to


def test_rule_29_a_terminal_state_is_never_advanced() -> None:
    """No table leads on from one, and none asks for anything; `advance` takes pending states alone."""
    for end in (monitor("Succeeded"), monitor("Failed"), monitor("Canceled"), reply(400)):
        state = run_from(polling("POST"), end).end
        assert not isinstance(state, Pending)
        assert not hasattr(state, "ask")


@pytest.mark.parametrize("origin_s", [-1e6, 0.0, 1e6])
def test_rule_37_only_differences_of_time_are_used(origin_s: float) -> None:
    """The clock is monotonic, of any epoch: its zero may be anywhere."""
    fails: list[Reply | Drop] = [reply(503), Drop(), reply(404), reply(200, {})] * 2
    begun = polling("POST")._replace(plan=plan("POST", deadline_s=origin_s + 100))
    assert run_from(begun, *fails, at_s=origin_s).delays == [1, 1, 2, 1, 4, 8, 16, 2]
    assert run_from(begun, *fails, reply(503), at_s=origin_s).next.next_request.delay.seconds == 100 - 67


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_rule_16_the_words_of_the_caller_end_an_operation_in_every_pattern(method: str) -> None:
    """At the monitor, at a Location and at the resource, in any case."""
    ours = plan(method, terminal_words={"validationfailed": Verdict.FAILED, "done": Verdict.SUCCEEDED})
    last = monitor("ValidationFAILED")
    assert run(ours, accepted(Azure_AsyncOperation="/op"), last).outcome is Failed
    assert run(ours, accepted(Location="/op"), last).outcome is Failed
    assert run(ours, accepted(Location="/op"), resource("ValidationFailed")).outcome is Failed
    assert run(ours, accepted(Azure_AsyncOperation="/op"), monitor("Partly done")).outcome is Polling
    if method == "PUT":
        assert run(ours, resource("Creating"), resource("ValidationFailed")).outcome is Failed
        assert run(ours, resource("DONE")).outcome is Succeeded
        assert run(plan(method), resource("ValidationFailed")).outcome is Polling


def test_only_failed_polls_and_the_deadline_lead_to_an_unknown_state() -> None:
    """From any pending state."""
    for history in (
        run_from(polling()),
        run_from(polling("DELETE"), reply(404)),
        run_from(polling(), monitor("Succeeded")),
    ):
        unknown = expire(history.next)
        assert outcome(unknown) == unknown.reason
        assert unknown.last is not None


def test_the_url_policy_parses_with_the_url_class_that_sends() -> None:
    """So one that another class takes for trusted is not."""

    def refusing(named: str) -> httpx.URL:
        raise httpx.InvalidURL(named)

    url_policy = URLPolicy(refusing, TRUST.initial)
    assert (
        run_from(start(plan(url_policy=url_policy), accepted(Location="/op").to(RESOURCE, 0.0))).unknown.last
        is not None
    )
