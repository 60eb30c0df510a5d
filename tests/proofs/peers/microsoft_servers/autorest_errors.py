"""Failing operations of the autorest test server (`LROSADs`), by the rule that decides the outcome.

Microsoft's suites expect any error from most of them. azpoll separates two families (rule 24): a failure that the
service reported, and an unreadable status. With an unreadable status the operation may still run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import azpoll
from tests.proofs.peers.microsoft_servers.autorest_put_patch import PRODUCT
from tests.proofs.peers.microsoft_servers.server_scenario import Fails, Outcome, Refused, Scenario, Succeeds, Unreadable

if TYPE_CHECKING:
    from azpoll.options import Method

# Two failed polls, which are at least 1 s apart (rule 25). No other bound ends a scenario of this server.
SHORT: Final = azpoll.Patience(attempts=2, seconds=0.5, grace_attempts=2, grace_seconds=0.5)
BAD_REQUEST: Final = "Expected bad request message"

NOT_READ: Final = Unreadable(azpoll.PollingError)
MALFORMED: Final = Unreadable(azpoll.MalformedAnswer, says="2 polls in a row")
# For 1 s, or longer on a busy machine.
NOT_FOUND: Final = Unreadable(azpoll.OperationNotFound, says="HTTP 404 from a proxy (HTML) for ")
NOT_DELETED: Final = Unreadable(azpoll.OperationNotFound, says="the resource, read in its place, answers HTTP 404")


def error_case(
    name: str,
    method: Method,
    path: str,
    outcome: Outcome,
    *answers: int,
    patience: azpoll.Patience | None = None,
    note: str = "",
) -> Scenario:
    return Scenario(
        (name,),
        method,
        f"/lro/{path}",
        outcome,
        answers,
        json=None if method == "DELETE" else PRODUCT,
        patience=patience,
        waits=patience is not None,
        note=note,
    )


def given_up(name: str, method: Method, path: str, outcome: Unreadable, *answers: int, note: str = "") -> Scenario:
    return error_case(name, method, f"error/{path}", outcome, *answers, patience=SHORT, note=note)


REFUSED: Final = (
    error_case("LRONonRetryPut400", "PUT", "nonretryerror/put/400", Refused(400, BAD_REQUEST), 400),
    error_case("LRONonRetryDelete400", "DELETE", "nonretryerror/delete/400", Refused(400, BAD_REQUEST), 400),
    error_case("LRONonRetryPost400", "POST", "nonretryerror/post/400", Refused(400, BAD_REQUEST), 400),
)

# Rule 21: a 4xx of a Location is a failure of the operation.
FAILED_ON_LOCATION: Final = (
    error_case(
        "LRONonRetryDelete202Retry400",
        "DELETE",
        "nonretryerror/delete/202/retry/400",
        Fails(message=BAD_REQUEST),
        *(202, 400),
    ),
    error_case(
        "LRONonRetryPost202Retry400",
        "POST",
        "nonretryerror/post/202/retry/400",
        Fails(message=BAD_REQUEST),
        *(202, 400),
    ),
)

# Rule 24: a 4xx of a status monitor or of the resource does not tell the state of the operation.
NOT_READ_AT_ALL: Final = (
    error_case("LRONonRetryPut201Creating400", "PUT", "nonretryerror/put/201/creating/400", NOT_READ, 201, 400),
    error_case(
        "LRONonRetryPut201Creating400InvalidJson",
        "PUT",
        "nonretryerror/put/201/creating/400/invalidjson",
        NOT_READ,
        *(201, 400),
    ),
    error_case("LRONonRetryPutAsyncRetry400", "PUT", "nonretryerror/putasync/retry/400", NOT_READ, 200, 400),
    error_case("LRONonRetryDeleteAsyncRetry400", "DELETE", "nonretryerror/deleteasync/retry/400", NOT_READ, 202, 400),
    error_case("LRONonRetryPostAsyncRetry400", "POST", "nonretryerror/postasync/retry/400", NOT_READ, 202, 400),
)

# Rule 17: JSON of a status monitor without a status, and truncated JSON. Given up by rule 25's bounds (rule 27).
MALFORMED_ANSWERS: Final = (
    given_up("LROErrorPutAsyncNoPollingStatus", "PUT", "putasync/retry/nostatus", MALFORMED, 200, 200, 200),
    given_up("LROErrorDeleteAsyncNoPollingStatus", "DELETE", "deleteasync/retry/nostatus", MALFORMED, 202, 200, 200),
    given_up("LROErrorPutAsyncInvalidJsonPolling", "PUT", "putasync/retry/invalidjsonpolling", MALFORMED, *(200,) * 3),
    given_up(
        "LROErrorDeleteAsyncInvalidJsonPolling",
        "DELETE",
        "deleteasync/retry/invalidjsonpolling",
        MALFORMED,
        *(202, 200, 200),
    ),
    given_up(
        "LROErrorPostAsyncInvalidJsonPolling",
        "POST",
        "postasync/retry/invalidjsonpolling",
        MALFORMED,
        *(202, 200, 200),
    ),
)

# The polling header is `/foo`, a valid relative URL (rule 8) that answers 404. Given up by rule 27's grace.
# `Retry-After: /bar` is ignored (rule 35).
GONE: Final = (
    given_up("LROErrorPutAsyncInvalidHeader", "PUT", "putasync/retry/invalidheader", NOT_FOUND, 200, 404, 404),
    given_up("LROErrorPost202RetryInvalidHeader", "POST", "post/202/retry/invalidheader", NOT_FOUND, 202, 404, 404),
    given_up("LROErrorPostAsyncInvalidHeader", "POST", "postasync/retry/invalidheader", NOT_FOUND, 202, 404, 404),
    given_up(
        "LROErrorDelete202RetryInvalidHeader",
        "DELETE",
        "delete/202/retry/invalidheader",
        NOT_DELETED,
        *(202, 404, 404, 404, 404),
        note="Rule 28: the resource answers 404 too, but with an HTML page, which confirms no deletion.",
    ),
    given_up(
        "LROErrorDeleteAsyncInvalidHeader",
        "DELETE",
        "deleteasync/retry/invalidheader",
        NOT_DELETED,
        *(202, 404, 404, 404, 404),
        note="Rule 28, as above.",
    ),
)

NOTHING_SAID: Final = (
    error_case(
        "LROErrorPostNoLocation",
        "POST",
        "error/post/202/nolocation",
        Unreadable(azpoll.MalformedAnswer, says="Location"),
        202,
        note="Rule 6: other clients report success.",
    ),
    error_case(
        "LROErrorPut200InvalidJson",
        "PUT",
        "error/put/200/invalidjson",
        Unreadable(azpoll.MalformedAnswer, says="of the initial answer"),
        200,
        note="A malformed resource without a polling header. Its provisioning state may be in the missing part "
        "(rule 5), so success would be a guess.",
    ),
    error_case(
        "LROErrorDeleteNoLocation", "DELETE", "error/delete/204/nolocation", Succeeds(None), 204, note="Rule 7."
    ),
    error_case(
        "LROErrorPut201NoProvisioningStatePayload",
        "PUT",
        "error/put/201/noprovisioningstatepayload",
        Succeeds(None),
        *(201, 200),
        note="An empty 201 is polled (rule 5), and the resource's empty 200 is success (rule 23).",
    ),
    error_case(
        "LROErrorPutAsyncNoPollingStatusPayload",
        "PUT",
        "error/putasync/retry/nostatuspayload",
        Succeeds(None),
        *(200, 200, 200),
        note="A monitor's empty 200 is success (rule 17); then the final GET.",
    ),
    error_case(
        "LROErrorPostAsyncNoPollingPayload",
        "POST",
        "error/postasync/retry/nopayload",
        Succeeds(None),
        *(202, 200, 200),
        note="As above.",
    ),
)

ERRORS: Final = REFUSED + FAILED_ON_LOCATION + NOT_READ_AT_ALL + MALFORMED_ANSWERS + GONE + NOTHING_SAID
