"""What follows when a status could not be read: wait longer, follow, renew, or give up (rules 11, 24-27).

Each function takes any pending state and keeps all it knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from azpoll.protocol.answer import Answer
from azpoll.protocol.delay import Delay, backoff_delay, retry_after
from azpoll.protocol.states import Confirming, Fetching, NextRequest, Polling, Unknown, UnknownReason
from azpoll.protocol.url_policy import RejectedURL

if TYPE_CHECKING:
    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.delay import DelayLimits
    from azpoll.protocol.states import Pending

MOST_FAILURES, FAILING_S = 10, 600.0
"""A transient failure is given up after this many in a row and this many seconds (rule 25)."""

MOST_MISSES, MISSING_S = 5, 60.0
"""403, 404 and 410 are given up after this many in a row and this many seconds (rule 27)."""

MOST_HOPS = 3
"""Redirects followed for one request (rule 11)."""

NOW = Delay(0.0, by_server=True)
"""A request that belongs to the answer before it: a redirect, a confirmation, the final GET."""

S = TypeVar("S", Polling, Confirming, Fetching)


def immediate_delay(outcome: Answer, delay_limits: DelayLimits) -> Delay:
    """Return the wait before what belongs to the answer before it: none, unless that answer asks for one."""
    asked = retry_after(outcome)
    return NOW if asked is None else Delay(min(asked, delay_limits.cap), by_server=True)


def back_off(state: S, outcome: Answer | RequestFailure, reason: UnknownReason, detail: str) -> S | Unknown:
    """Ask again after a longer wait; lost once the bound of rule 25 is passed."""
    before = state.failure_counts
    failures = before.failures + 1
    since_s = before.failing_since_s if before.failures else outcome.at_s
    if failures >= MOST_FAILURES and outcome.at_s - since_s >= FAILING_S:
        return give_up(
            state, reason, f"{detail}; {failures} polls in a row over {outcome.at_s - since_s:.0f} s failed", outcome
        )
    failure_counts = before._replace(failures=failures, failing_since_s=since_s)
    return state._replace(
        next_request=NextRequest(state.url, backoff_delay(outcome, state.plan.delay_limits, failures)),
        failure_counts=failure_counts,
    )


def allow_grace(state: S, outcome: Answer) -> S | Unknown:
    """Ask again after a 403, 404 or 410 for as long as services lose sight of operations (rule 27)."""
    before = state.failure_counts
    misses = before.misses + 1
    since_s = before.missing_since_s if before.misses else outcome.at_s
    if misses >= MOST_MISSES and outcome.at_s - since_s >= MISSING_S:
        forbidden = outcome.status_code == 403  # noqa: PLR2004 - the one status code that is told apart
        reason = UnknownReason.FORBIDDEN if forbidden else UnknownReason.NOT_FOUND
        lacks = "the read permission on the status URL is missing" if forbidden else "nothing is found there"
        return give_up(
            state, reason, f"HTTP {outcome.status_code} for {outcome.at_s - since_s:.0f} s: {lacks}", outcome
        )
    failure_counts = before._replace(misses=misses, missing_since_s=since_s)
    return state._replace(
        next_request=NextRequest(state.url, backoff_delay(outcome, state.plan.delay_limits, misses)),
        failure_counts=failure_counts,
    )


def retry_unauthorized(state: S, outcome: Answer) -> S | Unknown:
    """Ask once more after a 401, which lets the client's auth renew its credential (rule 26)."""
    if state.failure_counts.unauthorized:
        return give_up(
            state, UnknownReason.UNAUTHENTICATED, "HTTP 401, and again after the credential was renewed", outcome
        )
    failure_counts = state.failure_counts._replace(unauthorized=1)
    return state._replace(
        next_request=NextRequest(state.url, backoff_delay(outcome, state.plan.delay_limits, 1)),
        failure_counts=failure_counts,
    )


def follow(state: S, outcome: Answer) -> S | Unknown:
    """Ask the redirect's target for the same thing, at once, checked as any other URL (rules 9, 11)."""
    named = outcome.headers.get("location")
    if named is None:
        return back_off(state, outcome, UnknownReason.MALFORMED, f"HTTP {outcome.status_code} without a Location")
    if state.next_request.redirects >= MOST_HOPS:
        return back_off(state, outcome, UnknownReason.MALFORMED, f"more than {MOST_HOPS} redirects")
    target = state.plan.url_policy.resolve(named, base=outcome.url, resource_url=state.plan.resource_url)
    if isinstance(target, RejectedURL):  # resumed where it was redirected from: one such answer must not lead it away
        return untrusted(state, target._replace(url=None), "a redirect", outcome)
    return state._replace(
        next_request=NextRequest(
            target, immediate_delay(outcome, state.plan.delay_limits), state.next_request.redirects + 1
        )
    )


def transient(state: S, outcome: Answer) -> S | Unknown:
    """Back off from an answer that says to come again later (rule 25)."""
    return back_off(state, outcome, UnknownReason.EXHAUSTED, f"HTTP {outcome.status_code}")


def unexpected_status(state: S, outcome: Answer) -> S | Unknown:
    """Back off from an answer whose status code has no meaning here."""
    return back_off(state, outcome, UnknownReason.MALFORMED, f"HTTP {outcome.status_code} is no answer to a poll")


def refused(state: S, outcome: Answer) -> Unknown:
    """Give up: the same request will be refused again (rule 24)."""
    return give_up(state, UnknownReason.REFUSED, f"HTTP {outcome.status_code}", outcome)


def no_response(state: S, outcome: RequestFailure) -> S | Unknown:
    """Back off from a request that brought nothing; give up where the next must fail alike (rule 25)."""
    detail = f"{outcome.fault.value}: {outcome.detail}" if outcome.detail else outcome.fault.value
    if outcome.fault.fatal:
        return give_up(state, UnknownReason.UNREACHABLE, detail, outcome)
    return back_off(state, outcome, UnknownReason.EXHAUSTED, detail)


def untrusted(state: Pending, refusal: RejectedURL, named_by: str, outcome: Answer) -> Unknown:
    """Send nothing to a refused URL (rule 9); who trusts its origin after all can resume there.

    Who does not can resume a poll at its `fallback`.
    """
    last = state
    if refusal.url is not None and isinstance(state, (Polling, Fetching)):
        last = state._replace(url=refusal.url, next_request=NextRequest(refusal.url, state.next_request.delay))
    return give_up(
        last, UnknownReason.UNTRUSTED, f"the URL that {named_by} names is refused: {refusal.reason}", outcome
    )


def give_up(state: Pending, reason: UnknownReason, detail: str, outcome: Answer | RequestFailure | None) -> Unknown:
    """Give up; the detail says so where the operation itself is known to have succeeded (rule 32).

    Who takes it up again is kept from asking before the last answer allows: the wait is in the resume token.
    """
    if isinstance(state, Fetching):
        detail = f"the operation succeeded, but its result could not be read: {detail}"
    last = state.polling if isinstance(state, Confirming) else state
    head = outcome if outcome is None or isinstance(outcome, Answer) else outcome.head
    asked = None if head is None else retry_after(head)
    if asked is not None and (asked := last.plan.delay_limits.clamp(asked)) > last.next_request.delay.seconds:
        last = last._replace(next_request=last.next_request._replace(delay=Delay(asked, by_server=True)))
    return Unknown(reason, detail, last, outcome)
