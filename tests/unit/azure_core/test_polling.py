"""A generated management client hands its operations to a tracker."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

import anyio
import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.polling import AsyncLROPoller
from azure.mgmt.storage.models import StorageAccount, StorageAccountCreateParameters

import azpoll
from azpoll.testing import Drop, FakeARM, Reply
from tests.support.azure_clients import FakeARMTransport, arm_polling, storage_client
from tests.support.clients import LIBRARIES, client_of, new_client
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from azure.mgmt.storage.aio import StorageManagementClient

    from azpoll.azure_core.polling_method import TrackerPolling
    from azpoll.testing import Step
    from tests.support.clients import Library

ACCOUNT: Any = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
RESULT = {"id": "/subscriptions/s1/a", "name": "acc", "properties": {"provisioningState": "Succeeded"}} | ACCOUNT


@asynccontextmanager
async def storage_and_tracker(
    arm: FakeARM,
    library: Library = "httpx",
    *,
    on_exit: Literal["wait", "stop"] = "wait",
    patience: azpoll.Patience = azpoll.Patience(),  # noqa: B008 - frozen
) -> AsyncGenerator[tuple[StorageManagementClient, azpoll.Tracker[Any]], None]:
    """Open a generated client and a tracker over one service."""
    async with (
        storage_client(FakeARMTransport(arm)) as azure,
        client_of(arm, library) as client,
        azpoll.Tracker(client, on_exit=on_exit, patience=patience) as tracker,
    ):
        yield azure, tracker


async def begin(
    client: StorageManagementClient, polling: object, name: str = "acc", **options: Any
) -> AsyncLROPoller[StorageAccount]:
    accounts: Any = client.storage_accounts
    poller: AsyncLROPoller[StorageAccount] = await accounts.begin_create("g", name, ACCOUNT, polling=polling, **options)
    return poller


@pytest.mark.anyio
@pytest.mark.parametrize("pattern", ["azure-async-operation", "location", "body"])
@EACH_LIBRARY
async def test_the_tracker_polls_and_the_generated_client_deserializes(library: Library, pattern: Any) -> None:
    arm = FakeARM()
    arm.operation("PUT", initial_status=202, pattern=pattern, duration_s=60, retry_after=17, result=RESULT)
    async with storage_and_tracker(arm, library) as (azure, tracker):
        poller = await begin(azure, azpoll.polling(tracker, label="acc"))
        assert isinstance(poller, AsyncLROPoller)
        assert not poller.done()
        results = [await poller, await poller.result()]
        method: Any = poller.polling_method()
        operation = method.operation
    assert (operation.label, operation.state) == ("acc", "succeeded")
    assert [type(result) for result in results] == [StorageAccount] * 2
    assert (results[0].name, results[0].kind) == ("acc", "StorageV2")
    assert (poller.status(), poller.done()) == ("Succeeded", True)
    assert tracker.statistics().tracked == 1
    arm.no_early_polls()


@pytest.mark.anyio
async def test_the_tracker_polls_though_no_task_awaits_the_poller() -> None:
    """Both `status` and `finished` move; azure-core's own poller polls only while it is awaited."""
    arm = FakeARM()
    arm.operation("PUT", initial_status=202, duration_s=60, retry_after=20, result=RESULT)
    async with storage_and_tracker(arm) as (azure, tracker):
        poller = await begin(azure, azpoll.polling(tracker))
        first = poller.status(), poller.polling_method().finished()
        await anyio.sleep(70)
        assert first == ("InProgress", False)
        assert (poller.status(), poller.polling_method().finished()) == ("Succeeded", True)


@pytest.mark.anyio
async def test_the_requests_of_both_carry_one_client_request_id() -> None:
    arm = FakeARM()
    arm.operation("PUT", initial_status=202, duration_s=30, result=RESULT)
    async with storage_and_tracker(arm) as (azure, tracker):
        await (await begin(azure, azpoll.polling(tracker)))
    assert len({request.headers["x-ms-client-request-id"] for request in arm.requests}) == 1


