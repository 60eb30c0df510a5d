"""Operations of the autorest test server that begin with DELETE or POST, or need a special host or header."""

from __future__ import annotations

from typing import Final

from tests.proofs.peers.microsoft_servers.autorest_put_patch import DONE, PRODUCT
from tests.proofs.peers.microsoft_servers.server_scenario import (
    ANYTHING,
    Cancels,
    Fails,
    FinalStateVia,
    Outcome,
    Scenario,
    Succeeds,
)

NO_BODY: Final = Succeeds(None)
# A DELETE with a status monitor has no result to fetch (rule 31); the answer of the monitor is the result.
DELETED: Final = Succeeds(ANYTHING)
REQUEST_ID: Final = {"x-ms-client-request-id": "9C4D50EE-2D56-4CD3-8152-34347DC9F2B0"}


def delete(name: str, path: str, outcome: Outcome, *answers: int) -> Scenario:
    return Scenario((name,), "DELETE", f"/lro/{path}", outcome, answers)


def post(name: str, path: str, outcome: Outcome, *answers: int, via: FinalStateVia | None = None) -> Scenario:
    return Scenario((name,), "POST", f"/lro/{path}", outcome, answers, json=PRODUCT, final_state_via=via)


DELETES: Final = (
    delete("LRODeleteInlineComplete", "delete/204/succeeded", NO_BODY, 204),
    # Rule 22: Location is the resource URL.
    delete("LRODeleteProvisioningSucceededWithBody", "delete/provisioning/202/accepted/200/succeeded", DONE, 202, 200),
    delete("LRODeleteProvisioningFailed", "delete/provisioning/202/deleting/200/failed", Fails(), 202, 200),
    delete("LRODeleteProvisioningCanceled", "delete/provisioning/202/deleting/200/canceled", Cancels(), 202, 200),
    delete("LRODelete200", "delete/202/retry/200", NO_BODY, 202, 200),
    delete("LRODelete204", "delete/202/noretry/204", NO_BODY, 202, 204),
    delete("LRODeleteNoHeaderInRetry", "delete/noheader", NO_BODY, 202, 202, 204),
    delete("LRODeleteAsyncNoHeaderInRetry", "deleteasync/noheader/202/204", DELETED, 202, 200, 200),
    delete("LRODeleteAsyncRetrySucceeded", "deleteasync/retry/succeeded", DELETED, 202, 202, 200),
    delete("LRODeleteAsyncNoRetrySucceeded", "deleteasync/noretry/succeeded", DELETED, 202, 202, 200),
    delete("LRODeleteAsyncRetryFailed", "deleteasync/retry/failed", Fails(), 202, 202, 200),
    delete("LRODeleteAsyncRetryCanceled", "deleteasync/retry/canceled", Cancels(), 202, 202, 200),
)

POSTS: Final = (
    post("LROPost200", "post/payload/200", Succeeds({"id": "1", "name": "product"}), 202, 200),
    # Rule 19: the first poll changes Location.
    post("LROPostSuccededWithBody", "post/202/retry/200", DONE, 202, 202, 200),
    post("LROPostSuccededNoBody", "post/202/noretry/204", NO_BODY, 202, 202, 204),
    post("LROPostAndGetList", "list", Succeeds([{"id": "100", "name": "foo"}]), 202, 200, 200),
    post("LROPostAsyncRetrySucceeded", "postasync/retry/succeeded", DONE, 202, 202, 200, 200),
    post("LROPostAsyncNoRetrySucceeded", "postasync/noretry/succeeded", DONE, 202, 202, 200, 200),
    post(
        "LROPostAsyncRetryFailed",
        "postasync/retry/failed",
        Fails(code="500", message="Internal Server Error"),
        202,
        202,
        200,
    ),
    post("LROPostAsyncRetryCanceled", "postasync/retry/canceled", Cancels(), 202, 202, 200),
    Scenario(
        (
            "LROPostDoubleHeadersFinalLocationPost",
            "LROPostDoubleHeadersFinalLocationAsync",
            "LROPostDoubleHeadersFinalLocationGet",
        ),
        "POST",
        "/lro/LROPostDoubleHeadersFinalLocationGet",
        Succeeds({"id": "100", "name": "foo"}),
        (202, 200, 200),
        final_state_via="location",
    ),
    # The server answers 400 to a GET of this Location.
    post(
        "LROPostDoubleHeadersFinalAzureHeaderGet",
        "LROPostDoubleHeadersFinalAzureHeaderGet",
        Succeeds({"status": "succeeded", "id": "100"}),
        202,
        200,
        via="azure-async-operation",
    ),
    post(
        "LROPostDoubleHeadersFinalAzureHeaderGetDefault",
        "LROPostDoubleHeadersFinalAzureHeaderGetDefault",
        Succeeds({"id": "100", "name": "foo"}),
        202,
        200,
        200,
    ),
    Scenario(
        ("PagingMultipleLRO",),
        "POST",
        "/paging/multiple/lro",
        Succeeds({"values": [{"properties": {"id": 1, "name": "Product"}}]}),
        (202, 200, 200),
    ),
    Scenario(
        ("MultiapiLROAndPaging",),
        "POST",
        "/multiapi/lroAndPaging",
        Succeeds({"values": [{"id": "100"}]}),
        (200,),
    ),
)

# The polling URL is relative, and the result is a JSON string (rule 20: any JSON of a Location is a result).
PARAMETERIZED_HOST: Final = (
    Scenario(
        ("LROParameterizedEndpoint",),
        "POST",
        "/lroParameterizedEndpoints",
        Succeeds("success"),
        (202, 200),
        final_state_via="location",
    ),
    Scenario(
        ("LROConstantParameterizedPost", "LROConstantParameterizedGet"),
        "POST",
        "/lroConstantParameterizedEndpoints/iAmConstant",
        Succeeds("success"),
        (202, 200),
    ),
)

# Rule 45: the server answers 400 to every request without the request id, polls and final GETs included.
CUSTOM_HEADER: Final = (
    Scenario(
        ("CustomHeaderPutAsyncSucceded",),
        "PUT",
        "/lro/customheader/putasync/retry/succeeded",
        DONE,
        (200, 202, 200, 200),
        json=PRODUCT,
        headers=REQUEST_ID,
    ),
    Scenario(
        ("CustomHeaderPutSucceeded",),
        "PUT",
        "/lro/customheader/put/201/creating/succeeded/200",
        DONE,
        (201, 200),
        json=PRODUCT,
        headers=REQUEST_ID,
    ),
    Scenario(
        ("CustomHeaderPostSucceeded",),
        "POST",
        "/lro/customheader/post/202/retry/200",
        NO_BODY,
        (202, 202, 200),
        json=PRODUCT,
        headers=REQUEST_ID,
    ),
    Scenario(
        ("CustomHeaderPostAsyncSucceded",),
        "POST",
        "/lro/customheader/postasync/retry/succeeded",
        Succeeds({"status": "Succeeded"}),
        (202, 202, 200),
        json=PRODUCT,
        headers=REQUEST_ID,
        note="No Location: the monitor's body is the result (rule 31).",
    ),
)

DELETES_AND_POSTS: Final = DELETES + POSTS + PARAMETERIZED_HOST + CUSTOM_HEADER
