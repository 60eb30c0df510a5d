"""The polling patterns: an ordered table of headers, and the status report in the answers of each pattern.

The order of `BY_HEADER` is the precedence of the headers (rule 2). The first header of the initial answer whose URL is
not malformed selects the pattern, whatever the status code or the body of that answer (rules 3, 8).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from azpoll.protocol.answer import NO_CONTENT
from azpoll.protocol.json_body import BodyProblem, is_object, object_in
from azpoll.protocol.last_modified import is_modified_since
from azpoll.protocol.operation_document import is_error_alone, is_operation
from azpoll.protocol.plan import PatternName, Plan
from azpoll.protocol.reading import LOCATION_HEADER, MONITOR_HEADERS, Reading
from azpoll.protocol.status_document import (
    RUNNING_WORDS,
    StatusReport,
    Verdict,
    is_deleting,
    operation_status,
    provisioning_state,
    status_word,
    verdict_of,
)

ACCEPTED = 202


class Pattern(NamedTuple):
    """One way to poll.

    Attributes:
        name: the header in its usual spelling; resume tokens contain it.
        refreshed_by: headers of later answers that name a newer polling URL, in this order (rules 18, 19).
        answers_as_the_operation: whether a 4xx is the operation's own answer (rule 21), and not a failure to read its
            status (rule 24).
        is_monitor: whether the body describes the operation, and a newer URL may be stale. Without a monitor the last
            answer is the result.
    """

    name: str
    report: Callable[[Plan, Reading], StatusReport]
    refreshed_by: tuple[str, ...] = ()
    answers_as_the_operation: bool = False
    is_monitor: bool = False


def monitor_report(plan: Plan, reading: Reading) -> StatusReport:
    """Return the report of a status monitor (rules 14-17): a status in the body beats the HTTP status code."""
    body = reading.json
    document = body if is_object(body) else None
    if document is not None and (word := status_word(document, plan.status_member, plan.terminal_words)):
        return StatusReport(verdict_of(word, plan.terminal_words), word, document)
    if reading.status_code == ACCEPTED:
        return StatusReport(Verdict.RUNNING, None, document)
    if reading.status_code == NO_CONTENT or body is BodyProblem.EMPTY:
        return StatusReport(Verdict.SUCCEEDED)
    if document is not None:
        return StatusReport(Verdict.UNREADABLE, problem="its JSON object holds no status")
    problem = body.value if body is BodyProblem.COSTLY else "it is not a status document"
    return StatusReport(Verdict.UNREADABLE, problem=problem)


def location_report(plan: Plan, reading: Reading) -> StatusReport:
    """Return the report of a `Location` URL, which answers as the operation itself after the last 202 (rules 19-20).

    Services also put documents of the operation there, some with 200 while it runs.
    """
    body = reading.json
    document = object_in(body)
    if document is None or (word := operation_status(document, plan.status_member, plan.terminal_words)) is None:
        return _resource_report(plan, reading, body, document)
    accepted = reading.status_code == ACCEPTED
    by_caller = plan.status_member is not None or word.lower() in plan.terminal_words
    if plan.status_member is None and not accepted and (state := provisioning_state(document)):
        return StatusReport(verdict_of(state, plan.terminal_words), state, document)
    verdict, by_operation = verdict_of(word, plan.terminal_words), is_operation(document, plan.status_member)
    if accepted:
        ends = verdict if by_caller or by_operation else Verdict.RUNNING
        return StatusReport(ends, word, document, by_operation=by_operation)
    if by_caller or _tells(word, verdict, document, reading, by_operation=by_operation):
        return StatusReport(verdict, word, document, by_operation=by_operation)
    return StatusReport(Verdict.SUCCEEDED, word if by_operation else None, document)


def _tells(
    word: str, verdict: Verdict, document: Mapping[str, object], reading: Reading, *, by_operation: bool
) -> bool:
    """Whether the `status` in a 200 from a `Location` is that of the operation, and not a member of its result."""
    if verdict is Verdict.RUNNING:
        if word.lower() in RUNNING_WORDS:
            return by_operation or reading.asks_again
        return by_operation and reading.retry_after_s is not None
    if by_operation or reading.asks_again:
        return True
    error = document.get("error")  # `{}` is an error without a reason; `null` and `""` are none
    return verdict is not Verdict.SUCCEEDED and (is_object(error) or bool(error))


def resource_report(plan: Plan, reading: Reading) -> StatusReport:
    """Return the report of the resource (rule 23): 202 runs, else the provisioning state decides, else it succeeded."""
    body = reading.json
    return _resource_report(plan, reading, body, object_in(body))


def _resource_report(plan: Plan, reading: Reading, body: object, document: Mapping[str, object] | None) -> StatusReport:
    word = None
    if document is not None:
        word = provisioning_state(document)
        if named := _named_by_options(plan, document, word):
            return StatusReport(verdict_of(named, plan.terminal_words), named, document)
    if reading.status_code == ACCEPTED:
        return StatusReport(Verdict.RUNNING, word, document)
    if (problem := result_problem(body)) is not None:
        return StatusReport(Verdict.UNREADABLE, problem=problem)
    if word:
        return StatusReport(verdict_of(word, plan.terminal_words), word, document)
    return StatusReport(Verdict.SUCCEEDED, None, document)


def _named_by_options(plan: Plan, document: Mapping[str, object], state: str | None) -> str | None:
    """Return the status that only the options of the caller name; the provisioning state beats `terminal_words`."""
    if plan.status_member is None and (state or not plan.terminal_words):
        return None
    word = operation_status(document, plan.status_member, plan.terminal_words)
    return word if plan.status_member is not None or (word and word.lower() in plan.terminal_words) else None


def result_problem(body: object | BodyProblem) -> str | None:
    """Return the reason why a body is no result (rules 17, 20); None if it may be one."""
    if isinstance(body, BodyProblem):
        return None if body in {BodyProblem.EMPTY, BodyProblem.OPAQUE} else body.value
    document = object_in(body)
    return "its JSON object holds an error alone" if document is not None and is_error_alone(document) else None


def until_gone_report(plan: Plan, reading: Reading) -> StatusReport:
    """Return the report of a resource during its deletion: as long as it answers, it exists (rule 6).

    Its provisioning state may describe its creation, so no word ends the operation but one of the caller's.
    """
    if (document := reading.document) is None:
        return StatusReport(Verdict.RUNNING)
    word = operation_status(document, plan.status_member) if plan.status_member else provisioning_state(document)
    verdict = Verdict.RUNNING if word is None else plan.terminal_words.get(word.lower(), Verdict.RUNNING)
    return StatusReport(verdict, word, document)


def unanswered_report(plan: Plan, reading: Reading) -> StatusReport:
    """Return the report of a resource after an initial request without an answer (rule 53).

    A state that is not running may be older than the request. It ends a PUT or PATCH only if the resource was modified
    since, and no 2xx ends a DELETE.
    """
    report = resource_report(plan, reading)
    if report.verdict is Verdict.UNREADABLE or reading.status_code == ACCEPTED:
        return report
    if plan.method == "DELETE":
        running = is_deleting(report.document)
        return report._replace(verdict=Verdict.RUNNING if running else Verdict.UNATTRIBUTED)
    if report.verdict is Verdict.RUNNING or is_modified_since(plan.sent_s, reading, report.document):
        return report
    return report._replace(verdict=Verdict.UNATTRIBUTED)


AZURE_ASYNC_OPERATION = Pattern("Azure-AsyncOperation", monitor_report, MONITOR_HEADERS, is_monitor=True)
OPERATION_LOCATION = Pattern("Operation-Location", monitor_report, MONITOR_HEADERS, is_monitor=True)
LOCATION = Pattern("Location", location_report, (LOCATION_HEADER,), answers_as_the_operation=True)
RESOURCE = Pattern("resource", resource_report)
UNTIL_GONE = Pattern("until-gone", until_gone_report)
UNANSWERED = Pattern("unanswered", unanswered_report)
ENDS_WHEN_GONE = frozenset({UNTIL_GONE, UNANSWERED})
"""The patterns that poll the resource of a DELETE alone, and end it when that is gone."""

BY_HEADER = {each.name.lower(): each for each in (AZURE_ASYNC_OPERATION, OPERATION_LOCATION, LOCATION)}
BY_NAME = {each.name: each for each in (*BY_HEADER.values(), RESOURCE, UNTIL_GONE, UNANSWERED)}

BY_CHOICE: Mapping[PatternName, Pattern] = {
    "azure-async-operation": AZURE_ASYNC_OPERATION,
    "operation-location": OPERATION_LOCATION,
    "location": LOCATION,
    "resource": RESOURCE,
}
"""The pattern of each name that a caller may choose (rule 47)."""


def named_patterns(plan: Plan, reading: Reading) -> list[tuple[Pattern, str]]:
    """Return the patterns that the headers of the initial answer name, by precedence, and their URLs as sent.

    The header decides (rule 2), unless the caller chose a pattern (rule 47). Its own header then comes first. Nothing
    is named if only the resource is polled.
    """
    choice = None if plan.pattern is None else BY_CHOICE[plan.pattern]
    if choice is RESOURCE and plan.method not in {"POST", "GET"}:
        return []
    named = [(choice or own, own, url) for header, own in BY_HEADER.items() for url in reading.named_urls((header,))]
    named.sort(key=lambda each: each[1] is not choice)
    return [(pattern, url) for pattern, _, url in named]
