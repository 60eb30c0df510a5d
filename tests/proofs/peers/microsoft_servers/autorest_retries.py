"""Operations of the autorest test server that answer each URL with 500 once, the initial one too (`LRORetrys`).

The caller repeats an initial request after a 500; azpoll repeats a poll or a final GET (rule 25). The server knows the
second request by the cookie of its 500, so azpoll cannot repeat the initial one: it sends the same request again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import azpoll
from tests.proofs.peers.microsoft_servers.autorest_delete_post import DELETED
from tests.proofs.peers.microsoft_servers.autorest_put_patch import DONE, PRODUCT
from tests.proofs.peers.microsoft_servers.server_scenario import Outcome, Scenario, Succeeds, Unreadable

if TYPE_CHECKING:
    from azpoll.options import Method


def retried(names: tuple[str, ...], method: Method, path: str, outcome: Outcome, *answers: int) -> Scenario:
    return Scenario(
        names,
        method,
        f"/lro/retryerror/{path}",
        outcome,
        answers,
        json=None if method == "DELETE" else PRODUCT,
        repeat_initial=True,
        waits=True,
    )


RETRIES: Final = (
    retried(
        ("LRORetryPutSucceededWithBody",),
        "PUT",
        "put/201/creating/succeeded/200",
        DONE,
        *(500, 201),
        *(500, 200),
    ),
    retried(
        ("LRORetryErrorPutAsyncSucceeded", "LRORetryErrorPutAsyncSucceededPolling"),
        "PUT",
        "putasync/retry/succeeded",
        DONE,
        *(500, 200),
        *(500, 200),
        *(500, 200),  # the final GET of the resource
    ),
    retried(
        ("LRORetryErrorDelete202Accepted200Succeeded",),
        "DELETE",
        "delete/provisioning/202/accepted/200/succeeded",
        DONE,
        *(500, 202),
        *(500, 200),
    ),
    retried(
        ("LRORetryErrorDelete202Retry200Succeeded",),
        "DELETE",
        "delete/202/retry/200",
        DONE,
        *(500, 202),
        *(500, 200),
    ),
    retried(
        ("LRORetryErrorDeleteAsyncRetrySucceeded",),
        "DELETE",
        "deleteasync/retry/succeeded",
        DELETED,
        *(500, 202),
        *(500, 200),
    ),
    retried(
        ("LRORetryErrorPost202Retry200Succeeded",),
        "POST",
        "post/202/retry/200",
        DONE,
        *(500, 202),
        *(500, 200),
    ),
    retried(
        ("LRORetryErrorPostAsyncRetrySucceeded",),
        "POST",
        "postasync/retry/succeeded",
        Succeeds({"name": "sku", "id": "100"}),
        *(500, 202),
        *(500, 200),
        *(500, 200),  # the final GET of Location
    ),
)

IMPATIENT: Final = azpoll.Patience(attempts=1, seconds=0)

# The same operations where the first 500 of a poll passes rule 25's bounds.
GIVEN_UP: Final = tuple(
    replace(
        scenario,
        outcome=Unreadable(azpoll.RetriesExhausted, says="HTTP 500"),
        answers=scenario.answers[:3],
        patience=IMPATIENT,
        waits=False,
    )
    for scenario in RETRIES
)
