"""docs/migrating.md: each example runs, with the real azure-core and a real generated client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.polling import AsyncLROPoller
from azure.core.rest import HttpRequest

from azpoll.testing import FakeARM, Script, run_virtual
from tests.docs.test_examples import blocks, namespace_of
from tests.support.azure_clients import FakeARMTransport, arm_polling, pipeline_client, storage_client
from tests.support.clients import ORIGIN, client_of
from tests.support.operations import THING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

POLLING, POLLER, TOKEN = (block.values[0] for block in blocks("docs/migrating.md"))


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> Any:
    return request.param


def run(example: str, backend: Any, call: Callable[[Any, FakeARM, Any], Awaitable[None]]) -> None:
    """Run the `main` of an example with a client, and what `call` adds."""
    arm = FakeARM(default=Script(initial_status=202, duration_s=20, result={"name": "account"}))
    main = namespace_of(example)["main"]

    async def run_main() -> None:
        async with client_of(arm) as client:
            await call(main, arm, client)

    run_virtual(run_main, backend=backend)
    assert arm.statistics().started == 1
    arm.no_early_polls()


def test_a_generated_client_with_azpolls_polling(backend: Any, capsys: pytest.CaptureFixture[str]) -> None:
    async def call(main: Any, arm: FakeARM, client: Any) -> None:
        async with storage_client(FakeARMTransport(arm)) as storage:
            await main(client, storage)

    run(POLLING, backend, call)
    assert capsys.readouterr().out == "account Succeeded\n"


def test_code_that_expects_a_poller(backend: Any, capsys: pytest.CaptureFixture[str]) -> None:
    async def call(main: Any, _arm: FakeARM, client: Any) -> None:
        await main(client)

    run(POLLER, backend, call)
    assert capsys.readouterr().out == "200\n"


def test_an_operation_that_azure_core_began(backend: Any, capsys: pytest.CaptureFixture[str]) -> None:
    async def call(main: Any, arm: FakeARM, client: Any) -> None:
        async with pipeline_client(arm) as azure:
            request = HttpRequest("PUT", f"{ORIGIN}{THING}", json={})
            initial: Any = await azure.send_request(request, _return_pipeline_response=True)
            await main(client, AsyncLROPoller(azure, initial, lambda response: response, arm_polling()))

    run(TOKEN, backend, call)
    assert capsys.readouterr().out == "account\n"
