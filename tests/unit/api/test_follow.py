"""Rule 47: `follow` tracks an operation of which only the polling URL is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

import azpoll
from tests.support.canary import CANARY
from tests.support.clients import ORIGIN, Library, new_client
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import error_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from azpoll.options import Method, PatternName

pytestmark = pytest.mark.anyio

STATUS = f"{ORIGIN}/operations/1?api-version=1"


Reply = tuple[int, object, dict[str, str]]


class Service:
    """A service that gives its answers in order, the last one again and again, and notes each request."""

    def __init__(self, *answers: Reply) -> None:
        self.answers = list(answers)
        self.requests: list[Any] = []
        self.times: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.times.append(anyio.current_time())
        status_code, body, headers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return httpx.Response(status_code, json=body, headers=headers)

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url}" for request in self.requests]

    def client(self, base_url: str = ORIGIN, headers: object = None) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        return new_client(transport=httpx.MockTransport(self), base_url=base_url, headers=headers)


RUNNING: Reply = (200, {"status": "InProgress"}, {})
COMPLETED: Reply = (200, {"status": "completed", "rows": 3}, {})


@pytest.mark.parametrize(("retry_after", "wait_s"), [(None, 0), (0, 0), (30, 30), (1.5, 1.5), (1e9, 3600)])
async def test_rule_47_the_wait_that_the_service_named_comes_first(retry_after: float | None, wait_s: float) -> None:
    """Up to the cap of rule 35."""
    service = Service(COMPLETED)
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        start_s = anyio.current_time()
        await tracker.follow(STATUS, retry_after=retry_after)
    assert service.times[0] - start_s == pytest.approx(wait_s, abs=0.01)


@EACH_LIBRARY
async def test_rule_47_a_bare_url_is_polled_to_its_end(library: Library) -> None:
    """Log Analytics names it in `x-ms-status-location`. No initial request; the first poll is immediate."""
    library_of_client = __import__(library)
    times: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        times.append(anyio.current_time())
        assert str(request.url) == STATUS
        response: httpx.Response = library_of_client.Response(
            200, json={"status": "InProgress" if len(times) < 3 else "completed"}
        )
        return response

    transport = library_of_client.MockTransport(answer)
    async with new_client(library, transport=transport, base_url=ORIGIN) as client, azpoll.Tracker(client) as tracker:
        start_s = anyio.current_time()
        operation = tracker.follow(STATUS, label="query", decode=lambda response: response.json())
        assert operation.label == "query"
        assert await operation == {"status": "completed"}
    assert times[0] - start_s < 0.1
    assert len(times) == 3


async def test_rule_47_the_url_may_be_relative_to_the_base_url() -> None:
    """Microsoft Graph names `/teams(..)/operations(..)`, which lies below `/v1.0`."""
    service = Service(RUNNING, COMPLETED)
    async with service.client(base_url="https://graph.example/v1.0") as client, azpoll.Tracker(client) as tracker:
        await tracker.follow("/teams('1')/operations('2')?next=https://x.example")
    assert set(service.asked) == {"GET https://graph.example/v1.0/teams('1')/operations('2')?next=https://x.example"}


async def test_rule_47_a_group_follows_too() -> None:
    service = Service(RUNNING, COMPLETED)
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        async with tracker.group("batch") as group:
            operation = group.follow(STATUS)
            assert operation.label == "batch"
        assert operation.result().json()["rows"] == 3


async def test_rule_47_the_pattern_says_how_a_bare_url_is_read() -> None:
    """A 200 without a status is the result behind a `Location` (FHIR), and malformed as a status monitor."""
    manifest: Reply = (200, {"transactionTime": "t", "output": []}, {})
    service = Service((202, None, {"Retry-After": "7"}), manifest)
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        assert (await tracker.follow(STATUS, pattern="location")).json()["output"] == []
        assert service.times[1] - service.times[0] >= 7
        assert isinstance(await error_of(tracker.follow(STATUS)), azpoll.MalformedAnswer)


async def test_rule_47_a_followed_resource_ends_by_its_provisioning_state() -> None:
    service = Service(
        (200, {"properties": {"provisioningState": "Updating"}}, {}),
        (200, {"properties": {"provisioningState": "Failed"}}, {}),
    )
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        assert isinstance(await error_of(tracker.follow(STATUS, pattern="resource")), azpoll.OperationFailed)


async def test_rule_47_a_followed_deletion_ends_when_the_resource_is_gone() -> None:
    service = Service((200, {"properties": {"provisioningState": "Succeeded"}}, {}), (404, {}, {}))
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        assert (await tracker.follow(STATUS, method="DELETE", pattern="resource")).status_code == 204
    assert len(service.asked) == 2


@pytest.mark.parametrize("pattern", ["operation-location", "location", "azure-async-operation"])
@pytest.mark.parametrize("method", ["DELETE", "POST", "PUT"])
async def test_rule_47_a_missing_status_is_no_success_without_the_resource(
    method: Method, pattern: PatternName
) -> None:
    """A mistyped URL of a DELETE would else count as its success."""
    service = Service((404, {"error": {"code": "NotFound"}}, {}))
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        operation = tracker.follow(STATUS, method=method, pattern=pattern)
        assert isinstance(await error_of(operation), azpoll.OperationNotFound)


@pytest.mark.parametrize(("method", "fetched"), [("POST", 1), ("PUT", 1), ("PATCH", 1), ("GET", 1), ("DELETE", 0)])
async def test_rule_47_the_result_is_where_the_status_names_it(method: Method, fetched: int) -> None:
    """Never at the polling URL that was given, although a newer one has replaced it. A DELETE has no result."""
    newer, result = f"{ORIGIN}/operations/1?api-version=1&t=2", f"{ORIGIN}/result?api-version=1"
    service = Service(
        (200, {"status": "Running"}, {"Operation-Location": newer}),
        (200, {"status": "Succeeded", "resourceLocation": result}, {}),
        (200, {"x": 1}, {}),
    )
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        await tracker.follow(STATUS, method=method)
    assert service.asked == [f"GET {STATUS}", f"GET {newer}", f"GET {result}"][: 2 + fetched]


async def test_rule_47_the_token_of_a_followed_operation_resumes_it() -> None:
    service = Service(RUNNING, RUNNING, COMPLETED)
    async with service.client() as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        operation = tracker.follow(STATUS)
        await anyio.sleep(0.5)
        token = operation.resume_token()
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        assert (await tracker.resume(token)).json()["rows"] == 3


async def test_rule_48_a_followed_operation_takes_the_options_of_every_call() -> None:
    service = Service((200, {"state": {"id": 1}}, {}), (500, {"state": {"id": "Broken"}}, {}))
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        operation = tracker.follow(STATUS, status_member="state.id", terminal_words={"broken": "failed"}, interval=5)
        assert isinstance(await error_of(operation), azpoll.OperationFailed)


async def test_rule_38_the_deadline_of_a_followed_operation_counts_from_the_call() -> None:
    service = Service(RUNNING)
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        start_s = anyio.current_time()
        assert isinstance(await error_of(tracker.follow(STATUS, timeout=30)), azpoll.OperationTimeout)
    assert 30 <= anyio.current_time() - start_s < 31


# Trust


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        (f"https://evil.example/operations/1?sig={CANARY}", "list it in allowed_origins"),
        ("https://tenant.sharepoint.com/_api/monitor/1", "list its origin in anonymous_origins"),
        ("http://management.azure.com/operations/1", "give rebase_to='https://management.azure.com'"),
        ("https://management.azure.com:8443/operations/1", "list it in allowed_origins"),
    ],
)
async def test_rule_9_a_bare_url_of_another_origin_is_refused(url: str, advice: str) -> None:
    service = Service(COMPLETED)
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.UntrustedPollingURL) as caught:
            tracker.follow(url)
        assert advice in str(caught.value)
        assert CANARY not in str(caught.value)
        assert not tracker.statistics().tracked
    assert not service.requests


async def test_rule_9_without_a_base_url_only_listed_origins_are_followed() -> None:
    service = Service(COMPLETED)
    async with service.client(base_url="") as client:
        async with azpoll.Tracker(client) as tracker:
            with pytest.raises(azpoll.UntrustedPollingURL):
                tracker.follow(STATUS)
            with pytest.raises(ValueError, match="relative, and the client has no base_url"):
                tracker.follow("/operations/1")
        async with azpoll.Tracker(client, allowed_origins=[ORIGIN]) as tracker:
            await tracker.follow(STATUS)


async def test_rule_9_a_bare_url_of_an_anonymous_origin_gets_no_credential() -> None:
    service = Service(COMPLETED)
    headers = {"Authorization": f"Bearer {CANARY}"}
    async with (
        service.client(headers=headers) as client,
        azpoll.Tracker(client, anonymous_origins=["https://*.sharepoint.com"]) as tracker,
    ):
        await tracker.follow("https://tenant.sharepoint.com/_api/monitor/1")
        await tracker.follow(STATUS)
    assert ["authorization" in request.headers for request in service.requests] == [False, True]


async def test_rule_9_later_urls_may_lead_back_to_the_base_url() -> None:
    service = Service((200, {"status": "completed", "resourceLocation": f"{ORIGIN}/item"}, {}), (200, {"x": 1}, {}))
    async with (
        service.client() as client,
        azpoll.Tracker(client, anonymous_origins=["https://tenant.sharepoint.com"]) as tracker,
    ):
        assert (await tracker.follow("https://tenant.sharepoint.com/monitor/1")).json() == {"x": 1}


async def test_rule_10_a_bare_url_moves_to_the_gateway() -> None:
    service = Service(COMPLETED)
    gateway = "https://gateway.example/arm"
    async with service.client(base_url=gateway) as client, azpoll.Tracker(client, rebase_to=gateway) as tracker:
        await tracker.follow(STATUS)
    assert service.asked == ["GET https://gateway.example/arm/operations/1?api-version=1"]


@pytest.mark.parametrize("url", ["/a b/1", f"{ORIGIN}/a b/1"])
async def test_rule_8_a_blank_in_the_path_of_a_bare_url_is_encoded(url: str) -> None:
    """It may be the name of a region."""
    service = Service(COMPLETED)
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        await tracker.follow(url)
    assert service.asked == [f"GET {ORIGIN}/a%20b/1"]


# Bad input


@pytest.mark.parametrize(
    ("url", "options", "error", "text"),
    [
        ("", {}, ValueError, "url must be a polling URL"),
        (None, {}, ValueError, "url must be a polling URL"),
        (5, {}, TypeError, "url must be text"),
        (f"{STATUS}#part", {}, ValueError, "the URL to follow is refused: it holds"),
        ("https://bad host/operations/1", {}, ValueError, "the URL to follow is refused"),
        ("https:///operations/1", {}, ValueError, "it names no host"),
        ("ftp://management.azure.com/1", {}, ValueError, "it is not a URL"),
        ("operations 1", {}, ValueError, "a blank must begin with a slash"),
        ("operations?name=a b", {}, ValueError, "a blank must begin with a slash"),
        (f" {STATUS}", {}, ValueError, "begins or ends with a blank"),
        (f"{STATUS}\n", {}, ValueError, "begins or ends with a blank"),
        ("  ", {}, ValueError, "begins or ends with a blank"),
        ("//management.azure.com/operations/1", {}, ValueError, "absolute, or relative without a scheme and a host"),
        ("https:/operations/1", {}, ValueError, "absolute, or relative without a scheme and a host"),
        ("management.azure.com:443/operations/1", {}, ValueError, "absolute, or relative without a scheme"),
        (f"{ORIGIN}/{'a' * 9000}", {}, ValueError, "longer than 8192 characters"),
        (f"https://evil.example/{'a' * 9000}", {}, ValueError, "the URL to follow is refused"),
        (STATUS, {"method": "HEAD"}, ValueError, "method must be one of 'PUT', 'PATCH', 'POST', 'DELETE', 'GET'"),
        (STATUS, {"method": None}, ValueError, "method must be one of"),
        (STATUS, {"pattern": "body"}, ValueError, "pattern must be one of 'azure-async-operation', 'operation-loc"),
        (STATUS, {"final_state_via": "original-uri"}, ValueError, "final_state_via='original-uri' needs the URL"),
        (STATUS, {"final_state_via": "header"}, ValueError, "final_state_via must be one of"),
        (STATUS, {"idempotent": True}, TypeError, "unexpected keyword: 'idempotent'"),
        (STATUS, {"retry_after": -1}, ValueError, "retry_after must be 0 seconds or more"),
        (STATUS, {"retry_after": "30"}, TypeError, "retry_after must be a number of seconds"),
    ],
)
async def test_bad_input_of_follow_raises_immediately(
    url: str, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    service = Service(COMPLETED)
    async with service.client() as client, azpoll.Tracker(client) as tracker:
        follow: Callable[..., object] = tracker.follow
        with pytest.raises(error, match=text):
            follow(url, **options)
        assert not tracker.statistics().tracked
    assert not service.requests
