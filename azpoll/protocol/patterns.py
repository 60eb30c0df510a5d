"""The polling patterns: an ordered table of headers, and the status report in the answers of each pattern.

The order of `BY_HEADER` is the precedence of the headers (rule 2). The first header that the initial answer carries
selects the pattern, whatever the status code or the body of that answer (rule 3).
"""

from collections.abc import Callable
from typing import NamedTuple

from azpoll.protocol.answer import NO_CONTENT
from azpoll.protocol.json_body import BodyProblem, object_in, text_member
from azpoll.protocol.plan import Plan
from azpoll.protocol.reading import LOCATION_HEADER, MONITOR_HEADERS, Reading
from azpoll.protocol.status_document import (
    StatusReport,
    Verdict,
    is_monitor,
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
    body = reading.status_json
    document = object_in(body)
    if document is not None and (word := status_word(document)):
        return StatusReport(verdict_of(word, plan.terminal_words), word, document)
    if reading.status_code == ACCEPTED:
        return StatusReport(Verdict.RUNNING, None, document)
    if reading.status_code == NO_CONTENT or body is BodyProblem.EMPTY:
        return StatusReport(Verdict.SUCCEEDED)
    if document is not None:
        return StatusReport(Verdict.UNREADABLE, None, document, problem="its JSON object holds no status")
    return StatusReport(Verdict.UNREADABLE, problem="it is not a status document")


def location_report(plan: Plan, reading: Reading) -> StatusReport:
    """Return the report of a `Location` URL, which answers as the operation itself after the last 202 (rules 19-20)."""
    report = resource_report(plan, reading)
    document = report.document
    if document is None or reading.status_code == ACCEPTED or provisioning_state(document):
        return report
    word = text_member(document, "status")
    if word is None or not (is_monitor(document) or document.get("error")):
        return report
    verdict = verdict_of(word, plan.terminal_words)
    # A `status` alone may be a member of the result, so only a failure or a cancellation counts.
    return StatusReport(verdict, word, document) if verdict in {Verdict.FAILED, Verdict.CANCELED} else report


def resource_report(plan: Plan, reading: Reading) -> StatusReport:
    """Return the report of the resource (rule 23): 202 runs, else the provisioning state decides, else it succeeded."""
    body = reading.json
    document = object_in(body)
    word = None if document is None else provisioning_state(document)
    if reading.status_code == ACCEPTED:
        return StatusReport(Verdict.RUNNING, word, document)
    if body is BodyProblem.BROKEN:
        return StatusReport(Verdict.UNREADABLE, problem=body.value)
    if word:
        return StatusReport(verdict_of(word, plan.terminal_words), word, document)
    return StatusReport(Verdict.SUCCEEDED, None, document)


def until_gone_report(_plan: Plan, reading: Reading) -> StatusReport:
    """Return the report of a resource during its deletion: as long as it answers, it exists (rule 6).

    Its provisioning state may describe its creation, so no word ends the operation.
    """
    document = reading.document
    return StatusReport(Verdict.RUNNING, None if document is None else provisioning_state(document), document)


AZURE_ASYNC_OPERATION = Pattern("Azure-AsyncOperation", monitor_report, MONITOR_HEADERS, is_monitor=True)
OPERATION_LOCATION = Pattern("Operation-Location", monitor_report, MONITOR_HEADERS, is_monitor=True)
LOCATION = Pattern("Location", location_report, (LOCATION_HEADER,), answers_as_the_operation=True)
RESOURCE = Pattern("resource", resource_report)
UNTIL_GONE = Pattern("until-gone", until_gone_report)

BY_HEADER = {each.name.lower(): each for each in (AZURE_ASYNC_OPERATION, OPERATION_LOCATION, LOCATION)}
BY_NAME = {each.name: each for each in (*BY_HEADER.values(), RESOURCE, UNTIL_GONE)}


def chosen_pattern(reading: Reading) -> tuple[Pattern, str] | None:
    """Return the pattern that the headers of the initial answer select, and the URL as sent; None without one."""
    for header, pattern in BY_HEADER.items():
        if (named := reading.named_url((header,))) is not None:
            return pattern, named
    return None
