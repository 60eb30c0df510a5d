"""azure-core itself: `AsyncLROPoller` over aiohttp, with the policies of a generated management client."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.peers.naive import HEADERS
from benchmarks.scene import WARMUP

if TYPE_CHECKING:
    from benchmarks.scene import Scene


async def aiohttp(scene: Scene) -> None:
    """Await one poller for each operation, as its documentation says."""
    rest, polling = import_module("azure.core.rest"), import_module("azure.core.polling")
    arm_polling = import_module("azure.mgmt.core.polling.async_arm_polling")
    async with _client(scene.origin) as client:

        async def poll(number: int, initial: Any) -> None:
            await asyncio.sleep(scene.first_s(number))  # azure-core's own first poll does not wait
            # Its interval where a service names none, or 0: it takes that as none.
            method = arm_polling.AsyncARMPolling(timeout=0)
            poller = polling.AsyncLROPoller(client, initial, str, method)
            await poller.result()

        await client.send_request(rest.HttpRequest("GET", scene.monitor(WARMUP)))
        scene.warm()
        initial = [await _initial(client, scene, number) for number in range(scene.operations)]
        with scene.measured():
            await asyncio.gather(*(poll(number, response) for number, response in enumerate(initial)))


async def _initial(client: Any, scene: Scene, number: int) -> Any:
    """Return what azure-core makes of the answer to the POST that began an operation."""
    rest = import_module("azure.core.rest")
    request = rest.HttpRequest("POST", scene.resource(number))
    answered = await client.send_request(request, _return_pipeline_response=True)
    assert answered.http_response.status_code == 202
    return answered


def _client(origin: str) -> Any:
    policies = import_module("azure.core.pipeline.policies")
    registration = import_module("azure.mgmt.core.policies").AsyncARMAutoResourceProviderRegistrationPolicy
    redirect = policies.AsyncRedirectPolicy()
    pipeline = [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy(HEADERS),
        policies.UserAgentPolicy(sdk_moniker="mgmt-compute/34.0.0"),
        policies.ProxyPolicy(),
        policies.ContentDecodePolicy(),
        registration(),
        redirect,
        policies.AsyncRetryPolicy(),
        policies.CustomHookPolicy(),
        policies.NetworkTraceLoggingPolicy(),
        policies.DistributedTracingPolicy(),
        policies.SensitiveHeaderCleanupPolicy(),
        policies.HttpLoggingPolicy(),
    ]
    return import_module("azure.mgmt.core").AsyncARMPipelineClient(base_url=origin, policies=pipeline)
