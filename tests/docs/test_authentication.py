"""The examples of docs/authentication.md sign in with fake credentials, and send their tokens to a fake service."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Literal, Self

import httpx
import pytest

from azpoll.testing import FakeARM, Script, run_virtual
from tests.docs.test_examples import blocks, namespace_of
from tests.support.credentials import AsyncInfoCredential, TokenSource

CREDENTIALS = ("DefaultAzureCredential", "ManagedIdentityCredential", "ClientSecretCredential")


class FakeCredential(AsyncInfoCredential):
    """Takes the arguments of any credential of azure-identity."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__(TokenSource())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Do nothing: nothing is open."""


def fake_identity(name: str) -> ModuleType:
    module = ModuleType(name)
    for credential in CREDENTIALS:
        setattr(module, credential, FakeCredential)
    hosts = type("AzureAuthorityHosts", (), {"AZURE_GOVERNMENT": "login.microsoftonline.us"})
    setattr(module, hosts.__name__, hosts)
    return module


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("block", blocks("docs/authentication.md"))
def test_each_example_sends_its_token(
    block: str, backend: Literal["asyncio", "trio"], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("azure.identity", "azure.identity.aio"):
        monkeypatch.setitem(sys.modules, name, fake_identity(name))
    arm = FakeARM(default=Script(duration_s=20))

    class Client(httpx.AsyncClient):
        def __init__(self, **options: Any) -> None:
            super().__init__(transport=arm.transport(), **options)

    monkeypatch.setattr(httpx, "AsyncClient", Client)
    run_virtual(namespace_of(block)["main"], backend=backend)
    assert arm.statistics().started
    arm.no_early_polls()
    assert all(request.authorized for request in arm.requests)
    has_others = any("x-ms-authorization-auxiliary" in request.headers for request in arm.requests)
    assert has_others == ("auxiliary_tenants" in block)
