"""The documents that describe an operation, distinguished from those that are its result (rules 4, 49)."""

from collections.abc import Mapping

from azpoll.protocol.json_body import text_member

MONITOR_MEMBERS = frozenset(
    {
        *("id", "name", "kind", "status", "error", "result", "results", "operations", "percentcomplete"),
        *("resourceid", "resourcelocation", "starttime", "endtime"),
        *("createddatetime", "lastactiondatetime", "lastupdateddatetime"),
    }
)
"""Lower-case top-level members of status monitor documents (ARM RPC; Azure API guidelines)."""

OPERATION_MEMBERS = MONITOR_MEMBERS | {
    *("errors", "errorcode", "errormessage", "message", "messages", "statusdescription", "statusdetails"),
    *("status_details", "failurereason", "resultmessage", "properties", "output", "operation", "operationtype"),
    *("operationid", "starttimeutc", "startdatetime", "endtimeutc", "enddatetime", "createdtime", "createdtimeutc"),
    *("createdon", "createdby", "lastupdatedtime", "lastupdatedtimeutc", "lastupdatedon", "expirationdatetime"),
    *("percentagecomplete", "progress", "progresspercentage", "csr", "issuer", "target", "request_id", "requestid"),
    *("cancellation_requested", "jobid", "jobtype", "itemid", "invoketype", "rootactivityid", "targetresourceid"),
    *("targetresourcelocation", "attemptscount", "self", "links", "displayname", "locale", "correlationid", "code"),
    *("additionalinfo", "warnings"),
}
"""Lower-case top-level members of the operation documents that services answer with at a `Location` (rule 49)."""

PROGRESS_MEMBERS = frozenset({"starttime", "starttimeutc", "startdatetime", "percentcomplete", "percentagecomplete"})
"""Lower-case members that no result has beside a `status` (rule 49)."""


def is_monitor(document: Mapping[str, object]) -> bool:
    """Whether a document is a status monitor: it has a `status`, and no member that only a resource has."""
    return text_member(document, "status") is not None and all(name.lower() in MONITOR_MEMBERS for name in document)


def is_operation(document: Mapping[str, object], status_member: str | None = None) -> bool:
    """Whether a document with a status word describes an operation (rule 49).

    `status_member` is the dotted path of the word if the caller named it.
    """
    names = {name.lower() for name in document}
    if status_member is not None:
        names.discard(status_member.partition(".")[0].lower())
    return names <= OPERATION_MEMBERS or not names.isdisjoint(PROGRESS_MEMBERS)


def is_error_alone(document: Mapping[str, object]) -> bool:
    """Whether an object has no member but `error`: neither a status nor a result (rule 20)."""
    return len(document) == 1 and next(iter(document)).lower() == "error"
