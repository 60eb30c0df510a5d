"""`FakeARM` plays operations as ARM does."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

import anyio
import anyio.lowlevel
import httpx
import httpx2
import pytest

from azpoll.testing import FakeARM, Pattern, Reply, RetryAfter, Script
from azpoll.testing.script import ScriptFields
from tests.support.clients import client_of, new_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.testing import IncomingRequest

pytestmark = pytest.mark.anyio

GROUP = "/subscriptions/s1/resourceGroups/g"
HEADER_OF: dict[Pattern, str] = {
    "azure-async-operation": "azure-asyncoperation",
    "operation-location": "operation-location",
    "location": "location",
}
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)


def poll_url(pattern: Pattern, initial: httpx.Response) -> str:
    return initial.headers[HEADER_OF[pattern]] if pattern in HEADER_OF else str(initial.request.url)


def status_of(pattern: Pattern, response: httpx.Response) -> str:
    if pattern == "location":
        return {202: "InProgress", 200: "Succeeded", 409: "Failed"}[response.status_code]
    document = response.json()
    return str(document["status"] if "status" in document else document["properties"]["provisioningState"])


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("outcome", ["Succeeded", "Failed"])
async def test_a_put_runs_for_its_duration_and_then_has_its_outcome(
    client: httpx.AsyncClient, fake_arm: FakeARM, pattern: Pattern, outcome: str
) -> None:
    operation = fake_arm.operation("PUT", GROUP, pattern=pattern, duration_s=60, retry_after=20, outcome=outcome)
    initial = await client.put(f"{GROUP}?api-version=2024-01-01", json={"tags": {"a": "b"}})
    assert initial.status_code == (202 if pattern == "location" else 201)
    assert initial.headers["retry-after"] == "20"
    url = poll_url(pattern, initial)
    assert "api-version=2024-01-01" in url
    seen: list[str] = []
    for _ in range(3):
        await anyio.sleep(20)
        seen.append(status_of(pattern, await client.get(url)))
    assert seen == ["InProgress", "InProgress", outcome]
    final = (await client.get(f"{GROUP}?api-version=2024-01-01")).json()
    assert final["properties"]["provisioningState"] == outcome
    assert final["tags"] == {"a": "b"}
    assert operation.told_end_at_s == operation.ended_at_s == fake_arm.ended_at_s(operation.id)
    assert operation.polls == 3
    assert fake_arm.operations == {operation.id: operation}


async def test_a_status_monitor_tells_times_percentage_and_error() -> None:
    arm = FakeARM(epoch=datetime(2030, 5, 6, 7, 8, 9, tzinfo=UTC))
    error = {"code": "QuotaExceeded", "message": "no more"}
    arm.operation("POST", path="/x", duration_s=100, percent_complete=True, outcome="Failed", error=error)
    async with client_of(arm) as client:
        initial = await client.post("/x")
        assert (initial.status_code, initial.content) == (202, b"")
        await anyio.sleep(25)
        url = initial.headers["azure-asyncoperation"]
        running = (await client.get(url)).json()
        assert running["percentComplete"] == 25
        assert running["startTime"] == "2030-05-06T07:08:09+00:00"
        assert "endTime" not in running
        await anyio.sleep(75)
        ended = (await client.get(url)).json()
        assert (ended["status"], ended["percentComplete"], ended["error"]) == ("Failed", 100, error)
        assert ended["endTime"] == "2030-05-06T07:09:49+00:00"
        assert (await client.get(initial.headers["location"])).status_code == 409


async def test_the_result_is_at_the_location_of_a_post(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("POST", "/x", duration_s=5, result={"answer": 42})
    initial = await client.post("/x")
    assert (await client.get(initial.headers["location"])).status_code == 202
    await anyio.sleep(5)
    monitor = (await client.get(initial.headers["azure-asyncoperation"])).json()
    assert monitor["properties"] == {"answer": 42}
    assert (await client.get(initial.headers["location"])).json() == {"answer": 42}


@pytest.mark.parametrize(("pattern", "last"), [("location", 204), ("body", 404)])
async def test_a_delete_ends_with_nothing(
    client: httpx.AsyncClient, fake_arm: FakeARM, pattern: Pattern, last: int
) -> None:
    operation = fake_arm.operation("DELETE", GROUP, pattern=pattern, duration_s=5)
    initial = await client.delete(GROUP)
    await anyio.sleep(5)
    assert (await client.get(poll_url(pattern, initial))).status_code == last
    assert (await client.get(GROUP)).status_code == 404
    assert operation.told_end_at_s is not None


async def test_a_status_monitor_may_name_the_resource(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", "/x", pattern="operation-location", duration_s=0, resource_location=True, location=True)
    initial = await client.put("/x?api-version=1")
    assert "location" in initial.headers
    monitor = (await client.get(initial.headers["operation-location"])).json()
    assert monitor["resourceLocation"] == "https://management.azure.com/x?api-version=1"


@pytest.mark.parametrize(("pattern", "status"), [("body", 200), ("azure-async-operation", 202)])
async def test_a_patch_is_answered_as_arm_does(
    client: httpx.AsyncClient, fake_arm: FakeARM, pattern: Pattern, status: int
) -> None:
    fake_arm.default = Script(pattern=pattern)
    assert (await client.patch("/x", content=b"not json")).status_code == status


async def test_an_unplanned_request_is_told_so(client: httpx.AsyncClient) -> None:
    answer = await client.put("/x")
    assert answer.status_code == 404
    assert "No operation is planned for PUT /x" in answer.json()["error"]["message"]
    assert (await client.get("/x")).json()["error"]["code"] == "ResourceNotFound"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE"])
async def test_by_default_any_request_starts_an_operation(
    client: httpx.AsyncClient, fake_arm: FakeARM, method: str
) -> None:
    fake_arm.default = Script(initial_status=200)
    answers = [await client.request(method, f"/x/{n}") for n in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["azure-asyncoperation"] for answer in answers}) == 3
    assert fake_arm.statistics().started == 3


async def test_a_default_may_depend_on_the_request(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    def choose(request: IncomingRequest) -> Script:
        return Script(pattern="location" if "loc" in request.path else "body")

    fake_arm.default = choose
    assert (await client.put("/loc")).status_code == 202
    assert (await client.put("/other")).status_code == 201


async def test_a_plan_is_used_again_by_later_requests(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    planned = fake_arm.operation("PUT", retry_after=3)
    answers = [await client.put("/A"), await client.put("/a")]
    assert [answer.headers["retry-after"] for answer in answers] == ["3", "3"]
    assert planned.path == "/A"
    assert len(fake_arm.operations) == 2


@pytest.mark.parametrize("library", ["transport", "asgi"])
async def test_httpx2_clients_are_served_too(library: str) -> None:
    arm = FakeARM(default=Script(duration_s=10))
    transport = arm.transport("httpx2") if library == "transport" else httpx2.ASGITransport(arm)
    async with new_client("httpx2", transport=transport, base_url="http://arm") as client:
        initial = await client.put("/x", json={"location": "here"})
        await anyio.sleep(10)
        assert (await client.get(initial.headers["azure-asyncoperation"])).json()["status"] == "Succeeded"
        assert (await client.get("/x")).json()["location"] == "here"


async def test_it_is_an_asgi_application() -> None:
    arm = FakeARM(default=Script(duration_s=10))
    async with new_client(transport=httpx.ASGITransport(arm), base_url="http://arm") as client:
        initial = await client.put("/a%20b?api-version=1", json={})
        assert initial.headers["azure-asyncoperation"].startswith("http://arm/providers/")
        assert (await client.get("/a%20b")).status_code == 200
    assert arm.requests[0].url == "http://arm/a%20b?api-version=1"


async def test_it_takes_part_in_the_life_of_an_asgi_server() -> None:
    events = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        await anyio.lowlevel.checkpoint()
        return {"type": next(events)}

    async def send(message: object) -> None:
        await anyio.lowlevel.checkpoint()
        sent.append(message)

    await FakeARM()({"type": "lifespan"}, receive, send)
    assert sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]
    with pytest.raises(ValueError, match="websocket"):
        await FakeARM()({"type": "websocket"}, receive, send)


async def test_the_clock_can_be_given() -> None:
    now = [100.0]
    arm = FakeARM(default=Script(duration_s=10), clock=lambda: now[0])
    async with client_of(arm) as client:
        await client.put("/x")
        (operation,) = arm.operations.values()
        before = [arm.ended_at_s(operation), operation.ended_at_s]
        now[0] = 200.0
        await client.get("/x")
    assert before == [None, None]
    assert [arm.ended_at_s(operation), operation.ended_at_s] == [110.0, 110.0]
    with pytest.raises(KeyError):
        arm.ended_at_s("unknown")


async def test_latency_comes_before_each_answer() -> None:
    arm = FakeARM(default=Script(), latency_s=0.25)
    async with client_of(arm) as client:
        start = anyio.current_time()
        await client.put("/x")
        assert anyio.current_time() - start == pytest.approx(0.25)


async def test_an_explicit_initial_reply_may_name_the_operations_urls(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    headers = {"Azure-AsyncOperation": "{poll_url}&extra=1", "Location": "{location_url}"}
    body = {"self": ["{resource_url}", "{origin}", 3]}
    fake_arm.operation("PUT", "/x", initial=Reply(202, body, headers, retry_after=RetryAfter(2, "retry-after-ms")))
    initial = await client.put("/x?api-version=1")
    assert initial.json()["self"] == [
        "https://management.azure.com/x?api-version=1",
        "https://management.azure.com",
        3,
    ]
    assert initial.headers["retry-after-ms"] == "2000"
    assert (await client.get(initial.headers["azure-asyncoperation"])).json()["status"] == "InProgress"
    assert (await client.get(initial.headers["location"])).status_code == 202


async def test_answers_carry_a_date_and_a_request_id(client: httpx.AsyncClient) -> None:
    answers = [await client.get("/x"), await client.get("/x")]
    assert [answer.headers["date"] for answer in answers] == ["Thu, 01 Jan 2026 00:00:00 GMT"] * 2
    assert len({answer.headers["x-ms-request-id"] for answer in answers}) == 2


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Script(polls=[]), "polls"),
        (lambda: Script(duration_s=-1), "duration_s"),
        (lambda: Script(duration_s=float("nan")), "duration_s"),
    ],
)
async def test_a_script_that_cannot_be_played_is_refused(make: Callable[[], Script], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        make()


async def test_the_keywords_of_operation_are_those_of_script() -> None:
    assert ScriptFields.__annotations__.keys() == {field.name for field in dataclasses.fields(Script)}
