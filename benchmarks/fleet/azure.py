"""azure-core itself in virtual time over `FakeARM`, where it is installed; it shows that its model is fair.

Install it by `pip install azure-core==1.41.0 azure-mgmt-core==1.6.0`. Its operations are DELETEs, because it sends a
final GET after a PUT and the other policies do not.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio

from azpoll.testing import IncomingRequest, run_virtual
from benchmarks.fleet.scenario import GROUP, ORIGIN, QUERY, RETRY_AFTER_S, Fleet, Outcome, outcome_at, service

if TYPE_CHECKING:
    from types import TracebackType

    from azpoll.testing import FakeARM


def version() -> str | None:
    """Return azure-core's version; None where it, or azure-mgmt-core, is not installed."""
    try:
        import_module("azure.mgmt.core.polling.async_arm_polling")
        found: str = import_module("azure.core").__version__
    except ImportError:
        return None
    return found


def real(fleet: Fleet, seed: int) -> Outcome:
    """Simulate `AsyncLROPoller` with `AsyncARMPolling` and azure-core's own retries."""
    arm = service(fleet, seed)
    run_virtual(_poll_all, fleet, arm, seed=seed)
    return outcome_at(arm, fleet, f"azure-core {version()} itself")


async def _poll_all(fleet: Fleet, arm: FakeARM) -> None:
    core, policies = import_module("azure.core"), import_module("azure.core.pipeline.policies")
    polling, arm_polling = (
        import_module("azure.core.polling"),
        import_module("azure.mgmt.core.polling.async_arm_polling"),
    )
    http = import_module("azure.core.pipeline.transport")
    failed = import_module("azure.core.exceptions").HttpResponseError
    pipeline = [policies.RequestIdPolicy(), policies.AsyncRetryPolicy()]
    client = core.AsyncPipelineClient(ORIGIN, policies=pipeline, transport=_transport(http, arm))

    async def wait(initial: Any) -> None:
        method = arm_polling.AsyncARMPolling(timeout=RETRY_AFTER_S)
        poller = polling.AsyncLROPoller(client, initial, str, method)
        with suppress(failed):  # a lost wait
            await poller.result()

    async with anyio.create_task_group() as tasks:
        for number in range(fleet.operations):
            request = http.HttpRequest("DELETE", f"{ORIGIN}{GROUP}/Microsoft.Test/widgets/w-{number}?{QUERY}")
            request.headers["x-ms-client-request-id"] = f"w-{number}"
            initial = await client._pipeline.run(request)  # noqa: SLF001 - as generated clients do
            tasks.start_soon(wait, initial)
            await anyio.sleep(fleet.every_s)


def _transport(http: Any, arm: FakeARM) -> Any:
    """Return a transport of azure-core that sends requests to a `FakeARM`."""

    class Response(http.AsyncHttpResponse):  # type: ignore[misc]  # - azure-core is imported when it is measured
        def __init__(self, request: Any, status: int, headers: dict[str, str], body: bytes) -> None:
            http.AsyncHttpResponse.__init__(self, request, None)
            self.status_code = status
            self.headers = headers
            self.reason = ""
            self.content_type = headers.get("content-type", "")
            self._content = body

        def body(self) -> bytes:
            return self._content

    class Transport(http.AsyncHttpTransport):  # type: ignore[misc]  # - azure-core is imported when it is measured
        async def open(self) -> None: ...

        async def close(self) -> None: ...

        async def sleep(self, duration: float) -> None:
            await asyncio.sleep(duration)

        async def __aexit__(
            self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
        ) -> None: ...

        async def send(self, request: Any, **_options: object) -> Any:
            url = urlsplit(str(request.url))
            headers = {name.lower(): value for name, value in request.headers.items()}
            exchange = arm.exchange(IncomingRequest(request.method, ORIGIN, url.path, url.query, headers))
            exchange.told()
            exchange.finished(complete=True)
            answered = {name.lower(): value for name, value in exchange.headers}
            return Response(request, exchange.status or 0, answered, b"".join(exchange.chunks()))

    return Transport()
