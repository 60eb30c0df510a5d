"""`Fleet.begin`: workers send initial requests, each once unless it may be executed twice."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, cast

import asyncpg
import pytest

from azpoll import Budget
from azpoll.fleet import Fleet
from azpoll.operation_state import OperationState
from azpoll.testing import Delay, Reply
from tests.support.canary import CANARY
from tests.support.clients import ORIGIN
from tests.support.fleet_work import GROUP, quick_arm, quick_tracker, service, working
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import httpx

    from azpoll.fleet import FleetBeginOptions
    from azpoll.options import Method
    from azpoll.testing import FakeARM, RequestRecord

pytestmark = pytest.mark.anyio

URL = f"{GROUP}/g?api-version=1"
FAST_READS = Budget(rate=1000.0, max_rate=1000.0, burst=1000.0, write_rate=10.0, write_burst=10.0)


def sent(arm: FakeARM, method: str) -> list[RequestRecord]:
    """Return the initial requests that the service received."""
    return [record for record in arm.requests if record.method == method]


async def stored_requests(dsn: str) -> list[bytes]:
    """Return the stored initial requests."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT request FROM azpoll.operation WHERE request IS NOT NULL")
        return [row["request"] for row in rows]
    finally:
        await connection.close()


async def test_a_worker_sends_the_request_and_tracks_its_operation(dsn: str, fleet: Fleet) -> None:
    """The body is stored until the request was accepted."""
    arm = quick_arm(duration_s=0.3)
    async with service(arm) as client:
        begun = await fleet.begin("PUT", URL, group="g", label="mine", json={"tags": {"a": "b"}}, params={"x": "y"})
        assert not arm.requests
        assert b'"tags"' in (await stored_requests(dsn))[0]
        async with working(fleet, client):
            await eventually(lambda: len(sent(arm, "PUT")) == 1)
            await eventually(lambda: is_forgotten(dsn))
            assert await fleet.get(begun) is None
            (result,) = await fleet.wait([begun], timeout=20)
    assert (result.operation_id, result.state, result.group, result.label) == (
        begun,
        OperationState.SUCCEEDED,
        "g",
        "mine",
    )
    assert b'"tags"' in result.body


async def is_forgotten(dsn: str) -> bool:
    """Whether no initial request is stored any more."""
    return not await stored_requests(dsn)


@pytest.mark.parametrize("content", ["text", b"\x00\xff"])
async def test_a_body_of_text_or_bytes_arrives_unchanged(fleet: Fleet, content: str | bytes) -> None:
    bodies: list[bytes] = []
    arm = quick_arm()
    async with service(arm) as client:
        client.event_hooks["request"] = [partial(keep_body, bodies)]
        begun = await fleet.begin("PUT", URL, content=content, headers={"If-Match": "*"})
        async with working(fleet, client):
            await fleet.wait([begun], timeout=20)
    assert bodies[0] == (content.encode() if isinstance(content, str) else content)


async def keep_body(bodies: list[bytes], request: httpx.Request) -> None:
    """Keep the body of a request."""
    bodies.append(request.content)


async def test_requests_that_come_together_share_shards(fleet: Fleet) -> None:
    arm = quick_arm()
    async with service(arm) as client:
        async with asyncio.TaskGroup() as tasks:
            begun = [tasks.create_task(fleet.begin("PUT", f"{GROUP}/g{number}?api-version=1")) for number in range(20)]
        ids = [task.result() for task in begun]
        assert (await fleet.statistics()).shards.queued == 1
        async with working(fleet, client):
            results = await fleet.wait(ids, timeout=20)
    assert {result.state for result in results} == {OperationState.SUCCEEDED}
    assert len(sent(arm, "PUT")) == 20


async def test_a_refused_request_started_nothing(dsn: str, fleet: Fleet) -> None:
    arm = quick_arm()
    reply = Reply(409, body={"error": {"code": "Taken", "message": "no"}})
    arm.operation("PUT", "/subscriptions/s/taken", initial=reply)
    async with service(arm) as client:
        begun = await fleet.begin("PUT", "/subscriptions/s/taken?api-version=1", json={"secret": CANARY})
        async with working(fleet, client):
            (result,) = await fleet.wait([begun], timeout=20)
    assert (result.state, result.status_code, result.token) == (None, 409, None)
    assert "Taken" in (result.error or "")
    assert (await fleet.statistics()).not_started == 1
    assert await stored_requests(dsn) == []


