"""azure-core itself: `AsyncLROPoller` over aiohttp, with the policies of a generated management client."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.peers.loops import HEADERS
from benchmarks.workload import WARMUP

if TYPE_CHECKING:
    from benchmarks.workload import Workload


async def aiohttp(work: Workload) -> None:
    """Await one poller per operation, as azure-core's documentation shows."""
    rest, polling = import_module("azure.core.rest"), import_module("azure.core.polling")
    arm_polling = import_module("azure.mgmt.core.polling.async_arm_polling")
    async with _client(work.origin) as client:

        async def wait(number: int, initial: Any) -> None:
            await asyncio.sleep(work.first_wait_s(number))  # azure-core's own first poll does not wait
            # `timeout` is azure-core's interval where a service names none, or names 0.
            method = arm_polling.AsyncARMPolling(timeout=0)
            poller = polling.AsyncLROPoller(client, initial, str, method)
            await poller.result()

        await client.send_request(rest.HttpRequest("GET", work.monitor(WARMUP)))
        work.warm()
        initial = [await _initial(client, work, number) for number in range(work.operations)]
        with work.clock():
            await asyncio.gather(*(wait(number, response) for number, response in enumerate(initial)))


async def _initial(client: Any, work: Workload, number: int) -> Any:
    """Send the initial request of an operation; returns azure-core's pipeline response."""
    rest = import_module("azure.core.rest")
    request = rest.HttpRequest("POST", work.resource(number))
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
