"""The states after a readable answer, and after a status that is missing (rules 18-20, 28-33)."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from azpoll.protocol.delay import IMMEDIATELY, immediate_delay, poll_delay
from azpoll.protocol.failures import allow_grace, back_off, refused, untrusted
from azpoll.protocol.final_get import final_get_url
from azpoll.protocol.json_body import BodyProblem
from azpoll.protocol.patterns import ACCEPTED, UNTIL_GONE
from azpoll.protocol.progress import progress_after
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
)
from azpoll.protocol.status_document import Verdict
from azpoll.protocol.url_policy import RejectedURL

if TYPE_CHECKING:
    from azpoll.protocol.patterns import StatusReport
    from azpoll.protocol.reading import Reading
    from azpoll.protocol.states import Pending, State


def read_status(state: Polling, reading: Reading) -> State:
    """Return the state after a 2xx answer to a poll, read as its pattern says."""
    report = state.pattern.report(state.plan, reading)
    if report.verdict is Verdict.RUNNING:
        return _poll_again(state, reading, report)
    if report.verdict is Verdict.UNREADABLE:
        return back_off(state, reading, UnknownReason.MALFORMED, report.problem)
    return conclude(with_progress(state, reading, report), reading, report)


def with_progress(state: Polling, reading: Reading, report: StatusReport) -> Polling:
    """Return the same state with the progress and the `Location` of a readable answer, and without failures."""
    location, progress = _latest_location(state, reading), progress_after(state.progress, reading, report)
    plan, pattern, url, request, _, fallback, stale, step, *_ = state
    # Neither `_replace` nor keywords: both take far longer, and this runs at each poll.
    return Polling(plan, pattern, url, request, location, fallback, stale, step, NO_FAILURES, progress)


def conclude(state: Polling, reading: Reading, report: StatusReport) -> State:
    """Return the state after a report that the operation has ended."""
    match report.verdict:
        case Verdict.SUCCEEDED:
            return _succeeded(state, reading, report)
        case Verdict.FAILED:
            return Failed(reading.outcome, state, state.progress)
        case Verdict.CANCELED:
            return Canceled(reading.outcome, state, state.progress)
        case Verdict.RUNNING | Verdict.UNREADABLE:
            raise AssertionError(f"an answer that is {report.verdict.value} concludes nothing")
        case _:
            assert_never(report.verdict)


def _poll_again(state: Polling, reading: Reading, report: StatusReport) -> Polling | Unknown:
    """Return the state that polls later, at the newest URL that the service named (rules 18, 19)."""
    delay = poll_delay(reading.retry_after_s, state.plan.delay_limits, state.step)
    newest = _newest_url(state, reading)
    url = state.url if isinstance(newest, RejectedURL) else newest
    location, progress = _latest_location(state, reading), progress_after(state.progress, reading, report)
    fallback = state.url if url != state.url and state.pattern.is_monitor else None
    step = state.step if delay.by_server else state.step + 1
    request = NextRequest(url, delay)
    following = Polling(
        state.plan, state.pattern, url, request, location, fallback, state.stale, step, NO_FAILURES, progress
    )
    if isinstance(newest, RejectedURL):
        return untrusted(following._replace(fallback=state.url), newest, "a later answer", reading)
    return following


def _newest_url(state: Polling, reading: Reading) -> str | RejectedURL:
    """Return the polling URL that an answer names, unless it names none or one that is known to be stale."""
    named = reading.named_url(state.pattern.refreshed_by)
    if named is None or named in (state.url, state.stale):
        return state.url
    newest = state.plan.resolve(named, reading.url)
    return state.url if newest == state.stale else newest


def _latest_location(state: Polling, reading: Reading) -> str | RejectedURL | None:
    """Return the `Location` for the final GET; a rejected one matters only if it is used (rule 30)."""
    if not state.pattern.is_monitor:
        return state.location
    named = reading.location
    return state.location if named is None or named == state.location else state.plan.resolve(named, reading.url)


def _succeeded(state: Polling, reading: Reading, report: StatusReport) -> State:
    url = final_get_url(state, reading, report)
    if url is None:
        return Succeeded(reading.outcome, state.progress)
    if isinstance(url, RejectedURL):
        fetching = Fetching(state.plan, state.url, NextRequest(state.url, IMMEDIATELY), progress=state.progress)
        return untrusted(fetching, url, "the succeeded operation", reading)
    return Fetching(state.plan, url, NextRequest(url, IMMEDIATELY), progress=state.progress)


def refused_status(state: Polling, reading: Reading) -> Failed | Unknown:
    """Fail by a 4xx of the operation itself (rule 21); give up by a 4xx of its status monitor (rule 24)."""
    if state.pattern.answers_as_the_operation:
        return Failed(reading.outcome, state, state.progress)
    return refused(state, reading)


def status_missing(state: Polling, reading: Reading) -> State:
    """Return the state after a 404 or 410: a stale URL, a deletion, or an operation that is not yet visible."""
    plan = state.plan
    if state.fallback is not None:  # a newer URL at its first use: Resource Mover (rule 18)
        delay = poll_delay(reading.retry_after_s, plan.delay_limits, state.step)
        request = NextRequest(state.fallback, delay)
        return state._replace(url=state.fallback, next_request=request, fallback=None, stale=state.url)
    if plan.method != "DELETE":
        return allow_grace(state, reading)
    if state.pattern is UNTIL_GONE or state.url == plan.resource_url:
        return _gone(state, reading)
    return Confirming(state, NextRequest(plan.resource_url, immediate_delay(reading.retry_after_s, plan.delay_limits)))


def resource_gone(state: Confirming, reading: Reading) -> Succeeded:
    """Succeed: the resource is gone, and its status too (rule 28)."""
    return _gone(state, reading)


def resource_exists(state: Confirming, reading: Reading) -> Polling | Unknown:
    """Count the missing status as one that may come back: the resource is not known to be gone (rule 28)."""
    following = allow_grace(state.polling, reading)
    if isinstance(following, Unknown) and following.reason is UnknownReason.NOT_FOUND:
        detail = f"the status is not found, and the resource, asked in its place, answers HTTP {reading.status_code}"
        return following._replace(detail=detail)
    return following


def accept_result(state: Fetching, reading: Reading) -> State:
    """Take the answer to the final GET as the result, unless the result is not there yet (rule 32)."""
    if reading.status_code != ACCEPTED:
        if reading.json is BodyProblem.BROKEN:
            return back_off(state, reading, UnknownReason.MALFORMED, BodyProblem.BROKEN.value)
        return Succeeded(reading.outcome, state.progress)
    delay = poll_delay(reading.retry_after_s, state.plan.delay_limits, state.step)
    step = state.step if delay.by_server else state.step + 1
    named = reading.location
    url = state.url if named is None else state.plan.resolve(named, reading.url)
    if isinstance(url, RejectedURL):
        return untrusted(state, url, "a later answer", reading)
    return state._replace(url=url, next_request=NextRequest(url, delay), step=step, failure_counts=NO_FAILURES)


def result_missing(state: Fetching, reading: Reading) -> State:
    """Succeed if a DELETE has no result; else wait for a result that is not found (rule 32)."""
    return _gone(state, reading) if state.plan.method == "DELETE" else allow_grace(state, reading)


def _gone(state: Pending, reading: Reading) -> Succeeded:
    """Return the end of a DELETE by a 404; its result is that of an immediate DELETE: 204 without content."""
    return Succeeded(reading.outcome.without_content(), state.progress)
