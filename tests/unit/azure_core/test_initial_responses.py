"""`track` takes what azure-core has of an operation: a continuation token, or the initial response."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from azure.core import AsyncPipelineClient
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.pipeline.transport import HttpRequest as LegacyHttpRequest
from azure.core.polling import AsyncLROPoller
from azure.core.rest import HttpRequest

import azpoll
from azpoll.testing import FakeARM, Reply
from tests.support.azure_clients import arm_polling, pipeline_client
from tests.support.canary import CANARY, shown_by
from tests.support.clients import LIBRARIES, client_of, new_client
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import GROUP, THING

if TYPE_CHECKING:
    from azpoll.testing import Pattern
    from tests.support.clients import Library

ORIGIN = "https://management.azure.com"


def put(url: str = f"{ORIGIN}{THING}") -> HttpRequest:
    return HttpRequest("PUT", url, json={})


async def token_of(arm: FakeARM, url: str = f"{ORIGIN}{THING}") -> str:
    """Return the continuation token of a real poller of azure-core."""
    async with pipeline_client(arm) as azure:
        initial: Any = await azure.send_request(put(url), _return_pipeline_response=True)
        return AsyncLROPoller(azure, initial, lambda response: response, arm_polling()).continuation_token()


@pytest.mark.anyio
@pytest.mark.parametrize("pattern", ["azure-async-operation", "operation-location", "location", "body"])
@EACH_LIBRARY
async def test_rule_57_a_continuation_token_continues_the_operation(library: Library, pattern: Pattern) -> None:
    """With the Retry-After and the client request id of the initial response; no further initial request is sent."""
    arm = FakeARM()
    arm.operation("PUT", pattern=pattern, duration_s=60, retry_after=17, result={"x": 1})
    token = await token_of(arm)
    async with client_of(arm, library) as client, azpoll.Tracker(client) as tracker:
        operation = tracker.track(token, label="continued")
        response = await operation
    assert response.json()["x"] == 1
    assert operation.label == "continued"
    assert [request.method for request in arm.requests].count("PUT") == 1
    assert len({request.headers["x-ms-client-request-id"] for request in arm.requests}) == 1
    arm.no_early_polls()


@pytest.mark.anyio
async def test_wait_and_a_group_take_a_continuation_token_too() -> None:
    arm = FakeARM()
    arm.operation("PUT", duration_s=60)
    token = await token_of(arm)
    async with client_of(arm) as client:
        assert (await azpoll.wait(client, token)).status_code == 200
        async with azpoll.Tracker(client) as tracker, tracker.group("g") as group:
            group.track(token)
        assert tracker.statistics().succeeded == 1


@pytest.mark.anyio
async def test_rule_57_a_token_may_only_name_origins_of_the_caller() -> None:
    """The one of the client's base URL, and those that the tracker lists."""
    arm = FakeARM(default=None)
    arm.operation("PUT", duration_s=10)
    token = await token_of(arm)
    forged = json.loads(base64.b64decode(token))
    forged["data"]["request"]["url"] = f"https://elsewhere.example{THING}&sig={CANARY}"
    text = base64.b64encode(json.dumps(forged).encode()).decode()
    sent = len(arm.requests)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.UntrustedPollingURL, match="names https://elsewhere") as raised:
            tracker.track(text)
        assert CANARY not in shown_by(raised.value)
    async with client_of(arm, base_url="") as client:
        async with azpoll.Tracker(client) as tracker:
            with pytest.raises(azpoll.UntrustedPollingURL):
                tracker.track(token)
        assert len(arm.requests) == sent
        async with azpoll.Tracker(client, allowed_origins=[ORIGIN]) as tracker:
            assert (await tracker.track(token)).status_code == 200


