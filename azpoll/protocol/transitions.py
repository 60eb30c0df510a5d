"""The states after a readable answer, and after a status that is missing (rules 6, 18-21, 28-33)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, assert_never

from azpoll.protocol.arm_error import read_error
from azpoll.protocol.delay import IMMEDIATELY, Delay, next_step, poll_delay
from azpoll.protocol.failures import allow_grace, back_off, give_up, refused, unread, untrusted
from azpoll.protocol.json_body import BodyProblem, text_member
from azpoll.protocol.patterns import ACCEPTED, ENDS_WHEN_GONE, LOCATION, RESOURCE, UNTIL_GONE, result_problem
from azpoll.protocol.plan import FinalStateVia
from azpoll.protocol.reading import Reading, StatusClass
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
from azpoll.protocol.status_document import Verdict, is_deleting, operation_status, progress_after
from azpoll.protocol.stored_url import stored
from azpoll.protocol.url_policy import RejectedURL

if TYPE_CHECKING:
    from azpoll.protocol.plan import Plan
    from azpoll.protocol.reading import AnyReading
    from azpoll.protocol.states import Pending, State
    from azpoll.protocol.status_document import StatusReport
    from azpoll.protocol.stored_url import KeptURL

_BY_MONITOR = frozenset({FinalStateVia.AZURE_ASYNC_OPERATION, FinalStateVia.OPERATION_LOCATION})
_AT_RESOURCE = ENDS_WHEN_GONE | {RESOURCE}
_ORIGINAL_URI = FinalStateVia.ORIGINAL_URI
_CANCELED = frozenset({"operationcanceled", "operationcancelled"})
"""Lower-case error codes by which a `Location` says that the operation was canceled, not that it failed."""

S = TypeVar("S", Polling, Fetching)


def read_status(state: Polling, reading: Reading) -> State:
    """Return the state after a 2xx answer to a poll, read as its pattern says."""
    report = state.pattern.report(state.plan, reading)
    if report.verdict is Verdict.UNREADABLE:
        return _malformed(state, reading, report.problem)
    if report.verdict is Verdict.UNATTRIBUTED:
        return unattributed(state, reading, report)
    if report.verdict is Verdict.RUNNING:
        return _poll_again(state, reading, report)
    return conclude(with_progress(state, reading, report), reading, report)


def with_progress(state: Polling, reading: Reading, report: StatusReport) -> Polling:
    """Return the same state with the progress and the `Location` of a readable answer, and without failures."""
    plan, pattern, kept_url, request, location, fallback, stale, step, _, progress = state
    if reading.location is not None:
        location = _location(state, reading, reading.location)
    progress = progress_after(progress, report, reading.request_ids)
    # Neither `_replace` nor keywords: both take far longer.
    return Polling(plan, pattern, kept_url, request, location, fallback, stale, step, NO_FAILURES, progress)


def _location(state: Polling, reading: Reading, named: str) -> KeptURL | RejectedURL | None:
    """Return the latest `Location` beside a status monitor, after an answer that names one."""
    location = state.location
    is_new = state.pattern.is_monitor and (location is None or named != str(location))
    if is_new and (url := _result_url(state.plan, named, reading)) is not None:
        location = url if isinstance(url, RejectedURL) else stored(url)
    return location


def _result_url(plan: Plan, named: str | None, reading: Reading) -> str | RejectedURL | None:
    """Return the URL of a `Location` beside a status; None without one, and for a malformed one (rule 8).

    An untrusted URL matters only if it is used (rules 9, 30).
    """
    url = None if named is None else plan.resolve(named, reading.url)
    return None if isinstance(url, RejectedURL) and url.is_malformed else url


def conclude(state: Polling, reading: Reading, report: StatusReport) -> State:
    """Return the state after a report that the operation has ended."""
    match report.verdict:
        case Verdict.SUCCEEDED:
            return _succeeded(state, reading, report)
        case Verdict.FAILED:
            return _failed(state, reading)
        case Verdict.CANCELED:
            return Canceled(reading.outcome, state, state.progress)
        case Verdict.RUNNING | Verdict.UNREADABLE | Verdict.UNATTRIBUTED:
            raise AssertionError(f"an answer that is {report.verdict.value} concludes nothing")
        case _:
            assert_never(report.verdict)


def reports_status(state: Polling, reading: AnyReading) -> bool:
    """Whether the member that the caller named has a status, whatever the HTTP status (rule 48)."""
    if not isinstance(reading, Reading) or reading.status_class is StatusClass.REDIRECT:
        return False
    document, plan = reading.document, state.plan
    return document is not None and operation_status(document, plan.status_member, plan.terminal_words) is not None


def _url_of(location: KeptURL | RejectedURL) -> str | RejectedURL:
    return location if isinstance(location, RejectedURL) else str(location)


def _malformed(state: S, reading: Reading, problem: str) -> S | Unknown:
    """Poll again after an answer that makes no sense, or whose body may have been cut (rules 17, 27)."""
    cut = reading.json is BodyProblem.CUT
    return back_off(state, reading, UnknownReason.EXHAUSTED if cut else UnknownReason.MALFORMED, problem)


def _failed(state: Polling, reading: Reading) -> Failed | Canceled:
    """End an operation that failed; a `Location` has no other way to report a cancellation than its error code."""
    if state.pattern.answers_as_the_operation:
        code = read_error(reading.outcome).error.code
        if code is not None and code.lower() in _CANCELED:
            return Canceled(reading.outcome, state, state.progress)
    return Failed(reading.outcome, state, state.progress)


def _poll_again(state: Polling, reading: Reading, report: StatusReport) -> Polling | Confirming | Unknown:
    """Return the state that polls later, at the newest URL that the service named (rules 18, 19).

    A deletion that is followed at its resource polls the resource in turn with its status (rule 6).
    """
    plan, pattern, kept_url, _, location, _, stale, step, _, progress = state
    location = location if reading.location is None else _location(state, reading, reading.location)
    progress = progress_after(progress, report, reading.request_ids)
    delay = poll_delay(reading.retry_after_s, plan.delay_limits, step)
    step = next_step(step, delay)
    newest = _newest_url(state, reading) if reading.names_urls else None
    fallback = None
    if newest is not None:
        fallback = state.url if pattern.is_monitor or isinstance(newest, RejectedURL) else None
        kept_url = kept_url if isinstance(newest, RejectedURL) else stored(newest)
    request = NextRequest(kept_url, delay)
    following = Polling(plan, pattern, kept_url, request, location, fallback, stale, step, NO_FAILURES, progress)
    if isinstance(newest, RejectedURL):
        return untrusted(following, newest, "a later answer", reading)
    if plan.final_state_via is _ORIGINAL_URI and plan.deletes_until_gone and pattern not in ENDS_WHEN_GONE:
        return Confirming(following, NextRequest(plan.resource_url, delay))
    return following


def _newest_url(state: Polling, reading: Reading) -> str | RejectedURL | None:
    """Return the new polling URL that an answer names; None if it names none, or one that is known to be stale."""
    named, known = reading.named_urls(state.pattern.refreshed_by), (state.url, state.stale)
    if not named or named[0] in known:
        return None
    _, newest = state.plan.resolve_first(named, reading.url)
    return None if newest in known else newest


def _succeeded(state: Polling, reading: Reading, report: StatusReport) -> State:
    url = final_get_url(state, reading, report)
    if url is None:
        return Succeeded(reading.outcome, state.progress)
    if isinstance(url, RejectedURL):
        fetching = Fetching(
            state.plan, state.kept_url, NextRequest(state.kept_url, IMMEDIATELY), progress=state.progress
        )
        return untrusted(fetching, url, "the succeeded operation", reading)
    kept_url = stored(url)
    return Fetching(state.plan, kept_url, NextRequest(kept_url, IMMEDIATELY), progress=state.progress)


def final_get_url(state: Polling, reading: Reading, report: StatusReport) -> str | RejectedURL | None:
    """Return the URL of the final GET; None if the answer at hand is the result. The first condition decides."""
    plan, pattern, via = state.plan, state.pattern, state.plan.final_state_via
    if plan.result == "status":  # rule 33
        return None
    if via is _ORIGINAL_URI:  # rule 30, like the next two
        at_hand = pattern in _AT_RESOURCE or (pattern is LOCATION and state.url == plan.resource_url)
        return None if at_hand else plan.resource_url
    if via is FinalStateVia.LOCATION and (pattern is LOCATION or state.location is not None):
        return _result_location(state, reading, report)
    if via in _BY_MONITOR and not plan.changes_resource:
        return None
    if not (pattern.is_monitor or report.by_operation) or plan.method == "DELETE":  # rule 31, like all that follows
        return None
    named = text_member(report.document, "resourceLocation") or reading.result_url
    if named is not None:
        return plan.resolve(named, reading.url)
    if plan.changes_resource:
        return None if state.url == plan.resource_url else plan.resource_url
    return _result_location(state, reading, report)


def _result_location(state: Polling, reading: Reading, report: StatusReport) -> str | RejectedURL | None:
    """Return the latest `Location` beside a status, unless that is the polling URL itself.

    Behind a `Location` only an operation document can name another one for the result: Fabric's `/result`.
    """
    location = None if state.location is None else _url_of(state.location)
    if state.pattern.is_monitor:
        return None if state.plan.pattern is not None and location == state.url else location
    named = _result_url(state.plan, reading.location, reading) if report.by_operation else None
    return None if named in (state.url, reading.url) else named


def refused_status(state: Polling, reading: Reading) -> Polling | Failed | Canceled | Unknown:
    """Fail by a 4xx of the operation itself (rule 21); give up by a 4xx of its status monitor (rule 24)."""
    if state.pattern.answers_as_the_operation and not unread(state, reading):
        return _failed(state, reading)
    return refused(state, reading)


def unattributed(state: Polling, reading: Reading, report: StatusReport) -> Polling | Unknown:
    """Give up a PUT or PATCH whose resource may be as it was before the request (rule 53).

    The resource of a DELETE has the time of rule 27 to disappear, or to say that it is being deleted.
    """
    shown = "systemData.lastModifiedAt names no time after the request"
    if state.plan.method == "DELETE":
        following = allow_grace(state, reading)
        if isinstance(following, Polling):
            return following
        shown = "it exists, and does not say that it is being deleted"
    detail = f"the service may have executed the initial request or not, and the resource does not tell: {shown}"
    state = state._replace(progress=progress_after(state.progress, report, reading.request_ids))
    unknown = give_up(state, UnknownReason.UNATTRIBUTED, detail, reading)
    return unknown._replace(advice="Look at the resource, which is the response of this error")


def status_missing(state: Polling, reading: Reading) -> State:
    """Return the state after a 404 or 410: a stale URL, a deletion, or an operation that is not yet visible."""
    plan = state.plan
    if state.fallback is not None:  # a newer URL at its first use: Resource Mover (rule 18)
        delay = poll_delay(reading.retry_after_s, plan.delay_limits, state.step)
        request = NextRequest(state.fallback, delay)
        return state._replace(kept_url=state.fallback, next_request=request, fallback=None, stale=state.url)
    if plan.method != "DELETE":
        return allow_grace(state, reading)
    if state.pattern is UNTIL_GONE or state.url == plan.resource_url:
        return allow_grace(state, reading) if reading.is_html else _gone(state, reading)
    delay = Delay(plan.delay_limits.clamp(reading.retry_after_s or 0.0), by_server=True)
    return Confirming(state, NextRequest(plan.resource_url, delay))


def _gone(state: Pending, reading: Reading) -> Succeeded:
    """End a DELETE by a 404 (rule 28); its result is that of an immediate DELETE: 204 without content."""
    return Succeeded(reading.outcome.without_content(), state.progress)


def resource_gone(state: Confirming, reading: Reading) -> State:
    """End a DELETE whose resource is not found, unless a gateway says so: it answers with HTML (rule 28)."""
    return resource_unconfirmed(state, reading) if reading.is_html else _gone(state, reading)


def resource_exists(state: Confirming, reading: Reading) -> Polling | Unknown:
    """Poll on while the resource is being deleted (rules 6, 28); else its deletion is not confirmed."""
    plan, polling = state.plan, state.polling
    if not plan.deletes_until_gone and not is_deleting(reading.document):
        return resource_unconfirmed(state, reading)
    delay = poll_delay(reading.retry_after_s, plan.delay_limits, polling.step)
    counts = polling.failure_counts if plan.deletes_until_gone else NO_FAILURES  # in turns, the status must be read
    request, step = NextRequest(polling.kept_url, delay), next_step(polling.step, delay)
    return polling._replace(next_request=request, step=step, failure_counts=counts)


def resource_unconfirmed(state: Confirming, reading: Reading) -> Polling | Unknown:
    """Count the missing status as one that may come back: the resource is not known to be gone (rule 28)."""
    detail = f"the status is not found, and the resource, read in its place, answers HTTP {reading.status_code}"
    following = allow_grace(state.polling, reading, in_short=detail)
    if isinstance(following, Unknown) and following.reason is UnknownReason.NOT_FOUND:
        return following._replace(detail=detail)
    return following


def accept_result(state: Fetching, reading: Reading) -> State:
    """Take the answer to the final GET as the result, unless the result is not there yet (rule 32)."""
    if reading.status_code != ACCEPTED:
        problem = None if reading.json is BodyProblem.COSTLY else result_problem(reading.json)
        if problem is not None:
            return _malformed(state, reading, problem)
        if state.plan.deletes_until_gone:  # deleted, says its status: the resource may be visible a little longer
            following = allow_grace(state, reading, in_short="the resource is still visible after its deletion")
            return Succeeded(reading.outcome, state.progress) if isinstance(following, Unknown) else following
        return Succeeded(reading.outcome, state.progress)
    delay = poll_delay(reading.retry_after_s, state.plan.delay_limits, state.step)
    step = next_step(state.step, delay)
    url = state.kept_url if reading.location is None else state.plan.resolve(reading.location, reading.url)
    if isinstance(url, RejectedURL):
        return untrusted(state, url, "a later answer", reading)
    return state._replace(kept_url=url, next_request=NextRequest(url, delay), step=step, failure_counts=NO_FAILURES)


def result_missing(state: Fetching, reading: Reading) -> State:
    """Succeed if a DELETE has no result; else wait for a result that is not found (rule 32)."""
    gone = state.plan.method == "DELETE" and not reading.is_html
    return _gone(state, reading) if gone else allow_grace(state, reading)
