"""azure-core as a library of the comparison, with the policies of a generated management client."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import anyio
from azure.core import AsyncPipelineClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import policies
from azure.core.pipeline.transport import AsyncHttpResponse, AsyncHttpTransport, HttpRequest
from azure.core.polling import AsyncLROPoller
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy
from azure.mgmt.core.polling.async_arm_polling import AsyncARMPolling

from azpoll.testing import IncomingRequest
from tests.proofs.peers.failures.compared_library import DAY_S, ORIGIN, PASSWORD, QUERY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from azpoll.options import Method
    from azpoll.testing import FakeARM
    from tests.proofs.peers.failures.compared_library import IdentityProvider, Library


class _Credential:
    """The caller's credential.

    azure-core checks the expiry of a token against the wall clock, which stands still in virtual time. So either every
    token is about to expire, and each request gets the current one, or no token expires.
    """

    def __init__(self, provider: IdentityProvider, *, expiring: bool) -> None:
        self._keys = provider
        self._lives_s = 0 if expiring else 36_000

    async def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken(self._keys.token, int(time.time()) + self._lives_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...

    async def close(self) -> None: ...


class _Response(AsyncHttpResponse):
    def __init__(self, request: HttpRequest, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(request, None)
        self.status_code = status
        self.headers = headers
        self.reason = ""
        self.content_type = headers.get("content-type", "")
        self._content = body

    def body(self) -> bytes:
        return self._content


class _Transport(AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    def __init__(self, arm: FakeARM) -> None:
        self._arm = arm

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def __aexit__(self, *_raised: object) -> None: ...

    async def sleep(self, duration: float) -> None:
        await anyio.sleep(duration)

    async def send(self, request: HttpRequest, **_options: object) -> AsyncHttpResponse:
        url = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.body or b""
        content = body if isinstance(body, bytes) else str(body).encode()
        origin = f"{url.scheme}://{url.netloc}"
        exchange = self._arm.exchange(IncomingRequest(request.method, origin, url.path, url.query, headers, content))
        exchange.told()
        exchange.finished(complete=True)
        answered = {name.lower(): value for name, value in exchange.headers}
        return _Response(request, exchange.status or 0, answered, b"".join(exchange.chunks()))


class _Handle:
    def __init__(self, poller: AsyncLROPoller[Any]) -> None:
        self._poller = poller

    async def end(self) -> str:
        with anyio.move_on_after(DAY_S):
            try:
                await self._poller.result()
            except Exception as error:  # noqa: BLE001 - any escaping error is recorded
                says_so = isinstance(error, HttpResponseError) and self._poller.status() in {"Failed", "Canceled"}
                return self._poller.status() if says_so else f"Raises {type(error).__name__}"
            return "Succeeded"
        return "Still polling after a day"

    def token(self) -> str:
        return self._poller.continuation_token()

    def stop(self) -> None:
        """azure-core polls only while it is awaited, so nothing is to stop."""


class _AzureCore:
    def __init__(self, client: AsyncPipelineClient[Any, Any]) -> None:
        self._client = client

    async def begin(self, method: Method, path: str) -> _Handle:
        request = HttpRequest(method, f"{ORIGIN}{path}?{QUERY}")
        request.set_json_body({"password": PASSWORD})
        initial = await self._client._pipeline.run(request)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as generated clients do
        return _Handle(AsyncLROPoller(self._client, initial, _unchanged, AsyncARMPolling()))

    def resume(self, token: str) -> _Handle:
        return _Handle(self._poller_of(token))

    def _poller_of(self, token: str) -> Any:
        return AsyncLROPoller.from_continuation_token(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - generic there
            AsyncARMPolling(), token, client=self._client, deserialization_callback=_unchanged
        )


def _unchanged(response: Any) -> Any:
    return response


async def with_azure_core(
    arm: FakeARM, provider: IdentityProvider, run: Callable[[Library], Awaitable[str]], *, expiring: bool
) -> str:
    """Run a scenario with azure-core; `expiring` tells whether its credential knows the expiry of tokens."""
    credential = _Credential(provider, expiring=expiring)
    pipeline: list[Any] = [
        policies.RequestIdPolicy(),
        policies.ContentDecodePolicy(),
        policies.AsyncRedirectPolicy(),
        policies.AsyncRetryPolicy(),
        AsyncARMChallengeAuthenticationPolicy(credential, f"{ORIGIN}/.default"),
        policies.SensitiveHeaderCleanupPolicy(),
    ]
    async with AsyncPipelineClient[Any, Any](ORIGIN, policies=pipeline, transport=_Transport(arm)) as client:
        return await run(_AzureCore(client))
