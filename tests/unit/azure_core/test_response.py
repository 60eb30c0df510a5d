"""A final response as azure-core's classes show it."""

from __future__ import annotations

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.polling import AsyncLROPoller
from azure.core.rest import AsyncHttpResponse

import azpoll
from azpoll.azure_core.response import FinalResponse, pipeline_response
from azpoll.testing import FakeARM
from tests.support.canary import CANARY
from tests.support.clients import client_of
from tests.support.operations import THING

URL = f"https://a.example/b?sig={CANARY}"


def final(content: bytes, status_code: int = 200, content_type: str = "application/json") -> FinalResponse:
    request = httpx.Request("GET", URL)
    headers = {"Content-Type": content_type, "ETag": "1"}
    return FinalResponse(httpx.Response(status_code, headers=headers, content=content, request=request))


@pytest.mark.anyio
async def test_it_has_the_members_of_a_response_of_azure_core() -> None:
    async with final(b'\xef\xbb\xbf{"a": "\xc3\xa9"}') as response:
        assert isinstance(response, AsyncHttpResponse)
        assert (response.status_code, response.reason, response.content_type) == (200, "OK", "application/json")
        assert (response.headers["etag"], response.headers["ETAG"]) == ("1", "1")
        assert (response.url, response.request.method) == (URL, "GET")
        assert (response.is_closed, response.is_stream_consumed) == (True, True)
        assert response.json() == {"a": "\u00e9"}
        assert await response.read() == response.content
        assert [part async for part in response.iter_bytes()] == [response.content]
        assert [part async for part in response.iter_raw()] == [response.content]
        await response.close()
    assert CANARY not in repr(response)


def test_the_encoding_can_be_set() -> None:
    response = final(b"\xe9", content_type="text/plain")
    assert (response.encoding, response.text("latin-1"), response.text()) == (None, "\u00e9", "\ufffd")
    response.encoding = "latin-1"
    assert (response.encoding, response.text()) == ("latin-1", "\u00e9")


def test_a_status_code_of_an_error_raises_on_wish() -> None:
    final(b"", 399).raise_for_status()
    with pytest.raises(HttpResponseError, match="Conflict"):
        final(b"", 409).raise_for_status()
    assert not final(b"", 599).reason


@pytest.mark.parametrize(("content", "data"), [(b'{"a":1}', {"a": 1}), (b"{", None), (b"", None)])
def test_earlier_generated_clients_find_the_data_in_the_context(content: bytes, data: object) -> None:
    response = pipeline_response(httpx.Response(200, content=content, request=httpx.Request("GET", URL)))
    assert response.context["deserialized_data"] == data
    assert response.http_response.content == content


@pytest.mark.anyio
async def test_without_a_deserialization_the_result_is_the_response() -> None:
    """`AsyncLROPoller.from_continuation_token` needs none."""
    arm = FakeARM()
    arm.operation("PUT", duration_s=20)
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        token = (await tracker.begin("PUT", THING)).resume_token()
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        poller = AsyncLROPoller[httpx.Response].from_continuation_token(azpoll.polling(tracker), token)
        assert (await poller).status_code == 200
