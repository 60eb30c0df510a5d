"""Cases in which another client reports a wrong end, or none."""

from __future__ import annotations

from azpoll.testing import Reply, html_page, status_monitor
from tests.proofs.peers.failures import failure_scenarios
from tests.proofs.peers.failures.failure_case import Case, Scenario, script_of

_DONE = status_monitor("Succeeded")
_RUNNING = status_monitor("InProgress", retry_after=10)
_ACCEPTED = Reply(202, headers={"Location": "{location_url}"}, retry_after=10)
_FAILED = {"status": "Failed", "error": {"code": "Conflict", "message": "No."}}


def _one(status: int, *, right: bool = False) -> Scenario:
    error = Reply(status, {"error": {"code": "TryLater", "message": "Try later."}})
    fine = "Succeeded, 4 GETs; awaited again: Succeeded"
    return Scenario(
        name=f"one-{status}",
        server=f"one poll is answered {status}, the next ones go on to Succeeded",
        script=script_of(_RUNNING, error, _DONE),
        run=failure_scenarios.two_awaits,
        azpoll=f"{fine}, 0 GETs",
        azure_core=f"{fine}, 1 GET" if right else "Failed, 2 GETs; awaited again: Failed, 0 GETs",
        core_is_right=right,
    )


def _five(status: int) -> Scenario:
    error = Reply(status, {"error": {"code": "TryLater", "message": "Try later."}}, retry_after=5)
    return Scenario(
        name=f"five-{status}",
        server=f"five polls in a row are answered {status} with Retry-After 5, the next ones go on to Succeeded",
        script=script_of(_RUNNING, *[error] * 5, _DONE),
        run=failure_scenarios.two_awaits,
        azpoll="Succeeded, 8 GETs; awaited again: Succeeded, 0 GETs",
        azure_core="Failed, 5 GETs; awaited again: Failed, 0 GETs",
    )


FALSE_FAILURE = Case(
    "transient-error-becomes-failed",
    "A status that is unreadable for a moment becomes a permanent failure",
    "Python #35849; azcore #19385; go-azure-sdk #740",
    (
        _one(401), _one(403), _one(404), _one(429, right=True), _one(503, right=True), _five(429), _five(503),
    ),
)  # fmt: skip

FALSE_SUCCESS = Case(
    "failure-on-location-becomes-success",
    "Any 200 from a Location becomes a success, whatever its body says",
    "core-lro; msrestazure #157; .NET #3396; JS #15189",
    (
        Scenario(
            name="failed-status",
            server="the Location answers 200 with `status` Failed and an `error`",
            method="DELETE",
            script=script_of(_ACCEPTED, Reply(200, _FAILED), pattern="location"),
            azpoll="Failed, 2 GETs",
            azure_core="Succeeded, 2 GETs",
        ),
        Scenario(
            name="failed-resource",
            server="the Location answers 200 with the resource, whose `provisioningState` is Failed",
            script=script_of(
                _ACCEPTED, Reply(200, {"properties": {"provisioningState": "Failed"}}), pattern="location"
            ),
            azpoll="Failed, 2 GETs",
            azure_core="Succeeded, 2 GETs",
        ),
        Scenario(
            name="sign-in-page",
            server="a proxy answers one poll of a DELETE with 200 and an HTML page; the service ends as Failed",
            method="DELETE",
            script=script_of(_ACCEPTED, html_page(), Reply(200, _FAILED), pattern="location"),
            azpoll="Failed, 3 GETs",
            azure_core="Succeeded, 2 GETs",
        ),
    ),
)


def _garbage(name: str, shown: str, body: object, azure_core: str) -> Scenario:
    return Scenario(
        name=name,
        server=f"the status monitor answers 200 with {shown} once, then Canceled",
        script=script_of(Reply(200, body, terminal=False), status_monitor("Canceled")),
        azpoll="Canceled, 2 GETs",
        azure_core=azure_core,
    )


NO_STATUS_DOCUMENT = Case(
    "no-status-document-becomes-success",
    "An answer that is not a status document becomes a success",
    "core-lro 3.4.1: each of these is a success",
    (
        _garbage("html", "an HTML page", html_page().body, "Raises DecodeError, 1 GET"),
        _garbage("null", "`null`", "null", "Raises AttributeError, 1 GET"),
        _garbage("list", "`[]`", [], "Raises AttributeError, 1 GET"),
        _garbage("object", "`{}`", {}, "Failed, 1 GET"),
    ),
)


def _word(status: str, end: str) -> Scenario:
    return Scenario(
        name=status.lower(),
        server=f"the status monitor ends with `{status}`",
        script=script_of(_RUNNING, status_monitor(status, retry_after=60)),
        run=failure_scenarios.end_only,
        azpoll=end,
        azure_core="Still polling after a day",
    )


