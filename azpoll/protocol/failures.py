"""The states after a status that could not be read: a longer delay, a redirect, a retry, or the end (rules 11, 24-27).

Each function takes any pending state and keeps all of it but the next request and the failure counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from azpoll.protocol.answer import FailureKind
from azpoll.protocol.delay import Delay, backoff_delay, immediate_delay
from azpoll.protocol.reading import StatusClass, is_success
from azpoll.protocol.states import Confirming, Fetching, NextRequest, Polling, Unknown, UnknownReason, is_anonymous
from azpoll.protocol.status_document import kept
from azpoll.protocol.url_policy import RejectedURL

if TYPE_CHECKING:
    from azpoll.protocol.reading import AnyReading, FailureReading, Reading
    from azpoll.protocol.states import FailureCounts, Pending

MAX_REDIRECTS = 3
"""Redirects followed for one request (rule 11)."""

S = TypeVar("S", Polling, Confirming, Fetching)


def failed(state: S, reason: str) -> S:
    """Return a state with one more failed poll in a row (rule 55)."""
    counts = state.failure_counts
    return state._replace(failure_counts=counts._replace(in_a_row=counts.in_a_row + 1, reason=kept(reason)))


def http_status(reading: Reading) -> str:
    """Return the HTTP status of an answer for people; no Azure API sends HTML, but gateways do."""
    return f"HTTP {reading.status_code}{' from a proxy (HTML)' if reading.is_html else ''}"


def deadline_passed(state: Pending) -> str:
    """Return the detail of an operation whose deadline passed: whether its status was read until then (rule 38)."""
    counts = state.failure_counts
    if counts.in_a_row:
        polls = "poll" if counts.in_a_row == 1 else f"{counts.in_a_row} polls"
        return f"the deadline passed; the last {polls} failed: {counts.reason}"
    return f"the deadline passed {'first' if isinstance(state, Fetching) else 'while it ran'}"


def back_off(
    state: S, reading: AnyReading, reason: UnknownReason, detail: str, *, in_short: str | None = None
) -> S | Unknown:
    """Poll again after a longer delay; give up once both bounds of rule 25 are passed."""
    state = failed(state, in_short or detail)
    counts, patience, at_s = state.failure_counts, state.plan.patience, reading.at_s
    failures = counts.failures + 1
    since_s = counts.failing_since_s if counts.failures else at_s
    failing_s = at_s - since_s
    if failures >= patience.attempts and failing_s >= patience.seconds:
        return give_up(state, reason, f"{detail}; {failures} polls in a row over {failing_s:.0f} s failed", reading)
    return _try_again(state, reading, counts._replace(failures=failures, failing_since_s=since_s), failures)


def allow_grace(state: S, reading: Reading, *, in_short: str | None = None) -> S | Unknown:
    """Poll again after a 403, 404 or 410; give up once both bounds of rule 27 are passed.

    New operations are not visible immediately, and role assignments take time to propagate.
    """
    state = failed(state, in_short or http_status(reading))
    counts, patience, at_s = state.failure_counts, state.plan.patience, reading.at_s
    misses = counts.misses + 1
    since_s = counts.missing_since_s if counts.misses else at_s
    missing_s = at_s - since_s
    if misses >= patience.grace_attempts and missing_s >= patience.grace_seconds:
        if reading.status_class is StatusClass.FORBIDDEN:
            reason, cause = UnknownReason.FORBIDDEN, "the read permission on the status URL is missing"
        else:
            reason, cause = UnknownReason.NOT_FOUND, "nothing is found there"
        return give_up(state, reason, f"{http_status(reading)} for {missing_s:.0f} s: {cause}", reading)
    return _try_again(state, reading, counts._replace(misses=misses, missing_since_s=since_s), misses)


def retry_unauthorized(state: S, reading: Reading) -> S | Unknown:
    """Poll once more after a 401, since the client's auth may renew its credential (rule 26)."""
    state = failed(state, http_status(reading))
    counts = state.failure_counts
    if is_anonymous(state):
        return _unauthorized_anonymously(state, reading)
    if counts.unauthorized:
        detail = f"{http_status(reading)} twice, with no readable answer between"
        return give_up(state, UnknownReason.UNAUTHENTICATED, detail, reading)
    return _try_again(state, reading, counts._replace(unauthorized=1), 1)


def _unauthorized_anonymously(state: Pending, reading: Reading) -> Unknown:
    """Give up after a 401 to a request without credentials: there is none to renew (rules 9, 26)."""
    if state.next_request.left_origin:
        why, advice = "a redirect led to its origin", "Find out why the service redirects"
    else:
        why = "anonymous_origins names its origin"
        advice = "If it needs a credential and you trust it, list it in allowed_origins instead"
    detail = f"HTTP 401, and the request had no credential because {why}"
    return give_up(state, UnknownReason.UNAUTHENTICATED, detail, reading)._replace(advice=advice)


