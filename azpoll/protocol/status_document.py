"""The status in a JSON document: the status word, its verdict, and the shape of status monitors (rules 14-16)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from azpoll.protocol.json_body import object_member, text_member

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verdict(Enum):
    """The meaning of an answer for the operation."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    UNREADABLE = "unreadable"


TERMINAL_WORDS: Mapping[str, Verdict] = {
    "succeeded": Verdict.SUCCEEDED,
    "completed": Verdict.SUCCEEDED,  # CostManagement 2021-10-01
    "failed": Verdict.FAILED,
    "canceled": Verdict.CANCELED,
    "cancelled": Verdict.CANCELED,  # Document Translation
}
"""Lower-case status words that end an operation (rule 15). Any other word means that it runs."""

NO_WORDS: Mapping[str, Verdict] = {}
"""No terminal words beyond `TERMINAL_WORDS`."""

MONITOR_MEMBERS = frozenset(
    {
        *("id", "name", "kind", "status", "error", "result", "results", "operations", "percentcomplete"),
        *("resourceid", "resourcelocation", "starttime", "endtime"),
        *("createddatetime", "lastactiondatetime", "lastupdateddatetime"),
    }
)
"""Lower-case top-level members of status monitor documents (ARM RPC; Azure API guidelines).

A document with a `status` and only these members is a status monitor, wherever it appears."""


def verdict_of(word: str, terminal_words: Mapping[str, Verdict]) -> Verdict:
    """Return the verdict of a status word, compared whole and in any case, never by substring (rules 15, 16)."""
    word = word.lower()
    if word in terminal_words:
        return terminal_words[word]
    return TERMINAL_WORDS.get(word, Verdict.RUNNING)


def status_word(document: Mapping[str, object]) -> str | None:
    """Return the status of a status monitor: `status`, else the provisioning state (rule 14)."""
    return text_member(document, "status") or provisioning_state(document)


def provisioning_state(document: Mapping[str, object]) -> str | None:
    """Return `properties.provisioningState`, else the top-level `provisioningState`."""
    nested = text_member(object_member(document, "properties"), "provisioningState")
    return nested or text_member(document, "provisioningState")


def is_monitor(document: Mapping[str, object]) -> bool:
    """Whether a document is itself a status monitor, and not a resource that has a `status`."""
    return text_member(document, "status") is not None and all(name.lower() in MONITOR_MEMBERS for name in document)