OTHER_SPELLINGS = Case(
    "terminal-word-is-polled-for-ever",
    "A terminal word in another spelling is polled without end",
    "azapi #163; autorest.csharp #2568",
    (_word("Cancelled", "Canceled"), _word("Completed", "Succeeded")),
)

UNKNOWN_WORD = Case(
    "unknown-word-becomes-an-error",
    "An unknown status word ends the wait with an error",
    "go-azure-sdk, which has a fixed list of words",
    (
        Scenario(
            name="warming-up",
            server="the status monitor says `WarmingUp`, then Succeeded",
            script=script_of(status_monitor("WarmingUp", retry_after=10), _DONE),
            azpoll="Succeeded, 3 GETs",
            azure_core="Succeeded, 3 GETs",
            core_is_right=True,
        ),
    ),
)

SERVER_ERRORS = Case(
    "server-errors",
    "A Location that keeps answering 500 is polled without end; one 408 ends the wait",
    "azcore #22884, #22674",
    (
        Scenario(
            name="500-for-ever",
            server="the Location answers every poll with 500 from the second on",
            method="DELETE",
            script=script_of(_ACCEPTED, Reply(500, {"error": {"code": "InternalServerError"}}), pattern="location"),
            run=failure_scenarios.end_only,
            azpoll="Unknown: RetriesExhausted, with a resume token",
            azure_core="Failed",
        ),
        Scenario(
            name="408",
            server="the Location answers 408 once, then 204",
            method="DELETE",
            script=script_of(_ACCEPTED, Reply(408), Reply(204), pattern="location"),
            azpoll="Succeeded, 3 GETs",
            azure_core="Succeeded, 3 GETs",
            core_is_right=True,
        ),
    ),
)

ERROR_IN_A_200 = Case(
    "error-in-a-200-is-final",
    "An error inside a 200 becomes a permanent failure",
    "azcore #23349",
    (
        Scenario(
            name="error-without-status",
            server="the status monitor answers 200 with an `error` and no `status` once, then Succeeded",
            script=script_of(_RUNNING, Reply(200, {"error": {"code": "InternalServerError"}}, terminal=False), _DONE),
            run=failure_scenarios.two_awaits,
            azpoll="Succeeded, 4 GETs; awaited again: Succeeded, 0 GETs",
            azure_core="Failed, 2 GETs; awaited again: Failed, 0 GETs",
        ),
    ),
)

NO_CONTENT = Case(
    "no-content-after-delete-becomes-failure",
    "204 from the status monitor of a DELETE becomes a failure",
    ".NET #52402",
    (
        Scenario(
            name="204",
            server="the status monitor of a DELETE answers 204 when the resource is gone",
            method="DELETE",
            script=script_of(_RUNNING, Reply(204)),
            azpoll="Succeeded, 2 GETs",
            azure_core="Failed, 2 GETs",
        ),
    ),
)

CANCELED_BY_OTHERS = Case(
    "canceled-at-the-service",
    "An operation canceled at the service resolves as undefined",
    "JS #22067",
    (
        Scenario(
            name="canceled",
            server="a user cancels the operation in the portal: the status monitor ends with Canceled",
            script=script_of(_RUNNING, status_monitor("Canceled")),
            azpoll="Canceled, 2 GETs",
            azure_core="Canceled, 2 GETs",
            core_is_right=True,
        ),
    ),
)

NULLS = Case(
    "null-members-crash",
    "A member that is null crashes the client",
    "JS #24965",
    (
        Scenario(
            name="null-properties",
            server="the resource answers 200 with `properties` null when it is created",
            script=script_of(Reply(200, {"id": "/t", "properties": None}, terminal=True), pattern="body"),
            azpoll="Succeeded, 1 GET",
            azure_core="Raises AttributeError, 1 GET",
        ),
        Scenario(
            name="null-status",
            server="the status monitor answers with `status` null once, then Succeeded",
            script=script_of(Reply(200, {"status": None}, terminal=False), _DONE),
            azpoll="Succeeded, 3 GETs",
            azure_core="Failed, 1 GET",
        ),
    ),
)

RESOURCE_AS_STATUS = Case(
    "resource-in-place-of-a-status",
    "A status monitor that answers with the resource itself ends the wait",
    "Python #40909, #40912",
    (
        Scenario(
            name="provisioning-state",
            server="the status monitor answers with the resource: `provisioningState` Creating, then Succeeded",
            script=script_of(
                Reply(200, {"properties": {"provisioningState": "Creating"}}, retry_after=10, terminal=False),
                Reply(200, {"properties": {"provisioningState": "Succeeded"}}),
            ),
            azpoll="Succeeded, 3 GETs",
            azure_core="Failed, 1 GET",
        ),
    ),
)