@pytest.mark.anyio
async def test_rule_57_a_polling_url_of_another_origin_in_a_token_is_refused() -> None:
    arm = FakeARM()
    arm.operation("PUT", duration_s=10)
    forged = json.loads(base64.b64decode(await token_of(arm)))
    headers = forged["data"]["response"]["headers"]
    headers.update({name: "https://elsewhere.example/o" for name in headers if name.lower() == "azure-asyncoperation"})
    sent = len(arm.requests)
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        operation = tracker.track(base64.b64encode(json.dumps(forged).encode()).decode())
        with pytest.raises(azpoll.UntrustedPollingURL):
            await operation
    assert len(arm.requests) == sent


@pytest.mark.anyio
async def test_rule_57_a_text_that_is_no_token_is_refused() -> None:
    invalid_url: dict[str, object] = {"version": 1, "data": {
        "request": {"method": "PUT", "url": "https://a.example:port/", "headers": {}},
        "response": {"status_code": 202, "headers": {}, "content": ""},
    }}  # fmt: skip
    async with client_of(FakeARM()) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        for text in ("", "response", "gASVAAAA", base64.b64encode(json.dumps(invalid_url).encode()).decode()):
            with pytest.raises(azpoll.InvalidResumeToken, match="the continuation token cannot be used"):
                tracker.track(text)
        with pytest.raises(azpoll.InvalidResumeToken, match="`track` takes the continuation tokens of azure-core"):
            tracker.resume("gASVAAAA")
        ours = tracker.follow(f"{ORIGIN}/op").resume_token()
        with pytest.raises(azpoll.InvalidResumeToken, match="`resume` takes the resume tokens of azpoll"):
            tracker.track(ours)
    assert tracker.statistics().tracked == 1


@pytest.mark.anyio
async def test_rule_57_the_initial_response_of_azure_core_is_tracked() -> None:
    """As a response, and as the hook of the pipeline gets it."""
    arm = FakeARM()
    for _ in range(2):
        arm.operation("PUT", duration_s=60, retry_after=17)
    hooked: list[Any] = []
    async with pipeline_client(arm) as azure, client_of(arm) as client, azpoll.Tracker(client) as tracker:
        response = await azure.send_request(put())
        assert (await tracker.track(response)).status_code == 200
        await azure.send_request(put(), raw_response_hook=hooked.append)
        assert (await tracker.track(hooked[0])).status_code == 200
    assert len({request.headers["x-ms-client-request-id"] for request in arm.requests}) == 2
    arm.no_early_polls()


@pytest.mark.anyio
async def test_a_refused_initial_request_of_azure_core_starts_nothing() -> None:
    arm = FakeARM()
    arm.operation("PUT", initial=Reply(409, {"error": {"code": "Conflict"}}))
    async with pipeline_client(arm) as azure, client_of(arm) as client, azpoll.Tracker(client) as tracker:
        response = await azure.send_request(put())
        with pytest.raises(azpoll.InitialRequestFailed):
            tracker.track(response)


@pytest.mark.parametrize("library", LIBRARIES)
def test_rule_57_the_responses_of_the_real_transport_of_azure_core(library: Library) -> None:
    """Over aiohttp and sockets: its response before and after its body was read, and its earlier class."""
    arm = FakeARM(limits=None)
    for _ in range(3):
        arm.operation("PUT", duration_s=1, retry_after=1)

    async def main() -> None:
        async with arm.serve() as base_url, new_client(library, base_url=base_url) as client:
            azure: AsyncPipelineClient[Any, Any] = AsyncPipelineClient(base_url, policies=[])
            async with azure, azpoll.Tracker(client) as tracker:
                url = f"{base_url}{GROUP}?api-version=1"
                streamed = await azure.send_request(put(url), stream=True)
                with pytest.raises(ValueError, match="the initial response cannot be used"):
                    tracker.track(streamed)
                await streamed.read()
                operations = [tracker.track(streamed), tracker.track(await azure.send_request(put(url)))]
                async with AioHttpTransport() as transport:
                    legacy = await transport.send(LegacyHttpRequest("PUT", url))
                    await legacy.load_body()
                operations.append(tracker.track(legacy))
                assert [(await operation).status_code for operation in operations] == [200] * 3

    anyio.run(main)
