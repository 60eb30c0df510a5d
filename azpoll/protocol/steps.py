"""What a readable answer leads to, and what a vanished status means (rules 18-20, 28-33)."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from azpoll.protocol.answer import Absent, Answer, read_json
from azpoll.protocol.delay import poll_wait
from azpoll.protocol.final import final_target
from azpoll.protocol.patterns import ACCEPTED, NO_CONTENT, UNTIL_GONE
from azpoll.protocol.reading import progress_of
from azpoll.protocol.states import (
    NO_TROUBLE,
    Ask,
    Canceled,
    Confirming,
    Failed,
    Fetching,
    Lost,
    Polling,
    Reason,
    Succeeded,
    Verdict,
)
from azpoll.protocol.target import Refusal
from azpoll.protocol.trouble import NOW, at_once, back_off, refused, tolerate, untrusted

if TYPE_CHECKING:
    from azpoll.protocol.reading import Reading
    from azpoll.protocol.states import State


def read_status(state: Polling, came: Answer) -> State:
    """Read a 2xx answer to a poll as its pattern says."""
    reading = state.pattern.read(state.plan, came)
    if reading.verdict is Verdict.UNREADABLE:
        return back_off(state, came, Reason.MALFORMED, reading.why)
    if reading.verdict is Verdict.RUNNING:
        return _poll_again(state, came, reading)
    return settle(noted(state, came, reading), came, reading)


def noted(state: Polling, came: Answer, reading: Reading) -> Polling:
    """Note what a readable answer tells besides its verdict."""
    location, progress = latest_location(state, came), progress_of(came, reading, state.progress)
    plan, pattern, url, ask, _, fallback, stale, step, *_ = state
    return Polling(plan, pattern, url, ask, location, fallback, stale, step, NO_TROUBLE, progress)


def settle(state: Polling, came: Answer, reading: Reading) -> State:
    """Go where a readable answer leads that says that the operation has ended."""
    match reading.verdict:
        case Verdict.SUCCEEDED:
            return _succeeded(state, came, reading)
        case Verdict.FAILED:
            return Failed(came, state, state.progress)
        case Verdict.CANCELED:
            return Canceled(came, state, state.progress)
        case Verdict.RUNNING | Verdict.UNREADABLE:
            raise AssertionError(f"an answer that is {reading.verdict.value} settles nothing")
        case _:
            assert_never(reading.verdict)


def _poll_again(state: Polling, came: Answer, reading: Reading) -> Polling | Lost:
    """Poll later, at the newest URL the service named (rules 18, 19)."""
    wait = poll_wait(came, state.plan.pace, state.step)
    named = _newest(state, came)
    target = state.url if isinstance(named, Refusal) else named
    location = latest_location(state, came)
    fallback = state.url if target != state.url and state.pattern.is_monitor else None
    step = state.step if wait.by_server else state.step + 1
    progress = progress_of(came, reading, state.progress)
    ask = Ask(target, wait)
    again = Polling(state.plan, state.pattern, target, ask, location, fallback, state.stale, step, NO_TROUBLE, progress)
    if isinstance(named, Refusal):
        return untrusted(again._replace(fallback=state.url), named, "a later answer", came)
    return again


def _newest(state: Polling, came: Answer) -> str | Refusal:
    """Return the polling URL that an answer names, if it names another one that is not known to be stale."""
    for name in state.pattern.refreshed_by:
        if name in came.headers:
            named = came.headers[name]
            break
    else:
        return state.url
    if named in (state.url, state.stale):
        return state.url
    target = state.plan.trust.target(named, base=came.url, resource_url=state.plan.resource_url)
    return state.url if target == state.stale else target


def latest_location(state: Polling, came: Answer) -> str | Refusal | None:
    """Return the `Location` for the final GET; a refused one matters only if it is used (rule 30)."""
    if not state.pattern.is_monitor or "location" not in came.headers:
        return state.location
    named = came.headers["location"]
    if named == state.location:
        return state.location
    return state.plan.trust.target(named, base=came.url, resource_url=state.plan.resource_url)


def _succeeded(state: Polling, came: Answer, reading: Reading) -> State:
    target = final_target(state, came, reading)
    if target is None:
        return Succeeded(came, state.progress)
    if isinstance(target, Refusal):
        fetching = Fetching(state.plan, state.url, Ask(state.url, NOW), progress=state.progress)
        return untrusted(fetching, target, "the succeeded operation", came)
    return Fetching(state.plan, target, Ask(target, NOW), progress=state.progress)


def refused_status(state: Polling, came: Answer) -> Failed | Lost:
    """Tell a 4xx of the operation itself (rule 21) from a 4xx of its status monitor (rule 24)."""
    if state.pattern.answers_as_the_operation:
        return Failed(came, state, state.progress)
    return refused(state, came)


def lost_sight(state: Polling, came: Answer) -> State:
    """Find out what a 404 or 410 means: a stale URL, a deletion, or an operation too new to be seen."""
    plan = state.plan
    if state.fallback is not None:  # a refreshed URL at its first use: Resource Mover (rule 18)
        wait = poll_wait(came, plan.pace, state.step)
        return state._replace(url=state.fallback, ask=Ask(state.fallback, wait), fallback=None, stale=state.url)
    if plan.method != "DELETE":
        return tolerate(state, came)
    if state.pattern is UNTIL_GONE or state.url == plan.resource_url:
        return _gone(came, state)
    return Confirming(state, Ask(plan.resource_url, at_once(came, plan.pace)))


def deleted(state: Confirming, came: Answer) -> Succeeded:
    """The resource is gone with its status: the DELETE succeeded (rule 28)."""
    return _gone(came, state)


def still_there(state: Confirming, came: Answer) -> Polling | Lost:
    """The resource is not known to be gone: the missing status counts as one that may come back (rule 28)."""
    after = tolerate(state.polling, came)
    if isinstance(after, Lost) and after.reason is Reason.NOT_FOUND:
        detail = f"the status is not found, and the resource, asked in its place, answers HTTP {came.status_code}"
        return after._replace(detail=detail)
    return after


def take_result(state: Fetching, came: Answer) -> State:
    """Take the answer to the final GET as the result, unless it is not there yet (rule 32)."""
    if came.status_code != ACCEPTED:
        if read_json(came) is Absent.BROKEN:
            return back_off(state, came, Reason.MALFORMED, Absent.BROKEN.value)
        return Succeeded(came, state.progress)
    wait = poll_wait(came, state.plan.pace, state.step)
    step = state.step if wait.by_server else state.step + 1
    target = state.url
    if (named := came.headers.get("location")) is not None:
        resolved = state.plan.trust.target(named, base=came.url, resource_url=state.plan.resource_url)
        if isinstance(resolved, Refusal):
            return untrusted(state, resolved, "a later answer", came)
        target = resolved
    return state._replace(url=target, ask=Ask(target, wait), step=step, trouble=NO_TROUBLE)


def lost_result(state: Fetching, came: Answer) -> State:
    """A result that is not found: of a DELETE nothing else was to be expected; else it may come (rule 32)."""
    return _gone(came, state) if state.plan.method == "DELETE" else tolerate(state, came)


def _gone(came: Answer, state: Polling | Confirming | Fetching) -> Succeeded:
    """End a DELETE by the 404 of what it deleted; its result is what a DELETE that ended at once answers: 204."""
    nothing = came._replace(status_code=NO_CONTENT, body=b"", headers={}, raw_headers=())
    return Succeeded(nothing, state.progress)
