"""The state after an initial answer of 2xx: how its operation is polled, or its end (rules 2 to 7, 47)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.protocol import failures, transitions
from azpoll.protocol.delay import first_step, poll_delay
from azpoll.protocol.json_body import BodyProblem
from azpoll.protocol.operation_document import is_monitor
from azpoll.protocol.patterns import ACCEPTED, BY_CHOICE, LOCATION, RESOURCE, UNTIL_GONE, named_patterns
from azpoll.protocol.reading import MONITOR_HEADERS, StatusClass
from azpoll.protocol.states import NextRequest, Polling, Succeeded, Unknown, UnknownReason
from azpoll.protocol.status_document import (
    RUNNING_WORDS,
    StatusReport,
    Verdict,
    initial_progress,
    operation_status,
    provisioning_state,
    status_word,
    verdict_of,
)
from azpoll.protocol.stored_url import stored
from azpoll.protocol.url_policy import RejectedURL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.protocol.patterns import Pattern
    from azpoll.protocol.plan import Plan
    from azpoll.protocol.reading import Reading
    from azpoll.protocol.states import State

OK, CREATED = 200, 201


def accepted(plan: Plan, reading: Reading) -> State:
    """Return the state after an initial answer of 2xx."""
    named = named_patterns(plan, reading)
    return _with_header(plan, named, reading) if named else _without_header(plan, reading)


def _with_header(plan: Plan, named: list[tuple[Pattern, str]], reading: Reading) -> State:
    """Return the state that polls the first URL that is not malformed, on any 2xx and with any body (rules 3, 8)."""
    delay = poll_delay(reading.retry_after_s, plan.delay_limits, 0)
    index, url = plan.resolve_first([each for _, each in named], reading.url)
    pattern = named[index][0]
    if isinstance(url, RejectedURL):
        if pattern is LOCATION and _may_name_the_result(reading):
            runs = _says_running(plan, reading)
            if plan.changes_resource or not runs:  # the resource of a PUT or PATCH says itself whether it runs
                return _without_header(plan, reading, runs=runs)
        followed = RESOURCE if url.url is None else pattern
        state = Polling(plan, followed, plan.resource_url, NextRequest(plan.resource_url, delay))
        unknown = failures.untrusted(state, url, "the initial answer", reading)
        # Without that URL, the resource of a PUT or PATCH can still be polled; other methods have nothing to poll.
        return unknown if url.url or plan.changes_resource else unknown._replace(last=None)
    if plan.deletes_until_gone and url == plan.resource_url:
        pattern = UNTIL_GONE
    document = reading.document
    word = None if document is None else status_word(document, plan.status_member, plan.terminal_words)
    verdict = Verdict.RUNNING if word is None else verdict_of(word, plan.terminal_words)
    report = StatusReport(verdict, word, document)
    request = NextRequest(stored(url), delay)
    state = Polling(plan, pattern, request.kept_url, request, step=first_step(delay))
    state = transitions.with_progress(state, reading, report)
    if document is None or verdict is Verdict.RUNNING or not _is_last_document(state, document):
        return state
    return transitions.conclude(state, reading, report)


def _may_name_the_result(reading: Reading) -> bool:
    """Whether a refused `Location` may be the address of what was created: on a 200 or 201 without others (rule 3)."""
    return reading.status_code in (OK, CREATED) and not reading.named_urls(MONITOR_HEADERS)


def _says_running(plan: Plan, reading: Reading) -> bool:
    """Whether the body says that the resource is changing, or that the operation runs."""
    if (document := reading.document) is None:
        return False
    if state := provisioning_state(document):
        return verdict_of(state, plan.terminal_words) is Verdict.RUNNING
    word = operation_status(document, plan.status_member)
    return word is not None and word.lower() in RUNNING_WORDS


def _is_last_document(state: Polling, document: Mapping[str, object]) -> bool:
    """Whether an initial body is a document of the status monitor, so that its status counts (rule 4).

    A resource may have a `status` too, so the body of a PUT or PATCH counts only without `id` and `name`.
    """
    if not state.pattern.is_monitor or not is_monitor(document):
        return False
    return not state.plan.changes_resource or {"id", "name"}.isdisjoint(map(str.lower, document))


def _without_header(plan: Plan, reading: Reading, *, runs: bool = False) -> State:
    """Return the state that polls the resource, or the end by the initial answer (rules 5-7, 47).

    `runs` means that the body says so beside a `Location` that is refused (rule 3).
    """
    delay = poll_delay(reading.retry_after_s, plan.delay_limits, 0)
    request, progress = NextRequest(plan.resource_url, delay), initial_progress(reading.request_ids)
    state = Polling(plan, RESOURCE, plan.resource_url, request, step=first_step(delay), progress=progress)
    chosen = plan.pattern == "resource"
    ignored = chosen and reading.names_urls
    if plan.changes_resource or (chosen and plan.method != "DELETE"):
        polled = state if plan.pattern is None else state._replace(pattern=BY_CHOICE[plan.pattern])
        if runs or ignored or _has_no_body(reading):
            return polled
        report = RESOURCE.report(plan, reading)
        if report.verdict is Verdict.UNREADABLE:
            return failures.give_up(state, UnknownReason.MALFORMED, f"of the initial answer, {report.problem}", reading)
        if report.verdict is Verdict.RUNNING:
            return transitions.with_progress(polled, reading, report)
        return transitions.conclude(transitions.with_progress(state, reading, report), reading, report)
    if reading.status_code != ACCEPTED and not ignored:
        return Succeeded(reading.outcome, progress)
    if plan.deletes_until_gone or chosen:
        return state._replace(pattern=UNTIL_GONE)
    last = state._replace(pattern=UNTIL_GONE) if plan.method == "DELETE" else None
    detail = "HTTP 202 without an Azure-AsyncOperation, Operation-Location or Location header: nowhere to poll"
    return Unknown(UnknownReason.MALFORMED, detail, last, reading.outcome)


def _has_no_body(reading: Reading) -> bool:
    """Whether an initial answer shows no resource: a 201 without a body, or a part or cut body (rules 5, 17)."""
    if reading.status_class is not StatusClass.READABLE or reading.json is BodyProblem.CUT:
        return True
    return reading.status_code == CREATED and reading.json is BodyProblem.EMPTY
