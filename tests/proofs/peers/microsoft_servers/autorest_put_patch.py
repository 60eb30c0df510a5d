"""Operations of the autorest test server that begin with PUT or PATCH (`LROs` in its lro.json)."""

from __future__ import annotations

from typing import Final

import azpoll
from tests.proofs.peers.microsoft_servers.server_scenario import Cancels, Fails, Scenario, Succeeds, Unreadable

PRODUCT: Final = {"location": "West US"}
DONE: Final = Succeeds({"properties": {"provisioningState": "Succeeded"}, "id": "100", "name": "foo"})
SUB_RESOURCE: Final = {"properties": {"provisioningState": "Succeeded"}, "id": "100", "subresource": "sub1"}
SKU: Final = Succeeds({"name": "sku", "id": "100"})


def put(
    name: str,
    path: str,
    outcome: Succeeds | Fails | Cancels,
    *answers: int,
) -> Scenario:
    return Scenario((name,), "PUT", f"/lro/{path}", outcome, answers, json=PRODUCT)


INLINE: Final = (
    put("LROPutInlineComplete", "put/200/succeeded", DONE, 200),
    put("LROPutInlineComplete201", "put/201/succeeded", DONE, 201),
    put("LROPut200InlineCompleteNoState", "put/200/succeeded/nostate", Succeeds({"id": "100", "name": "foo"}), 200),
    Scenario(("MultiapiLRO",), "PUT", "/multiapi/lro", Succeeds({"id": "100"}), (200,), json=PRODUCT),
    Scenario(
        ("RawLRO",),
        "PUT",
        "/customization/lro/raw",
        Succeeds({"provisioningState": "Succeeded", "received": "raw"}),
        (200,),
        json={"hello": "world!"},
    ),
    Scenario(
        ("HandwrittenModelLRO",),
        "PUT",
        "/customization/lro/model",
        Succeeds({"provisioningState": "Succeeded", "received": "model"}),
        (200,),
        json={"hello": "world!"},
    ),
)

ON_THE_RESOURCE: Final = (
    put("LROPutSucceededWithBody", "put/201/creating/succeeded/200", DONE, 201, 200),
    put("LROPutSucceededNoBody", "put/200/updating/succeeded/200", DONE, 200, 200),
    put("LROPutFailed", "put/201/created/failed/200", Fails(), 201, 200),
    put("LROPutCanceled", "put/200/accepted/canceled/200", Cancels(), 200, 200),
)

ON_LOCATION: Final = (
    put("LROPut202Retry200", "put/202/retry/200", Succeeds({"id": "100", "name": "foo"}), 202, 200),
    put("LROPutNoHeaderInRetry", "put/noheader/202/200", DONE, 202, 202, 200),
    put("LROPutSubResourceInRetry", "putsubresource/202/200", Succeeds(SUB_RESOURCE), 202, 202, 200),
    put("LROPutNonResourceInRetry", "putnonresource/202/200", SKU, 202, 202, 200),
)

# The last 200 of each success is the final GET of the resource (rule 31). The `Location` beside some monitors is
# "somethingBadWhichShouldNotBeUsed".
ON_A_MONITOR: Final = (
    put("LROPutAsyncRetrySucceeded", "putasync/retry/succeeded", DONE, 200, 202, 200, 200),
    put("LROPutAsyncNoRetrySucceeded", "putasync/noretry/succeeded", DONE, 200, 202, 200, 200),
    put("LROPutAsyncRetryFailed", "putasync/retry/failed", Fails(), 200, 202, 200),
    put("LROPutAsyncNoRetryCanceled", "putasync/noretry/canceled", Cancels(), 200, 202, 200),
    put("LROPutAsyncNoHeaderInRetry", "putasync/noheader/201/200", DONE, 201, 200, 200, 200),
    put("LROPutSubResourceAsyncInRetry", "putsubresourceasync/202/200", Succeeds(SUB_RESOURCE), 202, 200, 200, 200),
    put("LROPutNonResourceAsyncInRetry", "putnonresourceasync/202/200", SKU, 202, 200, 200, 200),
)

PATCHES: Final = (
    Scenario(
        ("LROPatchInlineCompleteIgnoreHeaders",),
        "PATCH",
        "/lro/patch/200/succeeded/ignoreheaders",
        Unreadable(azpoll.UntrustedPollingURL),
        (200,),
        json=PRODUCT,
        note="Microsoft expects the header to be ignored, since the body says Succeeded. Rule 3 follows it (a PATCH "
        "body shows the old resource), and rule 9 sends nothing to the other origin that it names.",
    ),
    Scenario(
        ("LROPatch201WithAsyncHeader",),
        "PATCH",
        "/lro/patch/201/retry/onlyAsyncHeader",
        Succeeds({"id": "/lro/patch/201/retry/onlyAsyncHeader", "name": "foo"}),
        (201, 200, 200, 200),
        json=PRODUCT,
    ),
    Scenario(
        ("LROPatch202WithAsyncAndLocationHeader",),
        "PATCH",
        "/lro/patch/202/retry/asyncAndLocationHeader",
        Succeeds({"id": "/lro/patch/202/retry/asyncAndLocationHeader", "name": "foo"}),
        (202, 200, 200, 200),
        json=PRODUCT,
        note="Rule 31: a PATCH ends with the resource, whatever Location says.",
    ),
)

PUTS: Final = INLINE + ON_THE_RESOURCE + ON_LOCATION + ON_A_MONITOR + PATCHES
