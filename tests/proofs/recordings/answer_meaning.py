"""Reads a single answer by the rules: "running", "succeeded", "failed", "canceled", "unread" or "refused".

"unread" means that the status could not be read and is polled again. "refused" means that the answer ends the tracking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.testing.json_types import is_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.proofs.recordings.operation_script import Reply

TERMINAL = {
    **dict.fromkeys(("succeeded", "completed", "success", "partiallysucceeded", "partiallycompleted"), "succeeded"),
    "failed": "failed",
    **dict.fromkeys(("canceled", "cancelled"), "canceled"),
}
"""Rule 15."""

RUNNING_WORDS = """
notstarted accepted queued enqueued dequeued pending scheduled submitted validating waiting starting started
initializing inprogress running processing executing creating updating deleting provisioning deploying activating
resolving cancelling canceling cancelinprogress stopping pausing resuming restarting scaling building copying
exporting importing
"""
RUNNING = frozenset(RUNNING_WORDS.split()) | {"not started", "in progress"}
"""Status words of a running operation, in lower case."""

MEMBER_NAMES = """
id name status error errors errorcode errormessage message messages statusdescription statusdetails status_details
failurereason resultmessage properties result results output resourceid resourcelocation operation operations
operationtype operationid starttime starttimeutc startdatetime endtime endtimeutc enddatetime createdtime
createdtimeutc createddatetime createdon createdby lastupdatedtime lastupdatedtimeutc lastupdateddatetime
lastactiondatetime lastupdatedon expirationdatetime percentcomplete percentagecomplete progress progresspercentage
csr issuer target request_id requestid cancellation_requested jobid jobtype itemid invoketype rootactivityid
targetresourceid targetresourcelocation attemptscount self links kind displayname locale correlationid code
additionalinfo warnings
"""
MEMBERS = frozenset(MEMBER_NAMES.split())
SIGNS = frozenset({"starttime", "starttimeutc", "startdatetime", "percentcomplete", "percentagecomplete"})
"""Members of a document that describes an operation, in lower case. One of `SIGNS` is enough."""

TRANSIENT = frozenset({401, 403, 404, 407, 408, 410, 421, 425, 426, 429, 431})
"""Rules 21 and 24 to 27: 4xx that say nothing of the operation."""


def members_of(reply: Reply) -> Mapping[str, object]:
    """Return the members of a JSON object; none of any other body."""
    document = reply.document()
    return document if is_object(document) else {}


def status_word(reply: Reply) -> str | None:
    """Return `status` in lower case (rule 14)."""
    return _word(members_of(reply).get("status"))


def running_words(reply: Reply) -> list[str]:
    """Return the status words of a body that do not end an operation, as they are spelled and at most 80 characters."""
    members = members_of(reply)
    properties = members.get("properties")
    state = properties.get("provisioningState") if is_object(properties) else None
    words = [word for word in (members.get("status"), state) if isinstance(word, str)]
    return [word[:80] for word in words if _word(word) not in {None, *TERMINAL}]


def provisioning_state(reply: Reply) -> str | None:
    """Return "running" or how the operation ended, by the provisioning state; None without one."""
    members = members_of(reply)
    properties = members.get("properties")
    inner = _word(properties.get("provisioningState")) if is_object(properties) else None
    word = inner or _word(members.get("provisioningState"))
    return None if word is None else TERMINAL.get(word, "running")


def is_operation_document(reply: Reply) -> bool:
    """Whether a body describes an operation, and not a resource or a result."""
    names = {name.lower() for name in members_of(reply)}
    return status_word(reply) is not None and (names <= MEMBERS or bool(names & SIGNS))


def answer_of_monitor(reply: Reply) -> str:
    """Rules 14, 15, 17, 24."""
    if reply.status >= 400:
        return "unread" if reply.status >= 500 or reply.status in TRANSIENT else "refused"
    word = status_word(reply)
    state = provisioning_state(reply) if word is None else TERMINAL.get(word, "running")
    if state is not None:
        return state
    if reply.status == 202:
        return "running"
    return "succeeded" if reply.status == 204 or not reply.body else "unread"


def answer_of_location(reply: Reply) -> str:
    """Rules 19 to 21."""
    asks_again = reply.header("retry-after") is not None
    if reply.status >= 400:
        cannot_read = reply.status >= 500 or reply.status in TRANSIENT or asks_again or _is_html(reply)
        return "unread" if cannot_read else "failed"
    word = status_word(reply) or ""
    if reply.status == 202:
        return TERMINAL.get(word, "running") if is_operation_document(reply) else "running"
    if reply.status == 204:
        return "succeeded"
    if _is_html(reply) or set(members_of(reply)) == {"error"}:
        return "unread"
    return provisioning_state(reply) or _answer_with_status(reply, word, asks_again=asks_again)


def _answer_with_status(reply: Reply, word: str, *, asks_again: bool) -> str:
    document = is_operation_document(reply)
    renewed = any(reply.header(name) for name in ("location", "operation-location", "azure-asyncoperation"))
    if document or asks_again or renewed:
        if word in TERMINAL:
            return TERMINAL[word]
        if word in RUNNING or (document and word and reply.header("retry-after")):
            return "running"
    if TERMINAL.get(word) in {"failed", "canceled"} and members_of(reply).get("error"):
        return TERMINAL[word]
    return "succeeded"


def answer_of_resource(reply: Reply) -> str:
    """Rule 23."""
    if reply.status >= 400:
        return "unread" if reply.status >= 500 or reply.status in TRANSIENT else "refused"
    if reply.status == 202:
        return "running"
    return "unread" if _is_html(reply) else provisioning_state(reply) or "succeeded"


def _word(value: object) -> str | None:
    return (value.strip().lower() or None) if isinstance(value, str) else None


def _is_html(reply: Reply) -> bool:
    return reply.body.lstrip("\ufeff \r\n\t").startswith("<")
