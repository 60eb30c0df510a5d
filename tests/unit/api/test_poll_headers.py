"""`poll_headers`, and the client's own default query parameters (rule 45)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

import azpoll
from azpoll.testing import FakeARM, Reply, redirect
from tests.support.canary import CANARY
from tests.support.clients import ORIGIN, Library, client_of
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import GROUP, THING

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.anyio

EU = "https://eu.management.azure.com"


@EACH_LIBRARY
@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_rule_45_poll_headers_are_sent_with_each_poll_and_cancel(library: Library, method: str) -> None:
    """They replace the client's own headers of the same names; the initial request does not carry them."""
    arm = FakeARM()
    arm.operation("POST", pattern="operation-location", duration_s=25, retry_after=10)
    headers = {"X-Tenant": "client", "X-Other": "kept"}
    options: Any = {"poll_headers": {"x-tenant": "mine", "OpenAI-Beta": "v2"}, "cancel_method": method}
    async with client_of(arm, library, headers=headers) as client, azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("POST", THING, **options)
        with pytest.raises(azpoll.CancelFailed) if method == "DELETE" else pytest.raises(azpoll.OperationCanceled):
            await operation.cancel()
            await operation
        await operation.wait()
    initial, *others = [request.headers for request in arm.requests]
    assert (initial["x-tenant"], initial.get("openai-beta")) == ("client", None)
    assert {(each["x-tenant"], each["openai-beta"], each["x-other"]) for each in others} == {("mine", "v2", "kept")}
    assert len(others) > 1


async def test_rule_45_the_final_get_carries_poll_headers(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=5, retry_after=10)
    async with azpoll.Tracker(client) as tracker:
        await (await tracker.begin("PUT", THING, poll_headers={"X-A": "1"}))
    assert [request.headers.get("x-a") for request in fake_arm.requests] == [None, "1", "1"]


@EACH_LIBRARY
async def test_rule_45_no_poll_header_or_parameter_reaches_an_anonymous_origin(library: Library) -> None:
    """Nor the target of a redirect to another listed origin."""
    arm = FakeARM()
    arm.operation("POST", initial=Reply(202, headers={"Location": "https://a.example/monitor", "Retry-After": "1"}))
    arm.operation("DELETE", pattern="location", duration_s=5, polls=[redirect(f"{EU}/moved"), Reply(204)])
    async with (
        client_of(arm, library, params={"k": CANARY}) as client,
        azpoll.Tracker(
            client, on_exit="stop", allowed_origins=[EU], anonymous_origins=["https://a.example"]
        ) as tracker,
    ):
        for method in ("POST", "DELETE"):
            await tracker.begin(method, THING, poll_headers={"X-Secret": CANARY})
        await anyio.sleep(10)
    elsewhere = [request for request in arm.requests if not request.url.startswith(ORIGIN)]
    assert {request.url.split("/")[2] for request in elsewhere} == {"a.example", "eu.management.azure.com"}
    assert not [request for request in elsewhere if CANARY in f"{request.url} {request.headers}"]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"poll_headers": ["X-A"]}, TypeError, "poll_headers must be a mapping"),
        ({"poll_headers": {"X-A": 1}}, TypeError, "both text"),
        ({"poll_headers": {1: "X-A"}}, TypeError, "both text"),
        ({"poll_headers": {"": "1"}}, ValueError, "not the name of a header"),
        ({"poll_headers": {"X A": "1"}}, ValueError, "not the name of a header"),
        ({"poll_headers": {"X-\xc4": "1"}}, ValueError, "not the name of a header"),
        ({"poll_headers": {"X-A\r\nX-B": "1"}}, ValueError, "not the name of a header"),
        ({"poll_headers": {"X-A": f"{CANARY}\r\nX-B: 2"}}, ValueError, "the value of X-A"),
        ({"poll_headers": {"X-A": f"{CANARY}\xe9"}}, ValueError, "the value of X-A"),
        ({"poll_headers": {"X-A": f" {CANARY}"}}, ValueError, "the value of X-A"),
        ({"poll_headers": {"X-A": "1", "x-a": "2"}}, ValueError, "names x-a twice"),
        ({"poll_headers": {f"x-{n}": "1" for n in range(65)}}, ValueError, "at most 64"),
        *(
            ({"poll_headers": {name: "1"}}, ValueError, "set by the HTTP library")
            for name in ("Host", "content-length", "Transfer-Encoding", "Connection")
        ),
        ({"stored_headers": "X-A"}, TypeError, "stored_headers must be a collection"),
        ({"stored_headers": 3}, TypeError, "stored_headers must be a collection"),
        ({"stored_headers": [3]}, TypeError, "stored_headers must be names"),
        ({"poll_headers": {"X-A": "1"}, "stored_headers": ["X-B"]}, ValueError, "not among poll_headers"),
        ({"cancel_method": "PUT"}, ValueError, "cancel_method must be one of 'POST', 'DELETE'"),
        ({"cancel_method": "DELETE", "pattern": "location"}, ValueError, "needs a cancel_url"),
        ({"cancel_method": "DELETE", "pattern": "resource"}, ValueError, "needs a cancel_url"),
        ({"terminal_words": {"x" * 257: "failed"}}, ValueError, "at most 256"),
        ({"status_member": "x" * 1025}, ValueError, "status_member must be names"),
    ],
)
async def test_rule_45_an_invalid_header_or_method_is_refused_before_any_request(
    client: httpx.AsyncClient, fake_arm: FakeARM, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    """Without its value."""
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(error, match=text) as caught:
            await tracker.begin("PUT", THING, **options)
    assert CANARY not in str(caught.value)
    assert fake_arm.requests == ()


@pytest.mark.parametrize(
    ("params", "named", "sent"),
    [
        ({"a": "1", "b": "x y"}, f"{ORIGIN}/op?t=%2f%2F&api-version=1", "?t=%2f%2F&api-version=1&a=1&b=x+y"),
        ({"A": "1", "b": "2"}, f"{ORIGIN}/op?%61=3&api-version=1", "?%61=3&api-version=1&b=2"),
        ({"api-version": "7"}, f"{ORIGIN}/op?API-Version=1", "?API-Version=1"),
        ({"a": "1"}, f"{EU}/op", ""),
        ({}, f"{ORIGIN}/op?api-version=1", "?api-version=1"),
    ],
)
@EACH_LIBRARY
async def test_rule_45_parameters_of_the_client_are_added_at_the_initial_origin_only(
    library: Library, params: dict[str, str], named: str, sent: str
) -> None:
    """Polls get the parameters that the URL lacks; its own bytes stay."""
    arm = FakeARM()
    arm.operation("DELETE", initial=Reply(202, headers={"Location": named, "Retry-After": "1"}))
    async with (
        client_of(arm, library, params=params) as client,
        azpoll.Tracker(client, on_exit="stop", allowed_origins=[EU]) as tracker,
    ):
        await tracker.begin("DELETE", GROUP)
        await anyio.sleep(1.5)
    assert [request.url for request in arm.requests[1:]] == [named.partition("?")[0] + sent]