@pytest.mark.parametrize(("method", "expected"), [("PUT", 2), ("DELETE", 2), ("POST", 1), ("PATCH", 1)])
async def test_a_request_is_sent_again_only_if_it_may_be(dsn: str, fleet: Fleet, method: str, expected: int) -> None:
    """A worker dies between the sending and the answer: a new one sends only what may be executed twice."""
    arm = quick_arm()
    async with service(arm) as client:
        begun = await fleet.begin(cast("Method", method), URL)
        connection = await asyncpg.connect(dsn)
        await connection.execute("UPDATE azpoll.operation SET sent_at = now()")
        await connection.close()
        await client.request(method, URL, json={})  # what the dead worker sent
        async with working(fleet, client):
            (result,) = await fleet.wait([begun], timeout=20)
    assert len(sent(arm, method)) == expected
    if expected == 1:
        assert (result.state, result.token) == (OperationState.UNKNOWN, None)
        assert "may have executed it" in (result.error or "")
    else:
        assert result.state is OperationState.SUCCEEDED


async def test_each_attempt_has_the_same_client_request_id(dsn: str, fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        ids: list[str] = []
        client.event_hooks["request"] = [partial(keep_id, ids)]
        begun = await fleet.begin("PUT", URL)
        assert b"x-ms-client-request-id" in (await stored_requests(dsn))[0]
        async with working(fleet, client):
            await fleet.wait([begun], timeout=20)
    assert len(set(ids)) == 1


async def keep_id(ids: list[str], request: httpx.Request) -> None:
    """Keep the client request id of a request."""
    ids.append(request.headers["x-ms-client-request-id"])


async def test_a_stopping_worker_waits_for_the_answer_to_its_request(dsn: str, fleet: Fleet) -> None:
    arm = quick_arm()
    arm.operation("POST", "/subscriptions/s/slow", duration_s=0.05, retry_after=0, initial=Delay(0.5))
    async with service(arm) as client:
        begun = await fleet.begin("POST", "/subscriptions/s/slow?api-version=1")
        async with working(fleet, client):
            await eventually(lambda: len(sent(arm, "POST")) == 1)
        assert await stored_requests(dsn) == []
        async with Fleet.connect(dsn) as other, working(other, client):
            (result,) = await other.wait([begun], timeout=20)
    assert result.state is OperationState.SUCCEEDED
    assert len(sent(arm, "POST")) == 1


async def test_an_operation_that_was_canceled_in_time_is_not_sent(fleet: Fleet) -> None:
    arm = quick_arm()
    async with service(arm) as client:
        begun = await fleet.begin("PUT", URL)
        assert await fleet.cancel(begun)
        async with working(fleet, client):
            (result,) = await fleet.wait([begun], timeout=20)
    assert result.state is OperationState.CANCELED
    assert not arm.requests


async def test_workers_share_the_write_budget(fleet: Fleet) -> None:
    """Ten at once, then ten per second: 15 requests take half a second."""
    budget = fleet.budget(FAST_READS)
    async with service(quick_arm()) as client:
        async with asyncio.TaskGroup() as tasks:
            begun = [tasks.create_task(fleet.begin("PUT", f"{GROUP}/g{number}?api-version=1")) for number in range(15)]
        start_s = asyncio.get_running_loop().time()
        async with quick_tracker(client, fleet, budget=budget) as tracker:
            await fleet.work(tracker, drain=True)
        assert asyncio.get_running_loop().time() - start_s >= 0.4
        results = await fleet.wait([task.result() for task in begun])
    assert {result.state for result in results} == {OperationState.SUCCEEDED}
    names = [each.name for each in (await fleet.statistics()).budgets]
    assert any(name.startswith("writes ") for name in names)


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        (URL, {"headers": {"Authorization": f"Bearer {CANARY}"}}, "'authorization'"),
        (URL, {"headers": {"COOKIE": CANARY}}, "'cookie'"),
        (URL, {"headers": {"Ocp-Apim-Subscription-Key": CANARY}}, "subscription-key"),
        (URL, {"headers": {"api-key": CANARY}}, "api-key"),
        (URL, {"headers": {"x-ms-authorization-auxiliary": CANARY}}, "auxiliary"),
        (URL, {"headers": {"X-CSRF-Token": CANARY}}, "token"),
        (URL, {"params": {"sig": CANARY}}, "'sig'"),
        (f"{URL}&code={CANARY}", {}, "'code'"),
        (f"https://user:{CANARY}@management.azure.com/x", {}, "user name"),
        ("ftp://management.azure.com/x", {}, "http"),
    ],
)
async def test_a_credential_is_refused(fleet: Fleet, url: str, options: FleetBeginOptions, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        await fleet.begin("PUT", url, **options)
    assert CANARY not in str(refused.value)
    assert (await fleet.statistics()).running == 0


@pytest.mark.parametrize("name", ["If-Match", "Idempotency-Key", "x-ms-client-request-id", "Repeatability-Request-ID"])
async def test_an_ordinary_header_is_stored(fleet: Fleet, name: str) -> None:
    assert await fleet.begin("PUT", URL, headers={name: "1"})


async def test_what_cannot_be_stored_is_refused(fleet: Fleet) -> None:
    with pytest.raises(ValueError, match="method"):
        await fleet.begin(cast("Method", "HEAD"), URL)
    with pytest.raises(TypeError, match="'auth'"):
        await fleet.begin("PUT", URL, **cast("FleetBeginOptions", {"auth": None}))
    with pytest.raises(TypeError, match="stream"):
        await fleet.begin("PUT", URL, **cast("FleetBeginOptions", {"content": [b"x"]}))
    with pytest.raises(TypeError, match="serializable"):
        await fleet.begin("PUT", URL, json=object())
    for name in ("group", "label"):
        with pytest.raises(ValueError, match=f"{name} has a character"):
            await fleet.begin("PUT", URL, **cast("FleetBeginOptions", {name: "a\x00b"}))
        with pytest.raises(ValueError, match=f"{name} has a character"):
            await fleet.begin("PUT", URL, **cast("FleetBeginOptions", {name: "a\ud800b"}))
    with pytest.raises(ValueError, match="at most"):
        await fleet.begin("PUT", URL, content=b"x" * 8_000_000)


async def test_a_request_to_an_origin_that_the_worker_does_not_trust_is_left_to_others(fleet: Fleet) -> None:
    """The rows may be forged: no credential of the worker goes where they point."""
    arm = quick_arm()
    async with service(arm) as client:
        begun = await fleet.begin("PUT", "https://elsewhere.example/x?api-version=1")
        async with working(fleet, client):
            await eventually(lambda: has_problem(fleet, begun))
        assert not arm.requests
        assert await fleet.get(begun) is None

    arm = quick_arm()
    async with service(arm) as client:
        urls = (f"{ORIGIN}{URL}", f"https://listed.example{GROUP}/other?api-version=1")
        ids = [await fleet.begin("PUT", url) for url in urls]
        async with working(fleet, client, allowed_origins=["https://listed.example"]):
            results = await fleet.wait(ids, timeout=20)
    assert [result.state for result in results] == [OperationState.SUCCEEDED] * 2


async def has_problem(fleet: Fleet, operation_id: str) -> bool:
    """Whether a worker has said why it leaves an operation to others."""
    return "allowed_origins" in (await fleet.problems()).get(operation_id, "")


async def test_a_worker_ends_a_request_that_it_cannot_build(fleet: Fleet) -> None:
    """Another origin than that of the client is refused by no other worker either, if it is no URL."""
    async with service(quick_arm()) as client:
        begun = await fleet.begin("PUT", "http://[broken/x")
        async with working(fleet, client):
            (result,) = await fleet.wait([begun], timeout=20)
    assert (result.state, result.token) == (None, None)
    assert result.error
