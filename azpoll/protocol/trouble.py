"""What follows when a status could not be read: wait longer, follow, renew, or give up (rules 11, 24-27).

Each function takes any pending state and keeps all it knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from azpoll.protocol.answer import Answer
from azpoll.protocol.delay import Wait, backoff_wait, retry_after
from azpoll.protocol.states import Ask, Confirming, Fetching, Lost, Polling, Reason
from azpoll.protocol.target import Refusal

if TYPE_CHECKING:
    from azpoll.protocol.answer import Unreachable
    from azpoll.protocol.delay import Pace
    from azpoll.protocol.states import Pending

MOST_FAILURES, FAILING_S = 10, 600.0
"""A transient failure is given up after this many in a row and this many seconds (rule 25)."""

MOST_MISSES, MISSING_S = 5, 60.0
"""403, 404 and 410 are given up after this many in a row and this many seconds (rule 27)."""

MOST_HOPS = 3
"""Redirects followed for one request (rule 11)."""

NOW = Wait(0.0, by_server=True)
"""A request that belongs to the answer before it: a redirect, a confirmation, the final GET."""

S = TypeVar("S", Polling, Confirming, Fetching)


def at_once(came: Answer, pace: Pace) -> Wait:
    """Return the wait before what belongs to the answer before it: none, unless that answer asks for one."""
    asked = retry_after(came)
    return NOW if asked is None else Wait(min(asked, pace.cap), by_server=True)


def back_off(state: S, came: Answer | Unreachable, reason: Reason, detail: str) -> S | Lost:
    """Ask again after a longer wait; lost once the bound of rule 25 is passed."""
    before = state.trouble
    failures = before.failures + 1
    since_s = before.failing_since_s if before.failures else came.at_s
    if failures >= MOST_FAILURES and came.at_s - since_s >= FAILING_S:
        return lost(state, reason, f"{detail}; {failures} polls in a row over {came.at_s - since_s:.0f} s failed", came)
    trouble = before._replace(failures=failures, failing_since_s=since_s)
    return state._replace(ask=Ask(state.url, backoff_wait(came, state.plan.pace, failures)), trouble=trouble)


def tolerate(state: S, came: Answer) -> S | Lost:
    """Ask again after a 403, 404 or 410 for as long as services lose sight of operations (rule 27)."""
    before = state.trouble
    misses = before.misses + 1
    since_s = before.missing_since_s if before.misses else came.at_s
    if misses >= MOST_MISSES and came.at_s - since_s >= MISSING_S:
        forbidden = came.status_code == 403  # noqa: PLR2004 - the one status code that is told apart
        reason = Reason.FORBIDDEN if forbidden else Reason.NOT_FOUND
        lacks = "the read permission on the status URL is missing" if forbidden else "nothing is found there"
        return lost(state, reason, f"HTTP {came.status_code} for {came.at_s - since_s:.0f} s: {lacks}", came)
    trouble = before._replace(misses=misses, missing_since_s=since_s)
    return state._replace(ask=Ask(state.url, backoff_wait(came, state.plan.pace, misses)), trouble=trouble)


def renew(state: S, came: Answer) -> S | Lost:
    """Ask once more after a 401, which lets the client's auth renew its credential (rule 26)."""
    if state.trouble.unauthorized:
        return lost(state, Reason.UNAUTHENTICATED, "HTTP 401, and again after the credential was renewed", came)
    trouble = state.trouble._replace(unauthorized=1)
    return state._replace(ask=Ask(state.url, backoff_wait(came, state.plan.pace, 1)), trouble=trouble)


def follow(state: S, came: Answer) -> S | Lost:
    """Ask the redirect's target for the same thing, at once, checked as any other URL (rules 9, 11)."""
    named = came.headers.get("location")
    if named is None:
        return back_off(state, came, Reason.MALFORMED, f"HTTP {came.status_code} without a Location")
    if state.ask.hops >= MOST_HOPS:
        return back_off(state, came, Reason.MALFORMED, f"more than {MOST_HOPS} redirects")
    target = state.plan.trust.target(named, base=came.url, resource_url=state.plan.resource_url)
    if isinstance(target, Refusal):  # resumed where it was redirected from: one such answer must not lead it away
        return untrusted(state, target._replace(url=None), "a redirect", came)
    return state._replace(ask=Ask(target, at_once(came, state.plan.pace), state.ask.hops + 1))


def transient(state: S, came: Answer) -> S | Lost:
    """Back off from an answer that says to come again later (rule 25)."""
    return back_off(state, came, Reason.EXHAUSTED, f"HTTP {came.status_code}")


def odd(state: S, came: Answer) -> S | Lost:
    """Back off from an answer whose status code has no meaning here."""
    return back_off(state, came, Reason.MALFORMED, f"HTTP {came.status_code} is no answer to a poll")


def refused(state: S, came: Answer) -> Lost:
    """Give up: the same request will be refused again (rule 24)."""
    return lost(state, Reason.REFUSED, f"HTTP {came.status_code}", came)


def unreached(state: S, came: Unreachable) -> S | Lost:
    """Back off from a request that brought nothing; give up where the next must fail alike (rule 25)."""
    detail = f"{came.fault.value}: {came.detail}" if came.detail else came.fault.value
    if came.fault.fatal:
        return lost(state, Reason.UNREACHABLE, detail, came)
    return back_off(state, came, Reason.EXHAUSTED, detail)


def untrusted(state: Pending, refusal: Refusal, named_by: str, came: Answer) -> Lost:
    """Send nothing to a refused URL (rule 9); who trusts its origin after all can resume there.

    Who does not can resume a poll at its `fallback`.
    """
    last = state
    if refusal.url is not None and isinstance(state, (Polling, Fetching)):
        last = state._replace(url=refusal.url, ask=Ask(refusal.url, state.ask.wait))
    return lost(last, Reason.UNTRUSTED, f"the URL that {named_by} names is refused: {refusal.reason}", came)


def lost(state: Pending, reason: Reason, detail: str, came: Answer | Unreachable | None) -> Lost:
    """Give up; the detail says so where the operation itself is known to have succeeded (rule 32).

    Who takes it up again is kept from asking before the last answer allows: the wait is in the resume token.
    """
    if isinstance(state, Fetching):
        detail = f"the operation succeeded, but its result could not be read: {detail}"
    last = state.polling if isinstance(state, Confirming) else state
    head = came if came is None or isinstance(came, Answer) else came.head
    asked = None if head is None else retry_after(head)
    if asked is not None and (asked := last.plan.pace.clamp(asked)) > last.ask.wait.seconds:
        last = last._replace(ask=last.ask._replace(wait=Wait(asked, by_server=True)))
    return Lost(reason, detail, last, came)
