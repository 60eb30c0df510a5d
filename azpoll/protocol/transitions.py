"""What a readable answer leads to, and what a vanished status means (rules 18-20, 28-33)."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from azpoll.protocol.answer import Answer, BodyProblem, read_json
from azpoll.protocol.delay import poll_delay
from azpoll.protocol.failures import NOW, allow_grace, back_off, immediate_delay, refused, untrusted
from azpoll.protocol.final_get import final_get_url
from azpoll.protocol.patterns import ACCEPTED, NO_CONTENT, UNTIL_GONE
from azpoll.protocol.reading import progress_of
from azpoll.protocol.states import (
    NO_FAILURES,
    Canceled,
    Confirming,
    Failed,
    Fetching,
    NextRequest,
    Polling,
    Succeeded,
    Unknown,
    UnknownReason,
    Verdict,
)
from azpoll.protocol.url_policy import RejectedURL

if TYPE_CHECKING:
    from azpoll.protocol.reading import Reading
    from azpoll.protocol.states import State


def read_status(state: Polling, outcome: Answer) -> State:
    """Read a 2xx answer to a poll as its pattern says."""
    reading = state.pattern.read(state.plan, outcome)
    if reading.verdict is Verdict.UNREADABLE:
        return back_off(state, outcome, UnknownReason.MALFORMED, reading.why)
    if reading.verdict is Verdict.RUNNING:
        return _poll_again(state, outcome, reading)
    return conclude(with_progress(state, outcome, reading), outcome, reading)


def with_progress(state: Polling, outcome: Answer, reading: Reading) -> Polling:
    """Note what a readable answer tells besides its verdict."""
    location, progress = latest_location(state, outcome), progress_of(outcome, reading, state.progress)
    plan, pattern, url, ask, _, fallback, stale, step, *_ = state
    return Polling(plan, pattern, url, ask, location, fallback, stale, step, NO_FAILURES, progress)


def conclude(state: Polling, outcome: Answer, reading: Reading) -> State:
    """Go where a readable answer leads that says that the operation has ended."""
    match reading.verdict:
        case Verdict.SUCCEEDED:
            return _succeeded(state, outcome, reading)
        case Verdict.FAILED:
            return Failed(outcome, state, state.progress)
        case Verdict.CANCELED:
            return Canceled(outcome, state, state.progress)
        case Verdict.RUNNING | Verdict.UNREADABLE:
            raise AssertionError(f"an answer that is {reading.verdict.value} settles nothing")
        case _:
            assert_never(reading.verdict)


def _poll_again(state: Polling, outcome: Answer, reading: Reading) -> Polling | Unknown:
    """Poll later, at the newest URL the service named (rules 18, 19)."""
    wait = poll_delay(outcome, state.plan.delay_limits, state.step)
    named = _newest(state, outcome)
    target = state.url if isinstance(named, RejectedURL) else named
    location = latest_location(state, outcome)
    fallback = state.url if target != state.url and state.pattern.is_monitor else None
    step = state.step if wait.by_server else state.step + 1
    progress = progress_of(outcome, reading, state.progress)
    ask = NextRequest(target, wait)
    again = Polling(
        state.plan, state.pattern, target, ask, location, fallback, state.stale, step, NO_FAILURES, progress
    )
    if isinstance(named, RejectedURL):
        return untrusted(again._replace(fallback=state.url), named, "a later answer", outcome)
    return again


def _newest(state: Polling, outcome: Answer) -> str | RejectedURL:
    """Return the polling URL that an answer names, if it names another one that is not known to be stale."""
    for name in state.pattern.refreshed_by:
        if name in outcome.headers:
            named = outcome.headers[name]
            break
    else:
        return state.url
    if named in (state.url, state.stale):
        return state.url
    target = state.plan.url_policy.resolve(named, base=outcome.url, resource_url=state.plan.resource_url)
    return state.url if target == state.stale else target


def latest_location(state: Polling, outcome: Answer) -> str | RejectedURL | None:
    """Return the `Location` for the final GET; a refused one matters only if it is used (rule 30)."""
    if not state.pattern.is_monitor or "location" not in outcome.headers:
        return state.location
    named = outcome.headers["location"]
    if named == state.location:
        return state.location
    return state.plan.url_policy.resolve(named, base=outcome.url, resource_url=state.plan.resource_url)


def _succeeded(state: Polling, outcome: Answer, reading: Reading) -> State:
    target = final_get_url(state, outcome, reading)
    if target is None:
        return Succeeded(outcome, state.progress)
    if isinstance(target, RejectedURL):
        fetching = Fetching(state.plan, state.url, NextRequest(state.url, NOW), progress=state.progress)
        return untrusted(fetching, target, "the succeeded operation", outcome)
    return Fetching(state.plan, target, NextRequest(target, NOW), progress=state.progress)


def refused_status(state: Polling, outcome: Answer) -> Failed | Unknown:
    """Tell a 4xx of the operation itself (rule 21) from a 4xx of its status monitor (rule 24)."""
    if state.pattern.answers_as_the_operation:
        return Failed(outcome, state, state.progress)
    return refused(state, outcome)


def status_missing(state: Polling, outcome: Answer) -> State:
    """Find out what a 404 or 410 means: a stale URL, a deletion, or an operation too new to be seen."""
    plan = state.plan
    if state.fallback is not None:  # a refreshed URL at its first use: Resource Mover (rule 18)
        wait = poll_delay(outcome, plan.delay_limits, state.step)
        return state._replace(
            url=state.fallback, next_request=NextRequest(state.fallback, wait), fallback=None, stale=state.url
        )
    if plan.method != "DELETE":
        return allow_grace(state, outcome)
    if state.pattern is UNTIL_GONE or state.url == plan.resource_url:
        return _gone(outcome, state)
    return Confirming(state, NextRequest(plan.resource_url, immediate_delay(outcome, plan.delay_limits)))


def resource_gone(state: Confirming, outcome: Answer) -> Succeeded:
    """The resource is gone with its status: the DELETE succeeded (rule 28)."""
    return _gone(outcome, state)


def resource_exists(state: Confirming, outcome: Answer) -> Polling | Unknown:
    """The resource is not known to be gone: the missing status counts as one that may come back (rule 28)."""
    after = allow_grace(state.polling, outcome)
    if isinstance(after, Unknown) and after.reason is UnknownReason.NOT_FOUND:
        detail = f"the status is not found, and the resource, asked in its place, answers HTTP {outcome.status_code}"
        return after._replace(detail=detail)
    return after


def accept_result(state: Fetching, outcome: Answer) -> State:
    """Take the answer to the final GET as the result, unless it is not there yet (rule 32)."""
    if outcome.status_code != ACCEPTED:
        if read_json(outcome) is BodyProblem.BROKEN:
            return back_off(state, outcome, UnknownReason.MALFORMED, BodyProblem.BROKEN.value)
        return Succeeded(outcome, state.progress)
    wait = poll_delay(outcome, state.plan.delay_limits, state.step)
    step = state.step if wait.by_server else state.step + 1
    target = state.url
    if (named := outcome.headers.get("location")) is not None:
        resolved = state.plan.url_policy.resolve(named, base=outcome.url, resource_url=state.plan.resource_url)
        if isinstance(resolved, RejectedURL):
            return untrusted(state, resolved, "a later answer", outcome)
        target = resolved
    return state._replace(url=target, next_request=NextRequest(target, wait), step=step, failure_counts=NO_FAILURES)


def result_missing(state: Fetching, outcome: Answer) -> State:
    """A result that is not found: of a DELETE nothing else was to be expected; else it may come (rule 32)."""
    return _gone(outcome, state) if state.plan.method == "DELETE" else allow_grace(state, outcome)


def _gone(outcome: Answer, state: Polling | Confirming | Fetching) -> Succeeded:
    """End a DELETE by the 404 of what it deleted; its result is what a DELETE that ended at once answers: 204."""
    nothing = outcome._replace(status_code=NO_CONTENT, body=b"", headers={}, raw_headers=())
    return Succeeded(nothing, state.progress)
