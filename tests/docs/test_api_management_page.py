"""docs/api-management.md: the examples run behind a gateway that hides ARM, and send the gateway's key nowhere else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from azpoll.testing import FakeARM, Script, run_virtual
from tests.docs.test_authentication import CREDENTIALS, fake_identity
from tests.docs.test_examples import blocks, namespace_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MOVED, REFUSED = (block.values[0] for block in blocks("docs/api-management.md"))
GATEWAY = "https://contoso.azure-api.net/arm"
ORIGIN = "https://management.azure.com"


class Gateway(httpx.AsyncBaseTransport):
    """Forwards each request to the ARM behind it, which no client reaches itself."""

    def __init__(self, arm: FakeARM) -> None:
        self._behind = arm.transport()
        self.tokens: set[str | None] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        assert url.startswith(f"{GATEWAY}/")
        assert request.headers["ocp-apim-subscription-key"] == "not-a-secret"
        self.tokens.add(request.headers.get("authorization"))
        headers = {**request.headers, "host": "management.azure.com"}
        forwarded = httpx.Request(
            request.method, ORIGIN + url.removeprefix(GATEWAY), headers=headers, stream=request.stream
        )
        return await self._behind.handle_async_request(forwarded)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> Any:
    return request.param


def run(main: Callable[[], Awaitable[None]], arm: FakeARM, backend: Any) -> None:
    run_virtual(main, backend=backend)
    assert arm.statistics().started == arm.statistics().told == 1
    arm.no_early_polls()
    arm.no_requests_elsewhere(ORIGIN)


def test_each_request_goes_through_the_gateway(
    backend: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arm = FakeARM(default=Script(duration_s=20))
    gateway = Gateway(arm)

    class Client(httpx.AsyncClient):
        def __init__(self, **options: Any) -> None:
            super().__init__(transport=gateway, **options)

    monkeypatch.setitem(sys.modules, "azure.identity", fake_identity("azure.identity"))
    monkeypatch.setenv("GATEWAY_KEY", "not-a-secret")
    monkeypatch.setattr(httpx, "AsyncClient", Client)
    assert "DefaultAzureCredential" in CREDENTIALS
    run(namespace_of(MOVED)["main"], arm, backend)
    assert capsys.readouterr().out == "Succeeded\n"
    (token,) = gateway.tokens
    assert token is not None


def test_a_refused_url_is_resumed_with_the_option(backend: Any, capsys: pytest.CaptureFixture[str]) -> None:
    arm = FakeARM(default=Script(duration_s=20))
    headers = {"Ocp-Apim-Subscription-Key": "not-a-secret"}

    async def main() -> None:
        async with httpx.AsyncClient(transport=Gateway(arm), base_url=GATEWAY, headers=headers) as client:
            await namespace_of(REFUSED)["main"](client)

    run(main, arm, backend)
    assert ORIGIN in capsys.readouterr().out
