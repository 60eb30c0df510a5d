"""What the body of one answer says: the status word, the verdict, the progress (rules 14-17, 41)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from azpoll.protocol.answer import object_in
from azpoll.protocol.states import Progress, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.protocol.answer import Answer

TERMINAL_WORDS: Mapping[str, Verdict] = {
    "succeeded": Verdict.SUCCEEDED,
    "completed": Verdict.SUCCEEDED,  # CostManagement 2021-10-01
    "failed": Verdict.FAILED,
    "canceled": Verdict.CANCELED,
    "cancelled": Verdict.CANCELED,  # Document Translation
}
"""Lower-case status words that end an operation (rule 15). Any other word means that it runs."""

MONITOR_MEMBERS = frozenset(
    {
        *("id", "name", "kind", "status", "error", "result", "results", "operations", "percentcomplete"),
        *("resourceid", "resourcelocation", "starttime", "endtime"),
        *("createddatetime", "lastactiondatetime", "lastupdateddatetime"),
    }
)
"""Lower-case top-level members of status monitor documents (ARM RPC; Azure API guidelines).

A document with no member beyond these, and with a `status`, is a status monitor wherever it is met."""


_LARGEST_NUMBER = 1e15
"""Beyond it a `percentComplete` is nonsense, and not a number compares as beyond it."""


class Reading(NamedTuple):
    """One answer, read.

    Attributes:
        verdict: what it says of the operation.
        status: the status word, trimmed, in the service's spelling; None when there is none.
        document: the body where it is a JSON object, else None.
        why: what is wrong with it, when the verdict is `UNREADABLE`.
    """

    verdict: Verdict
    status: str | None = None
    document: Mapping[str, object] | None = None
    why: str = ""


def verdict_of(word: str, terminal_words: Mapping[str, Verdict]) -> Verdict:
    """Return what a status word says: compared whole and without case, never by substring (rules 15, 16)."""
    word = word.lower()
    if word in terminal_words:
        return terminal_words[word]
    return TERMINAL_WORDS.get(word, Verdict.RUNNING)


def status_word(document: Mapping[str, object]) -> str | None:
    """Return the status of a status monitor: `status`, else the provisioning state (rule 14)."""
    return text(document, "status") or provisioning_state(document)


def provisioning_state(document: Mapping[str, object]) -> str | None:
    """Return `properties.provisioningState`, else the top-level `provisioningState`."""
    return text(member(document, "properties"), "provisioningState") or text(document, "provisioningState")


def is_monitor(document: Mapping[str, object]) -> bool:
    """Whether a document is itself a status monitor, not a resource that happens to have a `status`."""
    return text(document, "status") is not None and all(name.lower() in MONITOR_MEMBERS for name in document)


def text(document: Mapping[str, object] | None, name: str) -> str | None:
    """Return a member that is a non-blank string, trimmed; None for anything else."""
    if document is None or name not in document:
        return None
    value = document[name]
    return (value.strip() or None) if isinstance(value, str) else None


def member(document: Mapping[str, object], name: str) -> Mapping[str, object] | None:
    """Return a member that is an object; None for anything else."""
    return object_in(document.get(name))


def progress_of(answer: Answer, reading: Reading, before: Progress) -> Progress:
    """Return what an answer tells of the operation's progress; what it omits stays as it was."""
    status, _, percent, start_time, end_time, *_ = before
    if reading.status is not None:
        status = sys.intern(reading.status)
    document, complete = reading.document, before.percent_complete
    if document is not None:
        raw = _number(document, "percentComplete")
        if raw is not None:
            complete, percent = raw, _percent(raw, before)
        start_time = text(document, "startTime") or start_time
        end_time = text(document, "endTime") or end_time
    request_id = answer.headers.get("x-ms-request-id", None)
    correlation_id = answer.headers.get("x-ms-correlation-request-id", None)
    return Progress(status, complete, percent, start_time, end_time, request_id, correlation_id)


def _percent(raw: float, before: Progress) -> float | None:
    """Return `raw` where it must be on the scale 0..100: a value up to 1 may be a fraction of one."""
    scale_known = before.percent_complete is not None and before.percent_complete > 1
    if raw == 0 or 1 < raw <= 100 or (scale_known and 0 < raw <= 1):  # noqa: PLR2004 - per cent
        return raw
    return None


def _number(document: Mapping[str, object], name: str) -> float | None:
    if name not in document:
        return None
    value = document[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if -_LARGEST_NUMBER < value < _LARGEST_NUMBER else None
