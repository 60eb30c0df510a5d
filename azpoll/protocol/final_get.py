"""The place of the final result of an operation that succeeded (rules 30-33)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.protocol.json_body import text_member
from azpoll.protocol.patterns import LOCATION, RESOURCE, UNTIL_GONE
from azpoll.protocol.plan import FinalStateVia

if TYPE_CHECKING:
    from azpoll.protocol.patterns import StatusReport
    from azpoll.protocol.reading import Reading
    from azpoll.protocol.states import Polling
    from azpoll.protocol.url_policy import RejectedURL

_MONITOR_NAMES = frozenset({FinalStateVia.AZURE_ASYNC_OPERATION, FinalStateVia.OPERATION_LOCATION})


def final_get_url(state: Polling, reading: Reading, report: StatusReport) -> str | RejectedURL | None:
    """Return the URL of the final GET; None if the answer at hand is the result.

    The first row that applies decides:

    | caller's wish, method, pattern                  | result                              |
    |-------------------------------------------------|-------------------------------------|
    | `result="status"`                               | the answer at hand (rule 33)        |
    | `original-uri`                                  | the resource URL (rule 30)          |
    | `location`, and a `Location` is known           | that `Location` (rule 30)           |
    | the monitor by name; POST, GET, DELETE          | the answer at hand (rule 30)        |
    | not a status monitor; or DELETE                 | the answer at hand (rule 31)        |
    | a string `resourceLocation` in the body         | that URL (rule 31)                  |
    | PUT, PATCH                                      | the resource URL (rule 31)          |
    | POST, GET, and a `Location` is known            | that `Location` (rule 31)           |
    | otherwise                                       | the answer at hand (rule 31)        |
    """
    plan, pattern = state.plan, state.pattern
    if plan.result == "status":
        return None
    match plan.final_state_via:
        case FinalStateVia.ORIGINAL_URI:
            at_hand = pattern in {RESOURCE, UNTIL_GONE} or (pattern is LOCATION and state.url == plan.resource_url)
            return None if at_hand else plan.resource_url
        case FinalStateVia.LOCATION if state.location is not None:
            return state.location
        case via if via in _MONITOR_NAMES and not plan.changes_resource:
            return None
        case _:
            pass
    if not pattern.is_monitor or plan.method == "DELETE":
        return None
    if (named := text_member(report.document, "resourceLocation")) is not None:
        return plan.resolve(named, reading.url)
    return plan.resource_url if plan.changes_resource else state.location
