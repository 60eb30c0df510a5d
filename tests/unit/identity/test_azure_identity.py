"""The real credentials of azure-identity, with a fake transport in place of Entra ID."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import pytest

import azpoll
import azpoll.identity
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of

if TYPE_CHECKING:
    import httpx
    import httpx2
    from azure.core.credentials import SupportsTokenInfo, TokenCredential
    from azure.core.credentials_async import AsyncSupportsTokenInfo, AsyncTokenCredential

pytest.importorskip("azure.identity")

pytestmark = pytest.mark.anyio

TENANT = "11111111-1111-1111-1111-111111111111"
URL = "/subscriptions/s/resourceGroups/g"
CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1"}}}'


class EntraAnswer:
    """A response as azure-core's pipelines read it."""

    status_code = 200
    reason = "OK"
    content_type = "application/json"
    block_size = 4096

    def __init__(self, request: object, document: object) -> None:
        self.request = request
        self.headers = {"content-type": self.content_type}
        self.internal_response = self
        self._body = json.dumps(document).encode()

    def body(self) -> bytes:
        return self._body

    def text(self, encoding: str | None = None) -> str:
        return self._body.decode(encoding or "utf-8")

    async def load_body(self) -> None:
        """Do nothing: the body is here."""


class Entra:
    """Entra ID as a transport of azure-core, for synchronous credentials.

    Attributes:
        requests: the form fields of each request for a token.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def send(self, request: Any, **_: object) -> EntraAnswer:
        if request.url.endswith("openid-configuration"):
            host = f"https://login.microsoftonline.com/{TENANT}"
            names = ("token_endpoint", "authorization_endpoint", "issuer")
            return EntraAnswer(request, {name: f"{host}/{name}" for name in names})
        self.requests.append(request.body)
        token = f"token-{len(self.requests)}"
        return EntraAnswer(request, {"token_type": "Bearer", "expires_in": 3600, "access_token": token})

    def open(self) -> None:
        """Do nothing: there is no connection."""

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: there is no connection."""


class AsyncEntra(Entra):
    """The same for asynchronous credentials."""

    async def send(self, request: Any, **_: object) -> EntraAnswer:  # type: ignore[override]  # - as azure-core's own
        return super().send(request)

    async def close(self) -> None:  # type: ignore[override]  # - as azure-core's own
        """Do nothing: there is no connection."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Do nothing: there is no connection."""


def client_secret(entra: Entra) -> Any:
    """Return the credential of an application, asynchronous if the transport is."""
    module = import_module("azure.identity.aio" if isinstance(entra, AsyncEntra) else "azure.identity")
    return module.ClientSecretCredential(TENANT, "app", "s3cret", transport=entra, disable_instance_discovery=True)


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
@pytest.mark.parametrize("kind", [Entra, AsyncEntra])
async def test_a_client_secret_signs_in_and_answers_a_challenge(kind: type[Entra], anyio_backend: str) -> None:
    """Neither azure-identity nor its cache needs a call for a request while the token serves."""
    entra = kind()
    credential = client_secret(entra)
    if kind is AsyncEntra and anyio_backend == "trio":
        pytest.skip("the asynchronous credentials of azure-identity need asyncio")
    arm = FakeARM(default=Script(duration_s=0), limits=None, clock=lambda: 0.0)
    arm.require_token("token-1")
    async with client_of(arm, auth=azpoll.identity.auth(credential)) as client:
        async with azpoll.Tracker(client) as tracker:
            await (await tracker.begin("PUT", URL, json={}))
        arm.rotate_token("token-2", claims=CLAIMS)
        assert (await client.get("/x")).status_code == 404
    assert [request["scope"] for request in entra.requests] == ["https://management.azure.com/.default"] * 2
    assert '"nbf"' not in entra.requests[0]["claims"]
    assert "CP1" in entra.requests[0]["claims"]
    assert '"nbf"' in entra.requests[1]["claims"]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("EnvironmentCredential", "set AZURE_TENANT_ID"),
        ("AzureCliCredential", "run `az login`"),
    ],
)
async def test_a_credential_without_a_sign_in_says_what_to_do(
    name: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no variables are set and there is no Azure CLI."""
    monkeypatch.setenv("PATH", "/nowhere")
    for variable in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    credential: Any = getattr(import_module("azure.identity"), name)()
    arm = FakeARM(clock=lambda: 0.0)
    async with client_of(arm, auth=azpoll.identity.auth(credential)) as client:
        with pytest.raises(azpoll.identity.CredentialFailed, match=f"{name} returned no token .*{advice}") as caught:
            await client.get(URL)
    assert type(caught.value.__cause__).__name__ == "CredentialUnavailableError"
    assert not arm.requests


def static_types(
    of_token: TokenCredential,
    of_info: SupportsTokenInfo,
    of_token_async: AsyncTokenCredential,
    of_info_async: AsyncSupportsTokenInfo,
) -> tuple[httpx.Auth, httpx2.Auth]:
    """Pass each protocol of azure-core, and use the auth with each library. Only the type checkers read this."""
    azpoll.identity.auth(of_info)
    azpoll.identity.auth(of_token_async)
    azpoll.identity.auth(of_info_async)
    return azpoll.identity.auth(of_token), azpoll.identity.auth(of_token)
