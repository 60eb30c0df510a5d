"""Rules 15-17, 20, 21, 28, 31, 47 and 48 as a user meets them: exchanges from public reports of services."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Unpack

import anyio
import httpx
import pytest

import azpoll
from tests.support.clients import ORIGIN, new_client
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from tests.support.clients import Library

pytestmark = pytest.mark.anyio

OP, RESULT = f"{ORIGIN}/op?api-version=1", f"{ORIGIN}/op/result?api-version=1"
LOC = {"Location": OP}
FABRIC = {"createdTimeUtc": "t", "lastUpdatedTimeUtc": "t", "percentComplete": 10, "error": None}
HTML = "<html><body>Proxy Authentication Required</body></html>"


class Answers:
    """A server that gives its answers in order, the last one again and again, and notes what was asked and when."""

    def __init__(self, *answers: tuple[int, object, Mapping[str, str]]) -> None:
        self.answers = list(answers)
        self.library: ModuleType = httpx
        self.asked: list[str] = []
        self.times: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        self.times.append(anyio.current_time())
        status_code, body, headers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        content = body if isinstance(body, str) else json.dumps(body)
        response: httpx.Response = self.library.Response(status_code, headers=headers, content=content, request=request)
        return response


async def run(server: Answers, **options: Unpack[azpoll.TrackingOptions]) -> httpx.Response:
    """Track one POST to its end."""
    name: Library = "httpx" if server.library is httpx else "httpx2"
    transport = server.library.MockTransport(server)
    async with new_client(name, transport=transport) as client, azpoll.Tracker(client) as tracker:
        return await (await tracker.begin("POST", f"{ORIGIN}/do?api-version=1", **options))


@EACH_LIBRARY
async def test_rule_20_fabric_is_polled_on_and_its_result_is_fetched(library: Library) -> None:
    """Answers of 200 with a status that runs."""
    server = Answers(
        (202, "", {**LOC, "Retry-After": "20"}),
        (200, {"status": "Running", **FABRIC}, {**LOC, "Retry-After": "20"}),
        (200, {"status": "Succeeded", **FABRIC}, {"Location": RESULT}),
        (200, {"x": 1}, {}),
    )
    server.library = import_module(library)
    response = await run(server)
    assert response.json() == {"x": 1}
    assert server.asked == ["POST /do", "GET /op", "GET /op", "GET /op/result"]


async def test_rule_16_a_word_of_the_caller_fails_an_operation_at_a_location() -> None:
    server = Answers(
        (202, "", LOC), (200, {"status": "TimedOut", "messages": [{"code": "E1", "message": "m"}], "x": 1}, {})
    )
    with pytest.raises(azpoll.OperationFailed):
        await run(server, terminal_words={"TimedOut": "failed"})


async def test_rule_48_a_failed_instance_of_durable_functions_answers_500() -> None:
    server = Answers(
        (202, "", LOC),
        (200, {"runtimeStatus": "Running"}, {}),
        (500, {"runtimeStatus": "Failed", "output": "boom"}, {}),
    )
    with pytest.raises(azpoll.OperationFailed):
        await run(server, status_member="runtimeStatus")
    assert len(server.asked) == 3


async def test_rule_47_a_location_is_read_as_a_status_monitor() -> None:
    """An unknown word runs there."""
    server = Answers((202, "", LOC), (200, {"status": "Soaking", "size": 3}, {}), (200, {"status": "completed"}, {}))
    assert (await run(server, pattern="operation-location")).json() == {"status": "completed"}


@pytest.mark.parametrize("status_code", [407, 421, 425, 431])
async def test_rule_21_a_page_of_a_proxy_is_no_failure_of_the_operation(status_code: int) -> None:
    server = Answers((202, "", LOC), (status_code, HTML, {}), (204, "", {}))
    assert (await run(server)).status_code == 204


async def test_rule_21_a_409_that_asks_to_wait_is_polled_again_in_its_time() -> None:
    busy = {"error": {"code": "OperationInProgress"}}
    server = Answers((202, "", LOC), (409, busy, {"Retry-After": "15"}), (204, "", {}))
    assert (await run(server)).status_code == 204
    assert server.times[2] - server.times[1] >= 15


async def test_rule_17_a_body_that_ended_with_the_connection_is_read_again() -> None:
    """An empty 200 of HTTP/1 without a length is no success."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        if len(asked) == 1:
            return httpx.Response(202, headers=LOC)
        if len(asked) == 2:
            return httpx.Response(200, extensions={"http_version": b"HTTP/1.1"})
        return httpx.Response(200, json={"x": 1}, extensions={"http_version": b"HTTP/1.1"})

    asked: list[str] = []
    async with (
        new_client(transport=httpx.MockTransport(answer)) as client,
        azpoll.Tracker(client) as tracker,
    ):
        response = await (await tracker.begin("POST", f"{ORIGIN}/do"))
    assert response.json() == {"x": 1}
    assert asked == ["POST", "GET", "GET"]


async def test_rule_15_the_word_that_ended_an_operation_stays_visible() -> None:
    server = Answers((202, "", {"Azure-AsyncOperation": OP}), (200, {"status": "partiallySucceeded"}, {}))
    transport = httpx.MockTransport(server)
    async with new_client(transport=transport) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("POST", f"{ORIGIN}/do")
        await operation
        assert operation.snapshot().status == "partiallySucceeded"
