"""An operation in the shape of azure-core's `AsyncLROPoller`."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import anyio
import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.polling import AsyncLROPoller

import azpoll
from azpoll.testing import FakeARM, Reply
from tests.support.operations import THING

if TYPE_CHECKING:
    import httpx


async def deployed(poller: AsyncLROPoller[httpx.Response]) -> int:
    """A program that is written for azure-core."""
    while not poller.done():  # noqa: ASYNC110 - as such programs do
        await anyio.sleep(5)
    return (await poller.result()).status_code


@pytest.mark.anyio
async def test_a_program_for_azure_core_runs_with_an_operation(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    """Its loop over `done()` ends; with azure-core's own poller it would not."""
    fake_arm.operation("PUT", duration_s=60)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        poller = azpoll.as_poller(operation)
        assert isinstance(poller, AsyncLROPoller)
        assert (poller.status(), poller.done()) == ("InProgress", False)
        assert await deployed(poller) == 200
        assert (poller.status(), poller.done()) == ("Succeeded", True)
        assert await poller is await operation
        await poller.wait()
        method = poller.polling_method()
        assert (method.finished(), method.status()) == (True, "Succeeded")
        assert method.resource() is await operation


@pytest.mark.anyio
async def test_its_token_is_the_resume_token(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=60)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING)
        token = azpoll.as_poller(operation).continuation_token()
        operation.stop_tracking()
        assert (await azpoll.as_poller(tracker.resume(token))).status_code == 200


@pytest.mark.anyio
async def test_the_status_is_the_word_of_the_service_until_the_end(
    client: httpx.AsyncClient, fake_arm: FakeARM
) -> None:
    """At the end it is azure-core's word, with which programs compare it."""
    ended = {"status": "Cancelled", "error": {"code": "Stopped", "message": "by the user"}}
    fake_arm.operation("PUT", polls=[Reply(200, {"status": "Provisioning"}), Reply(200, ended)])
    async with azpoll.Tracker(client) as tracker:
        poller = azpoll.as_poller(await tracker.begin("PUT", THING))
        async for _ in poller.operation.snapshots():
            if poller.operation.snapshot().polls == 1:
                assert poller.status() == "Provisioning"
        assert poller.status() == "Canceled"
        with pytest.raises(HttpResponseError, match="Stopped") as raised:
            await poller.wait()
    assert isinstance(raised.value.__cause__, azpoll.OperationCanceled)
    assert raised.value.error is not None
    assert raised.value.error.code == "Stopped"
    assert raised.value.response is not None
    assert raised.value.status_code == 200


@pytest.mark.anyio
async def test_the_result_may_be_decoded(client: httpx.AsyncClient, fake_arm: FakeARM) -> None:
    fake_arm.operation("PUT", duration_s=5)
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", THING, decode=lambda response: response.status_code)
        assert await azpoll.as_poller(operation) == 200


@pytest.mark.parametrize("call", ["as_poller", "polling"])
def test_without_azure_core_the_error_names_it(call: str) -> None:
    program = (
        "import sys; sys.modules['azure'] = None\n"
        "import azpoll\n"
        f"try: azpoll.{call}(None)\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, capture_output=True, text=True)  # noqa: S603 - its own
    assert "python -m pip install azure-core" in done.stdout