@pytest.mark.anyio
async def test_an_operation_without_a_result_gives_none() -> None:
    arm = FakeARM()
    arm.operation("POST", duration_s=30, pattern="location", polls=[Reply(202), Reply(204)])
    async with storage_and_tracker(arm) as (azure, tracker):
        accounts: Any = azure.storage_accounts
        assert await (await accounts.begin_failover("g", "acc", polling=azpoll.polling(tracker))) is None


@pytest.mark.anyio
@pytest.mark.parametrize("outcome", ["Failed", "Canceled"])
async def test_a_failure_is_the_error_that_azure_core_raises(outcome: str) -> None:
    """The same error with azpoll and with azure-core's own polling method: class, code, message and status."""
    found: list[tuple[object, ...]] = []
    for own in (False, True):
        arm = FakeARM()
        arm.operation(
            "PUT",
            initial_status=202,
            duration_s=5,
            outcome=outcome,
            error={"code": "Conflict", "message": "it is taken"},
        )
        async with storage_and_tracker(arm, on_exit="stop") as (azure, tracker):
            poller = await begin(azure, arm_polling() if own else azpoll.polling(tracker))
            with pytest.raises(HttpResponseError) as raised:
                await poller
        error = raised.value
        assert error.error is not None
        found.append((type(error), error.error.code, error.message, error.status_code, poller.status()))
        assert own or isinstance(error.__cause__, azpoll.OperationError)
    assert found[0] == found[1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([Reply(401)], ClientAuthenticationError),
        ([Reply(403)], ClientAuthenticationError),
        ([Reply(404)], ResourceNotFoundError),
        ([Reply(503)], HttpResponseError),
        ([Drop()], ServiceResponseError),
        ([Reply(200, "{")], HttpResponseError),
    ],
)
async def test_a_status_that_cannot_be_read_is_an_error_of_azure_core(
    steps: list[Step], expected: type[AzureError]
) -> None:
    """The error has the resume token, with which another process goes on."""
    arm = FakeARM()
    arm.operation("PUT", initial_status=202, polls=steps * 50)
    patience = azpoll.Patience(attempts=2, seconds=1)
    async with storage_and_tracker(arm, patience=patience) as (azure, tracker):
        poller = await begin(azure, azpoll.polling(tracker))
        with pytest.raises(expected) as raised:
            await poller
        assert type(raised.value) is expected
        assert isinstance(raised.value.__cause__, azpoll.PollingError)
        assert raised.value.continuation_token == raised.value.__cause__.resume_token
        assert poller.done() is False
        assert poller.polling_method().finished()


@pytest.mark.anyio
async def test_a_deadline_and_a_closed_tracker_are_errors_of_azure_core() -> None:
    arm = FakeARM()
    arm.operation("PUT", initial_status=202, duration_s=600)
    async with storage_and_tracker(arm, on_exit="stop") as (azure, tracker):
        late = await begin(azure, azpoll.polling(tracker, timeout=5))
        left = await begin(azure, azpoll.polling(tracker))
        with pytest.raises(ServiceResponseTimeoutError):
            await late
    with pytest.raises(AzureError) as raised:
        await left
    assert isinstance(raised.value.__cause__, azpoll.TrackerClosed)
    assert raised.value.continuation_token


@pytest.mark.anyio
@pytest.mark.parametrize("own", [False, True])
async def test_a_token_of_azpoll_and_of_azure_core_continues_without_an_initial_request(*, own: bool) -> None:
    """`continuation_token=` of the generated client takes either."""
    arm = FakeARM()
    arm.operation("PUT", initial_status=202, duration_s=60, retry_after=10, result=RESULT)
    async with storage_and_tracker(arm, on_exit="stop") as (azure, tracker):
        poller = await begin(azure, arm_polling() if own else azpoll.polling(tracker))
        token = poller.continuation_token()
    async with storage_and_tracker(arm) as (azure, tracker):
        poller = await begin(azure, azpoll.polling(tracker), continuation_token=token)
        assert isinstance(await poller, StorageAccount)
    assert [request.method for request in arm.requests].count("PUT") == 1
    arm.no_early_polls()


