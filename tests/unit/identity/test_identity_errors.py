"""Failures of a credential name its class and the next step, and quote no secret."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import httpx
import httpx2
import pytest

import azpoll
import azpoll.identity
from azpoll.identity import CredentialFailed
from azpoll.identity.credential import TokenRequest
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of
from tests.support.credentials import AsyncInfoCredential, InfoCredential, TokenSource, credential_of

pytestmark = pytest.mark.anyio

URL = "/subscriptions/s/resourceGroups/g"


class AzureCliCredential(AsyncInfoCredential):
    """A credential with the name of that of azure-identity."""


@pytest.fixture
def source() -> TokenSource:
    return TokenSource()


async def test_rule_26_a_failing_credential_is_named_with_the_next_step(source: TokenSource) -> None:
    arm = FakeARM(default=Script(duration_s=100))
    source.errors = [None, *[ValueError("p4ssw0rd")] * 9]
    source.lifetime_s = 40
    async with (
        client_of(arm, auth=azpoll.identity.auth(AzureCliCredential(source))) as client,
        azpoll.Tracker(client) as tracker,
    ):
        operation = await tracker.begin("PUT", URL)
        with pytest.raises(azpoll.AuthenticationFailed) as caught:
            await operation
    text = str(caught.value)
    assert "AzureCliCredential returned no token for https://management.azure.com/.default" in text
    assert "ValueError: run `az login`" in text
    assert "p4ssw0rd" not in text
    assert isinstance(caught.value.__cause__, CredentialFailed)
    assert isinstance(caught.value.__cause__.__cause__, ValueError)
    assert caught.value.resume_token


async def test_the_initial_request_was_not_sent(source: TokenSource) -> None:
    source.errors = [ValueError("no")] * 9
    arm = FakeARM(default=Script())
    async with (
        client_of(arm, auth=azpoll.identity.auth(credential_of(source))) as client,
        azpoll.Tracker(client) as tracker,
    ):
        with pytest.raises(azpoll.InitialRequestFailed, match="AsyncInfoCredential returned no token") as caught:
            await tracker.begin("POST", URL)
    assert not caught.value.may_have_acted
    assert not arm.requests


@pytest.mark.parametrize(
    ("token", "match"),
    [
        (None, "without the text of a token"),
        ("text", "without the text of a token"),
        (SimpleNamespace(token="", expires_on=9e9), "without the text of a token"),
        (SimpleNamespace(token="a b", expires_on=9e9), "without the text of a token"),
        (SimpleNamespace(token="a\r\nb: c", expires_on=9e9), "without the text of a token"),
        (SimpleNamespace(token=b"bytes", expires_on=9e9), "without the text of a token"),
        (SimpleNamespace(token="p4ss", expires_on=None), "expires_on"),
        (SimpleNamespace(token="p4ss", expires_on=float("nan")), "expires_on"),
        (SimpleNamespace(token="p4ss", expires_on="2026-01-01"), "expires_on"),
        (SimpleNamespace(token="p4ss", expires_on=9e9, token_type="pop"), "type 'pop'"),
    ],
)
async def test_an_unusable_token_is_refused(token: object, match: str) -> None:
    class Broken:
        async def get_token(self, *scopes: str, **options: object) -> Any:  # noqa: ARG002 - of the protocol
            return token

    async with client_of(FakeARM(), auth=azpoll.identity.auth(Broken())) as client:
        with pytest.raises(CredentialFailed, match=f"Broken returned .*{match}") as caught:
            await client.get(URL)
    assert "p4ss" not in str(caught.value)


async def test_a_synchronous_function_may_return_an_awaitable(source: TokenSource) -> None:
    """As a wrapper of a coroutine function does."""

    class Wrapped:
        def get_token_info(self, *scopes: str, options: azpoll.identity.TokenRequestOptions | None = None) -> Any:
            return AsyncInfoCredential(source).get_token_info(*scopes, options=options)

    arm = FakeARM(clock=lambda: 0.0)
    async with client_of(arm, auth=azpoll.identity.auth(Wrapped())) as client:
        await client.get(URL)
    assert arm.requests[0].headers["authorization"] == "Bearer token-1"


async def test_texts_show_no_token(source: TokenSource) -> None:
    auth = azpoll.identity.auth(InfoCredential(source))
    assert repr(auth) == "<azpoll.identity.auth of InfoCredential>"
    assert "token-1" not in repr(await TokenRequest(credential_of(source), ("scope",)).fetch())


async def test_one_request_may_have_an_auth_of_its_own(source: TokenSource) -> None:
    """`begin` takes it as any other auth of the library."""
    arm = FakeARM(default=Script())
    async with client_of(arm) as client, azpoll.Tracker(client) as tracker:
        await (await tracker.begin("PUT", URL, auth=azpoll.identity.auth(credential_of(source))))
    assert [request.authorized for request in arm.requests] == [request.method == "PUT" for request in arm.requests]


def test_a_failure_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(CredentialFailed("no token")))  # noqa: S301 - of this test
    assert isinstance(error, azpoll.AzpollError)
    assert str(error) == "no token"


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
def test_an_auth_is_one_of_each_library(library: Any, source: TokenSource) -> None:
    auth = azpoll.identity.auth(credential_of(source))
    assert isinstance(auth, library.Auth)
    assert isinstance(auth, azpoll.identity.AzureAuth)
    library.AsyncClient(auth=auth)


async def test_a_credential_in_the_place_of_a_client_names_the_function(source: TokenSource) -> None:
    credential: Any = InfoCredential(source)
    advice = r"not InfoCredential. .*azpoll\.identity\.auth\(credential\)"
    with pytest.raises(TypeError, match=advice):
        azpoll.Tracker(credential)
    with pytest.raises(TypeError, match=advice):
        await azpoll.wait(credential, httpx.Response(202))


async def test_a_credential_in_the_place_of_an_auth_names_the_function(source: TokenSource) -> None:
    async with client_of(FakeARM(default=Script())) as client, azpoll.Tracker(client) as tracker:
        with pytest.raises(TypeError, match=r"azpoll\.identity\.auth\(credential\)"):
            await tracker.begin("PUT", URL, auth=InfoCredential(source))
