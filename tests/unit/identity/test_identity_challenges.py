"""A 401 renews the token once; a claims challenge is answered with its claims (rule 26)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

import azpoll
import azpoll.identity
from azpoll.testing import FakeARM, Script
from tests.support.clients import LIBRARIES, Library, client_of
from tests.support.credentials import KINDS, Kind, TokenSource, credential_of
from tests.unit.identity.test_identity_tokens import URL, concurrently, sent_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
pytestmark = pytest.mark.anyio

CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"},"x":"\\u00fc?>>"}}'


@pytest.fixture
def source() -> TokenSource:
    return TokenSource()


@pytest.fixture
def arm() -> FakeARM:
    arm = FakeARM(limits=None, latency_s=0.1, default=Script(duration_s=30, retry_after=5))
    arm.require_token("token-1")
    return arm


@pytest.fixture(params=LIBRARIES)
async def client(request: Any, source: TokenSource, arm: FakeARM) -> AsyncIterator[httpx.AsyncClient]:
    library: Library = request.param
    async with client_of(arm, library, auth=azpoll.identity.auth(credential_of(source))) as opened:
        yield opened


async def test_rule_26_one_claims_challenge_is_answered_for_all(
    client: httpx.AsyncClient, source: TokenSource, arm: FakeARM
) -> None:
    """Ordinary requests share one renewal too."""
    await client.get(URL)
    arm.rotate_token("token-2", claims=CLAIMS)
    await concurrently(10, lambda: client.get(URL))
    assert source.options == [{"enable_cae": True}, {"enable_cae": True, "claims": CLAIMS}]
    assert sent_tokens(arm) == ["token-1"] * 11 + ["token-2"] * 10


async def test_rule_26_a_tracker_shares_the_renewal(
    client: httpx.AsyncClient, source: TokenSource, arm: FakeARM
) -> None:
    async with azpoll.Tracker(client) as tracker:
        operations = [await tracker.begin("PUT", f"{URL}{number}") for number in range(12)]
        arm.rotate_token("token-2", claims=CLAIMS)
        for operation in operations:
            assert (await operation).status_code == 200
    assert source.options == [{"enable_cae": True}, {"enable_cae": True, "claims": CLAIMS}]
    arm.no_early_polls()


async def test_rule_26_a_wait_outlives_many_tokens(source: TokenSource, arm: FakeARM) -> None:
    """Ten hours with tokens of an hour: every token is renewed before it expires, so no request is refused."""
    arm = FakeARM(default=Script(duration_s=36_000, retry_after=60))
    async with (
        client_of(arm, auth=azpoll.identity.auth(credential_of(source))) as client,
        azpoll.Tracker(client) as tracker,
    ):
        await (await tracker.begin("PUT", URL))
    assert 10 <= source.fetches <= 12
    assert None not in sent_tokens(arm)
    assert len(set(sent_tokens(arm))) == source.fetches


@pytest.mark.parametrize("kind", KINDS)
async def test_rule_26_each_kind_of_credential_gets_the_claims(kind: Kind, source: TokenSource) -> None:
    arm = FakeARM(limits=None, clock=lambda: 0.0)
    arm.rotate_token("token-2", claims=CLAIMS)
    async with client_of(arm, auth=azpoll.identity.auth(credential_of(source, kind), tenant_id="t")) as client:
        source.names = ["token-1", "token-2"]
        await client.get(URL)
    assert source.options[-1] == {"enable_cae": True, "claims": CLAIMS, "tenant_id": "t"}


async def test_rule_26_a_401_without_claims_renews_the_token_once(
    client: httpx.AsyncClient, source: TokenSource, arm: FakeARM
) -> None:
    await client.get(URL)
    arm.rotate_token("token-2")
    await concurrently(10, lambda: client.get(URL))
    assert source.options == [{"enable_cae": True}] * 2
    assert (await client.get(URL)).request.headers["Authorization"] == "Bearer token-2"


@pytest.mark.parametrize("claims", [None, CLAIMS])
async def test_rule_26_the_same_token_is_not_sent_again(
    client: httpx.AsyncClient, source: TokenSource, arm: FakeARM, claims: str | None
) -> None:
    """A credential that returns the refused token is not called for each 401 either, but again after 30 s."""
    source.names = ["token-1"] * 5
    await client.get(URL)
    arm.rotate_token("token-9", claims=claims)
    await concurrently(10, lambda: client.get(URL))
    assert (await client.get(URL)).status_code == 401
    assert source.fetches == 2
    assert sent_tokens(arm) == ["token-1"] * 12
    await anyio.sleep(31)
    assert (await client.get(URL)).status_code == 401
    assert source.fetches == 3


async def test_rule_26_a_new_token_that_is_refused_ends_the_request(client: httpx.AsyncClient, arm: FakeARM) -> None:
    arm.rotate_token("another", claims=CLAIMS)
    assert (await client.get(URL)).status_code == 401
    assert sent_tokens(arm) == ["token-1", "token-2"]


async def test_rule_26_a_failed_answer_to_a_challenge_is_chained(
    client: httpx.AsyncClient, source: TokenSource, arm: FakeARM
) -> None:
    """As with the Azure CLI, which cannot answer challenges."""
    async with azpoll.Tracker(client) as tracker:
        operation = await tracker.begin("PUT", URL)
        arm.rotate_token("token-2", claims=CLAIMS)
        source.errors = [RuntimeError("claims are not supported")] * 9
        with pytest.raises(azpoll.AuthenticationFailed, match="AsyncInfoCredential returned no token") as caught:
            await operation
    assert isinstance(caught.value.__cause__, azpoll.identity.CredentialFailed)
    assert isinstance(caught.value.__cause__.__cause__, RuntimeError)


async def test_rule_26_refused_polls_share_a_failure(
    client: httpx.AsyncClient, source: TokenSource, arm: FakeARM
) -> None:
    """A credential that starts a process for each call is called three times, not three times for each operation."""
    async with azpoll.Tracker(client, on_exit="stop", budget=None, durations=None) as tracker:
        operations = [await tracker.begin("PUT", f"{URL}{number}") for number in range(12)]
        arm.rotate_token("token-2", claims=CLAIMS)
        source.errors, source.latency_s = [RuntimeError("no")] * 99, 3
        for operation in operations:
            with pytest.raises(azpoll.AuthenticationFailed):
                await operation
    assert source.fetches <= 8


async def test_rule_53_a_request_that_was_refused_with_401_was_not_executed(
    client: httpx.AsyncClient, source: TokenSource, arm: FakeARM
) -> None:
    """Even if the credential then fails: the error does not say that the POST may have acted."""
    source.errors = [None, *[RuntimeError("no")] * 20]
    arm.rotate_token("token-2", claims=CLAIMS)
    async with azpoll.Tracker(client) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed, match="refused with 401") as caught:
            await tracker.begin("POST", f"{URL}/action")
    assert not caught.value.may_have_acted
    assert isinstance(caught.value.__cause__, azpoll.identity.CredentialFailed)


async def test_a_streamed_body_is_sent_once(source: TokenSource) -> None:
    """The token is renewed all the same, for the next request."""
    bodies: list[bytes] = []

    class Refusing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            assert isinstance(request.stream, httpx.AsyncByteStream)
            bodies.append(b"".join([chunk async for chunk in request.stream]))
            return httpx.Response(401)

    async def body() -> AsyncIterator[bytes]:
        yield b"{}"

    async with httpx.AsyncClient(transport=Refusing(), auth=azpoll.identity.auth(credential_of(source))) as client:
        assert (await client.put("https://management.azure.com/x", content=body())).status_code == 401
        assert bodies == [b"{}"]
        assert (await client.put("https://management.azure.com/x", content=b"1")).status_code == 401
        assert bodies == [b"{}", b"1", b"1"]
    assert source.fetches == 3


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "challenge",
    [
        f'Bearer realm="", error="insufficient_claims", claims="{encoded(CLAIMS)}"',
        f'bearer claims="{encoded(CLAIMS).rstrip("=")}"',
        f"Bearer error=insufficient_claims,claims={encoded(CLAIMS).rstrip('=')}",
        f'PoP nonce="x", Bearer authorization_uri="https://a/?b=c,d", claims="{encoded(CLAIMS)}"',
        f'Bearer claims="{base64.b64encode(CLAIMS.encode()).decode()}"',
    ],
)
async def test_the_forms_of_a_claims_challenge(challenge: str, source: TokenSource) -> None:
    assert (await asked_for(challenge, source)).get("claims") == CLAIMS


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "Bearer",
        'Bearer error="invalid_token"',
        'Bearer claims=""',
        'Bearer claims="%%%"',
        'Bearer claims="a"',
        f'Bearer claims="{encoded("[1]")}"',
        f'Bearer claims="{encoded("no json")}"',
        f'Bearer claims="{encoded("[" * 9000)}"',
        f'Bearer claims="{base64.b64encode(bytes([255, 254])).decode()}"',
        f'Bearer claims="{encoded(CLAIMS + " " * 20_000)}"',
        f'Basic claims="{encoded(CLAIMS)}"',
    ],
)
async def test_any_other_challenge_has_no_claims(challenge: str, source: TokenSource) -> None:
    assert "claims" not in await asked_for(challenge, source)


async def asked_for(challenge: str, source: TokenSource) -> azpoll.identity.TokenRequestOptions:
    """Return the options of the request for a token that answers a challenge."""

    def answer(request: httpx.Request) -> httpx.Response:
        is_new = request.headers["authorization"] == "Bearer token-2"
        return httpx.Response(200) if is_new else httpx.Response(401, headers={"WWW-Authenticate": challenge})

    auth = azpoll.identity.auth(credential_of(source))
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), auth=auth) as client:
        assert (await client.get("https://management.azure.com/x")).status_code == 200
    assert source.fetches == 2
    return source.options[1]