@pytest.mark.anyio
async def test_a_token_that_cannot_be_used_is_an_error_of_azure_core() -> None:
    arm = FakeARM()
    async with storage_and_tracker(arm) as (azure, tracker):
        for token in ("no token", "gASVAAAA", "eyJ2ZXJzaW9uIjoyfQ=="):
            with pytest.raises(AzureError, match="token cannot be used"):
                await begin(azure, azpoll.polling(tracker), continuation_token=token)
    assert arm.requests == ()


@pytest.mark.anyio
async def test_a_polling_method_that_is_used_twice_loses_no_operation() -> None:
    """azure-core's own gives the second operation's result to the first poller."""
    arm = FakeARM()
    arm.operation("PUT", initial_status=202, duration_s=30, result=RESULT)
    async with storage_and_tracker(arm) as (azure, tracker):
        method = azpoll.polling(tracker)
        first = await begin(azure, method)
        arm.operation("PUT", initial_status=202, duration_s=30, result=RESULT | {"name": "second"})
        with pytest.raises(RuntimeError, match="a polling method serves one operation"):
            await begin(azure, method, "second")
        assert (await first).name == "acc"
    assert tracker.statistics().succeeded == 2


@pytest.mark.anyio
async def test_a_polling_method_without_an_operation_says_so() -> None:
    async with client_of(FakeARM()) as client, azpoll.Tracker(client) as tracker:
        method: TrackerPolling = azpoll.polling(tracker)
        for call in (method.status, method.finished, method.resource, method.get_continuation_token):
            with pytest.raises(ValueError, match="no operation was begun"):
                call()
        with pytest.raises(ValueError, match="no operation was begun"):
            _ = method.operation


@pytest.mark.anyio
async def test_a_group_polls_for_a_generated_client() -> None:
    arm = FakeARM()
    arm.operation("PUT", initial_status=202, duration_s=30, result=RESULT)
    async with storage_and_tracker(arm) as (azure, tracker), tracker.group("deploy") as group:
        poller: Any = await begin(azure, azpoll.polling(group))
    assert poller.polling_method().operation.label == "deploy"
    assert (await poller).name == "acc"


@pytest.mark.anyio
async def test_a_poll_url_of_another_origin_is_refused() -> None:
    """azure-core's own polling method sends the bearer token there."""
    arm = FakeARM()
    foreign = {"Azure-AsyncOperation": "https://elsewhere.example/o"}
    arm.operation("PUT", initial=Reply(202, RESULT | {"properties": {"provisioningState": "Creating"}}, foreign))
    async with storage_and_tracker(arm) as (azure, tracker):
        poller = await begin(azure, azpoll.polling(tracker))
        with pytest.raises(AzureError) as raised:
            await poller
    assert isinstance(raised.value.__cause__, azpoll.UntrustedPollingURL)
    assert len(arm.requests) == 1


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_generated_client_over_aiohttp_and_sockets(library: Library) -> None:
    """The transport of azure-core's own, and its response as the initial one."""
    arm = FakeARM()
    parameters = StorageAccountCreateParameters(**ACCOUNT)

    async def main() -> StorageAccount:
        async with arm.serve() as base_url, storage_client(None, base_url) as azure, new_client(library) as client:
            arm.operation("PUT", initial_status=202, duration_s=1, retry_after=1, result=RESULT)
            async with azpoll.Tracker(client) as tracker:
                polling = azpoll.polling(tracker)
                accounts: Any = azure.storage_accounts
                poller = await accounts.begin_create("g", "acc", parameters, polling=polling)
                created: StorageAccount = await poller.result()
                return created

    assert anyio.run(main).name == "acc"
