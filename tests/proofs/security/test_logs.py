"""Threat T9: after the first answer no log line contains a URL query, a header or a body."""

from __future__ import annotations

import logging
from typing import get_args

import pytest

import azpoll
from azpoll.testing import Drop, FakeARM, Ordinary, Pattern, Reply, Step, html_page
from tests.support.canary import CANARY
from tests.support.clients import Library, client_of
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import GROUP, error_of

pytestmark = pytest.mark.anyio

SECRETS = {"Authorization": f"Bearer {CANARY}", "x-api-key": CANARY}
SECRET_HEADERS = {"Set-Cookie": f"s={CANARY}", "x-secret": CANARY, "Retry-After": CANARY, "Content-Type": CANARY}
NAMES = {
    "azure-async-operation": "Azure-AsyncOperation",
    "operation-location": "Operation-Location",
    "location": "Location",
}
FAULTS: list[Step] = [
    Reply(429, {"error": {"code": CANARY}}, SECRET_HEADERS),
    Reply(503, CANARY, SECRET_HEADERS),
    Reply(401, {"error": {"message": CANARY}}, SECRET_HEADERS | {"WWW-Authenticate": CANARY}),
    Reply(302, None, {"Location": "{poll_url}&sig=" + CANARY}),
    html_page(200, CANARY),
    Drop(),
    Ordinary(),
]


def initial(pattern: Pattern) -> Reply | None:
    if pattern == "body":
        return None
    url = "{location_url}" if pattern == "location" else "{poll_url}"
    return Reply(202, {"secret": CANARY}, {NAMES[pattern]: f"{url}&sig={CANARY}", **SECRET_HEADERS}, retry_after=1)


def failing_listener(event: object) -> None:
    raise LookupError(f"the listener fails on {event!r}")


@pytest.mark.parametrize("outcome", ["Succeeded", "Failed"])
@pytest.mark.parametrize("pattern", get_args(Pattern))
@EACH_LIBRARY
async def test_no_log_line_of_any_logger_holds_a_secret(
    library: Library, pattern: Pattern, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Holds at DEBUG, the loggers of the libraries included; the client logs only the initial request."""
    caplog.set_level(logging.DEBUG)
    arm = FakeARM(limits=None)
    arm.operation(
        "PUT",
        pattern=pattern,
        duration_s=30,
        outcome=outcome,
        result={"secret": CANARY},
        error={"code": "Conflict", "message": CANARY},
        initial=initial(pattern),
        polls=FAULTS,
    )
    async with client_of(arm, library, headers=SECRETS) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", f"{GROUP}?api-version=1", json={"password": CANARY})
        tracker.subscribe(failing_listener)
        operation.add_done_callback(failing_listener)
        await (operation if outcome == "Succeeded" else error_of(operation))
    assert sum(request.method == "GET" for request in arm.requests) >= len(FAULTS)
    assert [record for record in caplog.records if record.name.startswith("azpoll")], "the listener's error is logged"
    shown = logging.Formatter().format
    assert not [line for line in map(shown, caplog.records) if CANARY in line]