def follow(state: S, reading: Reading) -> S | Unknown:
    """Send the same request to the target of a redirect, which is checked as any other URL (rules 9, 11).

    Credentials do not follow a redirect to another origin, nor from there to a third.
    """
    named = reading.location
    if named is None:
        return back_off(state, reading, UnknownReason.MALFORMED, f"HTTP {reading.status_code} without a Location")
    redirects = state.next_request.redirects + 1
    if redirects > MAX_REDIRECTS:
        return back_off(state, reading, UnknownReason.MALFORMED, f"more than {MAX_REDIRECTS} redirects")
    target = state.plan.resolve(named, reading.url)
    if isinstance(target, RejectedURL):  # resume at the redirecting URL: one such answer must not lead away from it
        return untrusted(state, target._replace(url=None), "a redirect", reading)
    delay = immediate_delay(reading.retry_after_s, state.plan.delay_limits)
    left_origin = state.next_request.left_origin or not state.plan.url_policy.is_same_origin(reading.url, target)
    return state._replace(next_request=NextRequest(target, delay, redirects, left_origin))


def transient(state: S, reading: Reading) -> S | Unknown:
    """Back off after an answer that asks to come again later (rule 25)."""
    return back_off(state, reading, UnknownReason.EXHAUSTED, http_status(reading))


def unexpected_status(state: S, reading: Reading) -> S | Unknown:
    """Back off after a status code that has no meaning for a poll."""
    return back_off(state, reading, UnknownReason.MALFORMED, f"{http_status(reading)} is no answer to a poll")


def unread(state: Pending, reading: Reading) -> bool:
    """Whether a 4xx is a poll's own trouble, and no answer of the operation (rule 21).

    A proxy answers with HTML. An operation that has failed does not ask to wait. A redirect may lead anywhere.
    """
    return reading.retry_after_s is not None or state.next_request.redirects > 0 or reading.is_html


def refused(state: S, reading: Reading) -> S | Unknown:
    """Give up, since the same request would be refused again (rule 24); poll again after a 4xx that is no answer."""
    if unread(state, reading):
        return transient(state, reading)
    status = http_status(reading)
    return give_up(failed(state, status), UnknownReason.REFUSED, status, reading)


def no_response(state: S, reading: FailureReading) -> S | Unknown:
    """Back off after a request without an answer; give up if the next attempt must fail alike (rule 25)."""
    failure = reading.outcome
    detail = f"{failure.kind.value}: {failure.detail}" if failure.detail else failure.kind.value
    if failure.kind.fatal:
        return give_up(failed(state, failure.reason), UnknownReason.UNREACHABLE, detail, reading)
    if failure.kind is FailureKind.TOO_LARGE and is_success(reading.status_code):
        return give_up(failed(state, failure.reason), UnknownReason.TOO_LARGE, failure.detail, reading)
    if failure.kind is FailureKind.AUTH:
        return _auth_failed(failed(state, failure.reason), reading, detail)
    return back_off(state, reading, UnknownReason.EXHAUSTED, detail, in_short=failure.reason)


def _auth_failed(state: S, reading: FailureReading, detail: str) -> S | Unknown:
    """Poll again after the client's auth raised an error; give up once one bound of rule 26 is passed."""
    counts, patience, at_s = state.failure_counts, state.plan.patience, reading.at_s
    errors = counts.auth_errors + 1
    since_s = counts.auth_failing_since_s if counts.auth_errors else at_s
    if errors >= patience.auth_attempts or at_s - since_s >= patience.grace_seconds:
        return give_up(state, UnknownReason.UNAUTHENTICATED, f"{detail}, {errors} times in a row", reading)
    return _try_again(state, reading, counts._replace(auth_errors=errors, auth_failing_since_s=since_s), errors)


def untrusted(state: Pending, rejected: RejectedURL, named_by: str, reading: Reading) -> Unknown:
    """Send nothing to a rejected URL (rule 9).

    If only its origin speaks against it, the operation can be resumed there once the caller trusts that origin, or else
    at the `fallback` of a poll.
    """
    last = state
    if rejected.url is not None and isinstance(state, (Polling, Fetching)):
        last = state._replace(kept_url=rejected.url, next_request=NextRequest(rejected.url, state.next_request.delay))
    detail = f"the URL that {named_by} names is refused: {rejected.reason}"
    return give_up(last, UnknownReason.UNTRUSTED, detail, reading)._replace(advice=rejected.advice)


def give_up(state: Pending, reason: UnknownReason, detail: str, reading: AnyReading | None) -> Unknown:
    """Give up; the detail says so if the operation itself is known to have succeeded (rule 32).

    The `Retry-After` of the last answer stays in the state, and so in the resume token.
    """
    if isinstance(state, Fetching):
        detail = f"the operation succeeded, but its result could not be read: {detail}"
    last = state.polling._replace(failure_counts=state.failure_counts) if isinstance(state, Confirming) else state
    if reading is None:
        return Unknown(reason, detail, last)
    if reading.retry_after_s is not None:
        delay_s = last.plan.delay_limits.clamp(reading.retry_after_s)
        if delay_s > last.next_request.delay.seconds:
            last = last._replace(next_request=last.next_request._replace(delay=Delay(delay_s, by_server=True)))
    return Unknown(reason, detail, last, reading.outcome)


def _try_again(state: S, reading: AnyReading, counts: FailureCounts, failures: int) -> S:
    delay = backoff_delay(reading.retry_after_s, state.plan.delay_limits, failures)
    return state._replace(next_request=NextRequest(state.kept_url, delay), failure_counts=counts)
