"""The polling patterns: an ordered table of headers, and how the answers behind each are read.

The order of `PATTERNS` is the precedence of the headers (rule 2): the first whose header the initial
answer carries is used, whatever that answer's status code or body says (rule 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpoll.protocol.answer import BodyProblem, is_object, object_in, read_json, read_object, read_status
from azpoll.protocol.reading import Reading, is_monitor, provisioning_state, status_word, text, verdict_of
from azpoll.protocol.states import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.protocol.answer import Answer
    from azpoll.protocol.states import Plan

ACCEPTED = 202
NO_CONTENT = 204


class Pattern(NamedTuple):
    """One way to poll.

    Attributes:
        name: as the header is written; it stands in resume tokens.
        header: of the initial answer, in lower case; None for the resource itself.
        refreshed_by: headers of later answers that name a newer polling URL, first wins (rules 18, 19).
        read: reads an answer with a 2xx status code.
        answers_as_the_operation: whether a 4xx is the operation's own answer (rule 21), not a failure to
            read its status (rule 24).
        is_monitor: whether the URL is a status monitor, whose body is about the operation and whose
            refreshed URL may be stale; else the last answer is the result.
    """

    name: str
    header: str | None
    refreshed_by: tuple[str, ...]
    read: Callable[[Plan, Answer], Reading]
    answers_as_the_operation: bool = False
    is_monitor: bool = False


def read_monitor(plan: Plan, answer: Answer) -> Reading:
    """Read a status monitor (rules 14-17): a status in the body beats the HTTP status code."""
    body = read_status(answer)
    document = body if is_object(body) else None
    if document is not None and (word := status_word(document)):
        return Reading(verdict_of(word, plan.terminal_words), word, document)
    if answer.status_code == ACCEPTED:
        return Reading(Verdict.RUNNING, None, document)
    if answer.status_code == NO_CONTENT or body is BodyProblem.EMPTY:
        return Reading(Verdict.SUCCEEDED)
    if document is not None:
        return Reading(Verdict.UNREADABLE, None, document, why="its JSON object holds no status")
    return Reading(Verdict.UNREADABLE, why="it is not a status document")


def read_location(plan: Plan, answer: Answer) -> Reading:
    """Read the answer of a `Location` URL, which is the operation's own once it is not 202 (rules 19-20)."""
    reading = read_resource(plan, answer)
    document = reading.document
    if document is None or answer.status_code == ACCEPTED or provisioning_state(document):
        return reading
    word = text(document, "status")
    if word is None or not (is_monitor(document) or document.get("error")):
        return reading
    verdict = verdict_of(word, plan.terminal_words)
    # A `status` alone may be a member of the result: only a failure that says so itself is one.
    return Reading(verdict, word, document) if verdict in {Verdict.FAILED, Verdict.CANCELED} else reading


def read_resource(plan: Plan, answer: Answer) -> Reading:
    """Read the resource itself (rule 23): 202 runs, else the provisioning state decides, else it is done."""
    body = read_json(answer)
    document = object_in(body)
    word = None if document is None else provisioning_state(document)
    if answer.status_code == ACCEPTED:
        return Reading(Verdict.RUNNING, word, document)
    if body is BodyProblem.BROKEN:
        return Reading(Verdict.UNREADABLE, why=body.value)
    if word:
        return Reading(verdict_of(word, plan.terminal_words), word, document)
    return Reading(Verdict.SUCCEEDED, None, document)


def read_until_gone(_plan: Plan, answer: Answer) -> Reading:
    """Read a resource that is being deleted: while it answers, it is not gone (rule 6).

    Its provisioning state may tell of its creation, so it ends nothing here.
    """
    document = read_object(answer)
    return Reading(Verdict.RUNNING, None if document is None else provisioning_state(document), document)


MONITORS = ("azure-asyncoperation", "operation-location")

AZURE_ASYNC_OPERATION = Pattern("Azure-AsyncOperation", MONITORS[0], MONITORS, read_monitor, is_monitor=True)
OPERATION_LOCATION = Pattern("Operation-Location", MONITORS[1], MONITORS, read_monitor, is_monitor=True)
LOCATION = Pattern("Location", "location", ("location",), read_location, answers_as_the_operation=True)
RESOURCE = Pattern("resource", None, (), read_resource)
UNTIL_GONE = Pattern("until-gone", None, (), read_until_gone)

PATTERNS = (AZURE_ASYNC_OPERATION, OPERATION_LOCATION, LOCATION)
BY_NAME: Mapping[str, Pattern] = {p.name: p for p in (*PATTERNS, RESOURCE, UNTIL_GONE)}


def pattern_of(answer: Answer) -> Pattern | None:
    """Return the pattern that the initial answer's headers choose; None when it has no polling header."""
    return next((p for p in PATTERNS if p.header in answer.headers), None)
