"""The token endpoint of App Service's managed identity, in front of a fake, for credentials of azure-identity.

`DefaultAzureCredential` and `ManagedIdentityCredential` read the endpoint from `IDENTITY_ENDPOINT` and
`IDENTITY_HEADER`. Its tokens are no secrets, and no service but a fake accepts them.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from azpoll.testing.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.testing.exchange import IncomingRequest

PATH = "/msi/token"
HEADER = "fake"
"""The value of `IDENTITY_HEADER`, by which the endpoint knows its callers."""

TOKEN = "fake"  # noqa: S105 - no secret
LIFETIME_S = 3600


def environment(base_url: str) -> dict[str, str]:
    """Return the environment variables with which a program signs in at this endpoint."""
    return {"IDENTITY_ENDPOINT": f"{base_url}{PATH}", "IDENTITY_HEADER": HEADER}


def with_managed_identity(handle: Callable[[IncomingRequest], Exchange]) -> Callable[[IncomingRequest], Exchange]:
    """Return `handle` with the token endpoint in front of it."""

    def exchange(request: IncomingRequest) -> Exchange:
        if request.path != PATH:
            return handle(request)
        answer = Exchange(lambda: None, lambda _complete: None)
        answer.status, document = _token(request)
        answer.body = json.dumps(document).encode()
        answer.headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer.body)))]
        return answer

    return exchange


def _token(request: IncomingRequest) -> tuple[int, dict[str, str]]:
    if request.headers.get("x-identity-header") != HEADER:
        return 401, {"error": "invalid_request", "error_description": "X-IDENTITY-HEADER is missing or wrong"}
    return 200, {"access_token": TOKEN, "expires_on": str(int(time.time()) + LIFETIME_S), "token_type": "Bearer"}
