"""Clients of azure-core over a `FakeARM`, and a generated management client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import anyio
from azure.core import AsyncPipelineClient
from azure.core.pipeline.policies import (
    ContentDecodePolicy,
    CustomHookPolicy,
    RequestIdPolicy,
    SansIOHTTPPolicy,
)
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.mgmt.core.polling.async_arm_polling import AsyncARMPolling
from azure.mgmt.storage.aio import StorageManagementClient

from azpoll.azure_core.response import FinalResponse
from tests.support.clients import ORIGIN, client_of

if TYPE_CHECKING:
    from types import TracebackType

    import httpx
    from azure.core.rest import AsyncHttpResponse, HttpRequest

    from azpoll.testing import FakeARM


class _Answer(FinalResponse):
    """A response with the request of the pipeline, whose headers the continuation token reads."""

    def __init__(self, response: httpx.Response, request: HttpRequest) -> None:
        super().__init__(response)
        self._request = request


class FakeARMTransport(AsyncHttpTransport[Any, Any]):
    """Sends the requests of azure-core to a `FakeARM`, in any event loop and in virtual time."""

    def __init__(self, arm: FakeARM) -> None:
        self._client = client_of(arm)

    async def open(self) -> None: ...

    async def close(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self.close()

    async def sleep(self, duration: float) -> None:
        await anyio.sleep(duration)

    async def send(self, request: HttpRequest, **_options: object) -> AsyncHttpResponse:
        content: Any = request.content
        response = await self._client.request(request.method, request.url, headers=request.headers, content=content)
        return _Answer(response, request)


class _Credential:
    """A credential that is never asked: the clients have no policy that asks it."""

    async def get_token(self, *_scopes: str, **_options: object) -> Any:
        raise AssertionError("no request needs a token")

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...


def pipeline_client(arm: FakeARM) -> AsyncPipelineClient[Any, Any]:
    """Return a client of azure-core with the policies that its pollers need."""
    policies: list[Any] = [RequestIdPolicy(), CustomHookPolicy(), ContentDecodePolicy()]
    return AsyncPipelineClient(ORIGIN, transport=FakeARMTransport(arm), policies=policies)


def storage_client(transport: AsyncHttpTransport[Any, Any] | None, base_url: str = ORIGIN) -> StorageManagementClient:
    """Return the generated client of Microsoft.Storage; None for its own transport, over aiohttp."""
    options: dict[str, Any] = {} if transport is None else {"transport": transport}
    return StorageManagementClient(
        _Credential(), "s1", base_url=base_url, authentication_policy=SansIOHTTPPolicy(), **options
    )


def arm_polling() -> AsyncARMPolling:
    """Return azure-core's own polling method, which polls each second."""
    return AsyncARMPolling(1)
