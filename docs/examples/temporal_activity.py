"""A Temporal worker whose activities track operations of Azure. A retried attempt resumes the same operation.

ARM_URL=https://management.azure.com TEMPORAL_ADDRESS=localhost:7233 python temporal_activity.py
"""

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import azpoll
    import azpoll.identity
    import httpx
    from azure.identity import DefaultAzureCredential

TASK_QUEUE = "azure"
HEARTBEAT_S = 5
FINAL = ["InitialRequestFailed", "OperationFailed", "OperationCanceled"]
"""Errors that another attempt cannot repair. After any other error the next attempt resumes the operation."""


@dataclass
class Deployment:
    """A resource and its body."""

    url: str
    body: dict[str, str]


class Activities:
    """The activities of one worker. They share its tracker, and so its read budget."""

    def __init__(self, tracker: azpoll.Tracker[httpx.Response]) -> None:
        self._tracker = tracker

    @activity.defn
    async def deploy(self, deployment: Deployment) -> str:
        """Return the body of the final response. Each heartbeat holds the newest resume token."""
        tokens: list[str] = list(activity.info().heartbeat_details)
        operation = self._tracker.resume(tokens[-1]) if tokens else await self._begin(deployment)
        try:
            while not operation.done():
                activity.heartbeat(operation.resume_token())
                with suppress(azpoll.OperationTimeout):
                    await operation.wait(timeout=HEARTBEAT_S)
            return operation.result().text
        finally:
            operation.stop_tracking()  # the next attempt tracks it

    async def _begin(self, deployment: Deployment) -> azpoll.AsyncOperation[httpx.Response]:
        try:
            return await self._tracker.begin("PUT", deployment.url, json=deployment.body)
        except azpoll.InitialRequestFailed as error:
            if error.resume_token is None:
                raise
            return self._tracker.resume(error.resume_token)


@workflow.defn
class Deploy:
    """A workflow that waits for a deployment for as long as it takes."""

    @workflow.run
    async def run(self, deployment: Deployment) -> str:
        """Return the body of the final response."""
        return await workflow.execute_activity_method(
            Activities.deploy,
            deployment,
            start_to_close_timeout=timedelta(days=1),
            heartbeat_timeout=timedelta(seconds=4 * HEARTBEAT_S),
            retry_policy=RetryPolicy(non_retryable_error_types=FINAL),
        )


async def work(temporal: Client, client: httpx.AsyncClient) -> None:
    """Run workflows and activities until cancelled."""
    async with azpoll.Tracker(client, on_exit="stop") as tracker:
        activities = [Activities(tracker).deploy]
        await Worker(temporal, task_queue=TASK_QUEUE, workflows=[Deploy], activities=activities).run()


async def main() -> None:
    """Connect to Temporal and to Azure, and work."""
    arm_url = os.environ["ARM_URL"]
    auth = azpoll.identity.auth(DefaultAzureCredential(), origins=[arm_url])
    temporal = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    async with httpx.AsyncClient(base_url=arm_url, auth=auth, timeout=120) as client:
        await work(temporal, client)


if __name__ == "__main__":
    asyncio.run(main())
