"""Failing operations of the autorest test server (`LROSADs`), by the rule that decides the outcome.

Microsoft's suites expect any error from most of them. azpoll separates two families (rule 24): a failure that the
service reported, and an unreadable status. With an unreadable status the operation may still run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import azpoll
from tests.proofs.peers.microsoft_servers.autorest_delete_post import DELETED
from tests.proofs.peers.microsoft_servers.autorest_put_patch import PRODUCT
from tests.proofs.peers.microsoft_servers.server_scenario import Fails, Outcome, Refused, Scenario, Succeeds, Unreadable

if TYPE_CHECKING:
    from azpoll.options import Method

# Long enough for a first poll on a busy machine; the last poll is sent at the deadline (rule 38).
SHORT: Final = 0.25
BAD_REQUEST: Final = "Expected bad request message"

NOT_READ: Final = Unreadable((azpoll.PollingError,))
# Transient for 10 min (rule 27), so the deadline of the operation comes first.
MALFORMED: Final = Unreadable((azpoll.OperationTimeout, azpoll.MalformedAnswer))
# Tolerated for 1 min (rule 27), so the deadline comes first too.
NOT_FOUND: Final = Unreadable((azpoll.OperationTimeout, azpoll.OperationNotFound))


def error_case(
    name: str, method: Method, path: str, outcome: Outcome, *answers: int, timeout: float | None = None, note: str = ""
) -> Scenario:
    return Scenario(
        (name,),
        method,
        f"/lro/{path}",
        outcome,
        answers or None,
        json=None if method == "DELETE" else PRODUCT,
        timeout=timeout,
        waits=timeout is not None,
        note=note,
    )


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

# Rule 17: JSON of a status monitor without a status, and truncated JSON.
MALFORMED_ANSWERS: Final = (
    error_case("LROErrorPutAsyncNoPollingStatus", "PUT", "error/putasync/retry/nostatus", MALFORMED, timeout=SHORT),
    error_case(
        "LROErrorDeleteAsyncNoPollingStatus", "DELETE", "error/deleteasync/retry/nostatus", MALFORMED, timeout=SHORT
    ),
    error_case(
        "LROErrorPutAsyncInvalidJsonPolling",
        "PUT",
        "error/putasync/retry/invalidjsonpolling",
        MALFORMED,
        timeout=SHORT,
    ),
    error_case(
        "LROErrorDeleteAsyncInvalidJsonPolling",
        "DELETE",
        "error/deleteasync/retry/invalidjsonpolling",
        MALFORMED,
        timeout=SHORT,
    ),
    error_case(
        "LROErrorPostAsyncInvalidJsonPolling",
        "POST",
        "error/postasync/retry/invalidjsonpolling",
        MALFORMED,
        timeout=SHORT,
    ),
    error_case(
        "LROErrorPut200InvalidJson",
        "PUT",
        "error/put/200/invalidjson",
        MALFORMED,
        timeout=SHORT,
        note="A truncated resource without a polling header. Its provisioning state may be in the missing part "
        "(rule 5), so success would be a guess.",
    ),
)

# The polling header is `/foo`, a valid relative URL (rule 8) that answers 404.
# `Retry-After: /bar` is ignored (rule 35).
GONE: Final = (
    error_case("LROErrorPutAsyncInvalidHeader", "PUT", "error/putasync/retry/invalidheader", NOT_FOUND, timeout=SHORT),
    error_case(
        "LROErrorPost202RetryInvalidHeader", "POST", "error/post/202/retry/invalidheader", NOT_FOUND, timeout=SHORT
    ),
    error_case(
        "LROErrorPostAsyncInvalidHeader", "POST", "error/postasync/retry/invalidheader", NOT_FOUND, timeout=SHORT
    ),
    error_case(
        "LROErrorDelete202RetryInvalidHeader",
        "DELETE",
        "error/delete/202/retry/invalidheader",
        DELETED,
        *(202, 404, 404),
        note="Rule 28: the resource answers 404 too, so it is deleted.",
    ),
    error_case(
        "LROErrorDeleteAsyncInvalidHeader",
        "DELETE",
        "error/deleteasync/retry/invalidheader",
        DELETED,
        *(202, 404, 404),
        note="Rule 28, as above.",
    ),
)

NOTHING_SAID: Final = (
    error_case(
        "LROErrorPostNoLocation",
        "POST",
        "error/post/202/nolocation",
        Unreadable((azpoll.MalformedAnswer,), says="Location"),
        202,
        note="Rule 6: other clients report success.",
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
