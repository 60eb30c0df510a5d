"""`python -m azpoll.testing` serves a token endpoint in front of its fake."""

from __future__ import annotations

import json
import time

from azpoll.testing import FakeARM, IncomingRequest, Script
from azpoll.testing.managed_identity import HEADER, PATH, TOKEN, environment, with_managed_identity

ORIGIN = "http://127.0.0.1:8080"


def get(path: str, headers: dict[str, str] | None = None) -> tuple[int | None, dict[str, str]]:
    exchange = with_managed_identity(FakeARM(default=Script(), clock=lambda: 0.0).exchange)(
        IncomingRequest("GET", ORIGIN, path, "api-version=2019-08-01", headers or {})
    )
    exchange.told()
    exchange.finished(complete=True)
    assert ("Content-Length", str(len(exchange.body))) in exchange.headers
    return exchange.status, json.loads(exchange.body)


def test_a_caller_with_the_header_gets_a_token_for_an_hour() -> None:
    status, token = get(PATH, {"x-identity-header": HEADER})
    assert (status, token["access_token"], token["token_type"]) == (200, TOKEN, "Bearer")
    assert 3500 < int(token["expires_on"]) - time.time() <= 3601


def test_a_caller_without_the_header_gets_none() -> None:
    status, refusal = get(PATH)
    assert status == 401
    assert "access_token" not in refusal


def test_any_other_path_is_that_of_the_fake() -> None:
    assert get("/subscriptions/s/resourceGroups/g")[0] == 404


def test_the_environment_names_the_endpoint() -> None:
    assert environment(ORIGIN) == {"IDENTITY_ENDPOINT": f"{ORIGIN}{PATH}", "IDENTITY_HEADER": HEADER}
