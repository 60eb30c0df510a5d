"""No credential enters the database, and none is shown."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import asyncpg
import httpx
import pytest

from azpoll.fleet import Fleet
from azpoll.testing import Reply
from tests.support.canary import CANARY
from tests.support.clients import ORIGIN
from tests.support.fleet_work import quick_arm, responses_of, working
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.anyio

TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'azpoll'"


class CanaryAuth(httpx.Auth):
    """Credentials of a worker."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = f"Bearer {CANARY}"
        yield request


async def everything_stored(dsn: str) -> str:
    """Return all rows of all tables of a fleet as text; stored bytes are hexadecimal."""
    connection = await asyncpg.connect(dsn)
    try:
        names = [row["table_name"] for row in await connection.fetch(TABLES)]
        assert {"operation", "result", "budget", "pgqueuer", "pgqueuer_log"} <= set(names)
        rows = [row for name in names for row in await connection.fetch(f'SELECT t::text FROM azpoll."{name}" t')]  # noqa: S608 - names of the catalog
        return "\n".join(row[0] for row in rows)
    finally:
        await connection.close()


async def test_no_credential_enters_the_database(dsn: str, fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    """The client has it in headers, cookies and auth; operations succeed, fail, are refused and given back."""
    caplog.set_level(logging.DEBUG)
    arm = quick_arm()
    arm.operation(
        "PUT", "/subscriptions/s/refused", initial=Reply(403, body={"error": {"code": "No", "message": "no"}})
    )
    arm.operation("PUT", "/subscriptions/s/failing", duration_s=0.05, retry_after=0, outcome="Failed")
    arm.operation("PUT", "/subscriptions/s/long", duration_s=60.0, retry_after=0)
    async with httpx.AsyncClient(
        transport=arm.transport(),
        base_url=ORIGIN,
        auth=CanaryAuth(),
        headers={"X-Secret": CANARY},
        cookies={"session": CANARY},
    ) as client:
        ids = await fleet.submit([*await responses_of(client, 2), await client.put("/subscriptions/s/failing?a=b")])
        for name in ("refused", "begun"):
            ids.append(await fleet.begin("PUT", f"/subscriptions/s/{name}?api-version=1", json={}))
        (running,) = await fleet.submit([await client.put("/subscriptions/s/long?api-version=1")])
        before = await everything_stored(dsn)
        async with working(fleet, client):
            await fleet.wait(ids, timeout=20)
            assert await fleet.cancel(running)
            await eventually(lambda: has_problem(fleet))
    after = await everything_stored(dsn)
    for text in (before, after, caplog.text):
        assert CANARY not in text
        assert CANARY.encode().hex() not in text
    assert b"subscriptions".hex() in before


async def has_problem(fleet: Fleet) -> bool:
    """Whether an operation has a problem."""
    return bool(await fleet.problems())


async def test_the_secrets_of_a_fleet_are_not_shown(dsn: str) -> None:
    async with Fleet.connect(dsn, token_key=CANARY.encode()) as fleet:
        assert CANARY not in repr(fleet)
