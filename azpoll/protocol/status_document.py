"""The status in a JSON document: its word, its verdict, and the progress (rules 14-16, 41, 46, 48)."""

import sys
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple, TypeVar

from azpoll.protocol.json_body import object_in, text_member


class Verdict(Enum):
    """The meaning of an answer for the operation."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    UNREADABLE = "unreadable"
    UNATTRIBUTED = "the state of a resource, which may be that before the operation"


TERMINAL_WORDS: Mapping[str, Verdict] = {
    "succeeded": Verdict.SUCCEEDED,
    "completed": Verdict.SUCCEEDED,  # CostManagement 2021-10-01
    "success": Verdict.SUCCEEDED,  # Managed HSM
    "partiallysucceeded": Verdict.SUCCEEDED,  # Language, like the next
    "partiallycompleted": Verdict.SUCCEEDED,
    "failed": Verdict.FAILED,
    "canceled": Verdict.CANCELED,
    "cancelled": Verdict.CANCELED,  # Document Translation
}
"""Lower-case status words that end an operation (rule 15). Any other word means that it runs."""

OUTCOMES: Mapping[str, Verdict] = {each.value: each for each in (Verdict.SUCCEEDED, Verdict.FAILED, Verdict.CANCELED)}
"""The verdicts that a caller may name for a status word (rule 16)."""

NO_WORDS: Mapping[str, Verdict] = {}
"""No terminal words beyond `TERMINAL_WORDS`."""

RUNNING_WORDS = frozenset(
    {
        *("notstarted", "not started", "accepted", "queued", "enqueued", "dequeued", "pending", "scheduled"),
        *("submitted", "validating", "waiting", "starting", "started", "initializing", "inprogress", "in progress"),
        *("running", "processing", "executing", "creating", "updating", "deleting", "provisioning", "deploying"),
        *("activating", "resolving", "cancelling", "canceling", "cancelinprogress", "stopping", "pausing"),
        *("resuming", "restarting", "scaling", "building", "copying", "exporting", "importing"),
    }
)
"""Lower-case status words that say that an operation runs where a 200 could also mean success (rule 46)."""

_LARGEST_NUMBER = 1e15
"""A larger `percentComplete` is ignored. The comparison also excludes NaN."""


class StatusReport(NamedTuple):
    """The report of one answer on the operation.

    Attributes:
        status: the status word without the blanks around it, in the service's spelling.
        document: the body if it is a JSON object.
        problem: the defect of the answer if the verdict is `UNREADABLE`.
        by_operation: whether the document describes the operation, so that the result is elsewhere (rule 31).
    """

    verdict: Verdict
    status: str | None = None
    document: Mapping[str, object] | None = None
    problem: str = ""
    by_operation: bool = False


class Progress(NamedTuple):
    """The latest progress that the service reported, as sent (rule 41).

    Attributes:
        percent_complete: `percentComplete` as sent, of unknown scale (Machine Learning sends 0..1).
        percent: 0..100, only if the scale is certain.
        start_time: as sent, like `end_time`; not always RFC 3339.
        request_id: of the last answer, like `correlation_id`.
    """

    status: str | None = None
    percent_complete: float | None = None
    percent: float | None = None
    start_time: str | None = None
    end_time: str | None = None
    request_id: str | None = None
    correlation_id: str | None = None


NO_PROGRESS = Progress()

TextT = TypeVar("TextT", str, str | None)

LONGEST_WORD = 512
"""Characters of a text that is kept while an operation waits; the rest of a longer one is cut off (rule 45)."""


def verdict_of(word: str, terminal_words: Mapping[str, Verdict]) -> Verdict:
    """Return the verdict of a status word, compared whole and in any case, never by substring (rules 15, 16)."""
    word = word.lower()
    return terminal_words.get(word) or TERMINAL_WORDS.get(word, Verdict.RUNNING)


def status_word(
    document: Mapping[str, object], member: str | None = None, terminal_words: Mapping[str, Verdict] = NO_WORDS
) -> str | None:
    """Return the status of a status monitor: its own status, else the provisioning state (rule 14)."""
    return operation_status(document, member, terminal_words) or provisioning_state(document)


def operation_status(
    document: Mapping[str, object], member: str | None = None, terminal_words: Mapping[str, Verdict] = NO_WORDS
) -> str | None:
    """Return the status of the operation itself: the string `status`, or the member at a dotted path (rules 14, 48).

    A number counts as its decimal text if `terminal_words` names a number (rule 16).
    """
    value: object
    if member is None:
        value = document.get("status")
    else:
        value = document
        for name in member.split("."):
            value = (object_in(value) or {}).get(name)
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and any(map(_is_number, terminal_words)):
        return str(int(value) if isinstance(value, float) and value.is_integer() else value)
    return None


def is_deleting(document: Mapping[str, object] | None) -> bool:
    """Whether a resource says that it is being deleted (rule 28)."""
    if document is None:
        return False
    words = (provisioning_state(document), operation_status(document))
    return any(word is not None and word.lower() == "deleting" for word in words)


def _is_number(word: str) -> bool:
    return word.lstrip("-").isdecimal()


def provisioning_state(document: Mapping[str, object]) -> str | None:
    """Return `properties.provisioningState`, else the top-level `provisioningState`."""
    nested = text_member(object_in(document.get("properties")), "provisioningState")
    return nested or text_member(document, "provisioningState")


def progress_after(before: Progress, report: StatusReport, request_ids: tuple[str | None, str | None]) -> Progress:
    """Return the progress after an answer; values that the answer omits stay, request ids do not."""
    status, complete, percent, start_time, end_time, _, correlation_id = before
    request_id, sent_correlation_id = request_ids
    if sent_correlation_id != correlation_id:  # else both share one text
        correlation_id = kept(sent_correlation_id)
    _, word, document, _, _ = report
    if word is not None:
        status = sys.intern(kept(word))
    if document is not None:
        sent = document.get("percentComplete")
        if isinstance(sent, (int, float)) and not isinstance(sent, bool) and -_LARGEST_NUMBER < sent < _LARGEST_NUMBER:
            complete = float(sent)
            percent = _percent(complete, before)
        if "startTime" in document:
            start_time = kept(text_member(document, "startTime")) or start_time
        if "endTime" in document:
            end_time = kept(text_member(document, "endTime")) or end_time
    return Progress(status, complete, percent, start_time, end_time, kept(request_id), correlation_id)


def initial_progress(request_ids: tuple[str | None, str | None]) -> Progress:
    """Return the progress after an initial answer without a status, with its request id and correlation id."""
    return Progress(request_id=kept(request_ids[0]), correlation_id=kept(request_ids[1]))


def kept(text: TextT) -> TextT | str:
    """Return the first `LONGEST_WORD` characters of a text; None for None."""
    return text if text is None or len(text) <= LONGEST_WORD else text[:LONGEST_WORD]


def _percent(sent: float, before: Progress) -> float | None:
    """Return the number if its scale must be 0..100: a value up to 1 may be a fraction of one."""
    scale_known = before.percent_complete is not None and before.percent_complete > 1
    is_certain = sent == 0 or sent > 1 or scale_known
    return sent if is_certain and 0 <= sent <= 100 else None  # noqa: PLR2004 - per cent
