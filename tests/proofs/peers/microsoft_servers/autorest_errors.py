"""Operations of the autorest test server that go wrong (`LROSADs`), by what SPEC.md makes of each.

Microsoft's own suites ask of most of them only that *some* error comes out. azpoll keeps two families apart
(rule 24): the service said that the operation failed, or its status could not be read and it may still run.
"""

from __future__ import annotations

from typing import Final

import azpoll
from tests.proofs.peers.microsoft_servers.autorest_delete_post import DELETED
from tests.proofs.peers.microsoft_servers.autorest_put_patch import PRODUCT
from tests.proofs.peers.microsoft_servers.server_scenario import Fails, Outcome, Refused, Scenario, Succeeds, Unreadable

# Long enough for a first poll on a busy machine; the last poll is made at the deadline (rule 38).
SHORT: Final = 0.25
BAD_REQUEST: Final = "Expected bad request message"

NOT_READ: Final = Unreadable((azpoll.PollingError,))
# Transient for ten minutes (rule 27): the operation's own deadline comes first.
MALFORMED: Final = Unreadable((azpoll.OperationTimeout, azpoll.MalformedAnswer))
# Tolerated for a minute (rule 27): likewise.
NOT_FOUND: Final = Unreadable((azpoll.OperationTimeout, azpoll.OperationNotFound))


def sad(
    name: str, method: str, path: str, outcome: Outcome, *wire: int, timeout: float | None = None, note: str = ""
) -> Scenario:
    return Scenario(
        (name,),
        method,
        f"/lro/{path}",
        outcome,
        wire or None,
        json=None if method == "DELETE" else PRODUCT,
        timeout=timeout,
        waits=timeout is not None,
        note=note,
    )


REFUSED: Final = (
    sad("LRONonRetryPut400", "PUT", "nonretryerror/put/400", Refused(400, BAD_REQUEST), 400),
    sad("LRONonRetryDelete400", "DELETE", "nonretryerror/delete/400", Refused(400, BAD_REQUEST), 400),
    sad("LRONonRetryPost400", "POST", "nonretryerror/post/400", Refused(400, BAD_REQUEST), 400),
)

# Rule 21: a 4xx on Location is the operation's own answer.
FAILED_ON_LOCATION: Final = (
    sad(
        "LRONonRetryDelete202Retry400",
        "DELETE",
        "nonretryerror/delete/202/retry/400",
        Fails(message=BAD_REQUEST),
        *(202, 400),
    ),
    sad(
        "LRONonRetryPost202Retry400",
        "POST",
        "nonretryerror/post/202/retry/400",
        Fails(message=BAD_REQUEST),
        *(202, 400),
    ),
)

# Rule 24: a 4xx of a status monitor, or of the resource, says nothing of the operation.
NOT_READ_AT_ALL: Final = (
    sad("LRONonRetryPut201Creating400", "PUT", "nonretryerror/put/201/creating/400", NOT_READ, 201, 400),
    sad(
        "LRONonRetryPut201Creating400InvalidJson",
        "PUT",
        "nonretryerror/put/201/creating/400/invalidjson",
        NOT_READ,
        *(201, 400),
    ),
    sad("LRONonRetryPutAsyncRetry400", "PUT", "nonretryerror/putasync/retry/400", NOT_READ, 200, 400),
    sad("LRONonRetryDeleteAsyncRetry400", "DELETE", "nonretryerror/deleteasync/retry/400", NOT_READ, 202, 400),
    sad("LRONonRetryPostAsyncRetry400", "POST", "nonretryerror/postasync/retry/400", NOT_READ, 202, 400),
)

# Rule 17: a status monitor's JSON without a status, and JSON that ends too early.
MALFORMED_ANSWERS: Final = (
    sad("LROErrorPutAsyncNoPollingStatus", "PUT", "error/putasync/retry/nostatus", MALFORMED, timeout=SHORT),
    sad("LROErrorDeleteAsyncNoPollingStatus", "DELETE", "error/deleteasync/retry/nostatus", MALFORMED, timeout=SHORT),
    sad(
        "LROErrorPutAsyncInvalidJsonPolling",
        "PUT",
        "error/putasync/retry/invalidjsonpolling",
        MALFORMED,
        timeout=SHORT,
    ),
    sad(
        "LROErrorDeleteAsyncInvalidJsonPolling",
        "DELETE",
        "error/deleteasync/retry/invalidjsonpolling",
        MALFORMED,
        timeout=SHORT,
    ),
    sad(
        "LROErrorPostAsyncInvalidJsonPolling",
        "POST",
        "error/postasync/retry/invalidjsonpolling",
        MALFORMED,
        timeout=SHORT,
    ),
    sad(
        "LROErrorPut200InvalidJson",
        "PUT",
        "error/put/200/invalidjson",
        MALFORMED,
        timeout=SHORT,
        note="Half a resource, cut within `Creating`, no polling header. Nobody can say that it has no provisioning "
        "state (rule 5), so success would be a guess.",
    ),
)

# The headers are `/foo` and `Retry-After: /bar`: a valid relative URL (rule 8) that answers 404, and no delay at all
# (rule 35).
GONE: Final = (
    sad("LROErrorPutAsyncInvalidHeader", "PUT", "error/putasync/retry/invalidheader", NOT_FOUND, timeout=SHORT),
    sad("LROErrorPost202RetryInvalidHeader", "POST", "error/post/202/retry/invalidheader", NOT_FOUND, timeout=SHORT),
    sad("LROErrorPostAsyncInvalidHeader", "POST", "error/postasync/retry/invalidheader", NOT_FOUND, timeout=SHORT),
    sad(
        "LROErrorDelete202RetryInvalidHeader",
        "DELETE",
        "error/delete/202/retry/invalidheader",
        DELETED,
        *(202, 404, 404),
        note="Rule 28: the resource answers 404 too, so it is deleted.",
    ),
    sad(
        "LROErrorDeleteAsyncInvalidHeader",
        "DELETE",
        "error/deleteasync/retry/invalidheader",
        DELETED,
        *(202, 404, 404),
        note="Rule 28, as above.",
    ),
)

NOTHING_SAID: Final = (
    sad(
        "LROErrorPostNoLocation",
        "POST",
        "error/post/202/nolocation",
        Unreadable((azpoll.MalformedAnswer,), says="Location"),
        202,
        note="Rule 6: peers call this success.",
    ),
    sad("LROErrorDeleteNoLocation", "DELETE", "error/delete/204/nolocation", Succeeds(None), 204, note="Rule 7."),
    sad(
        "LROErrorPut201NoProvisioningStatePayload",
        "PUT",
        "error/put/201/noprovisioningstatepayload",
        Succeeds(None),
        *(201, 200),
        note="An empty 201 is polled (rule 5), and the resource's empty 200 is success (rule 23).",
    ),
    sad(
        "LROErrorPutAsyncNoPollingStatusPayload",
        "PUT",
        "error/putasync/retry/nostatuspayload",
        Succeeds(None),
        *(200, 200, 200),
        note="A monitor's empty 200 is success (rule 17); then the final GET.",
    ),
    sad(
        "LROErrorPostAsyncNoPollingPayload",
        "POST",
        "error/postasync/retry/nopayload",
        Succeeds(None),
        *(202, 200, 200),
        note="As above.",
    ),
)

SADS: Final = REFUSED + FAILED_ON_LOCATION + NOT_READ_AT_ALL + MALFORMED_ANSWERS + GONE + NOTHING_SAID
