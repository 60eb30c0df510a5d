"""Tokens go to trusted origins only, and the clouds have their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import httpx
import pytest

import azpoll
import azpoll.identity
from azpoll.identity import CloudName
from azpoll.testing import FakeARM, Script
from tests.support.clients import LIBRARIES, Library, new_client
from tests.support.credentials import TokenSource, credential_of

if TYPE_CHECKING:
    from azpoll.identity import AzureAuth

pytestmark = pytest.mark.anyio

CLOUDS: dict[CloudName, tuple[str, str]] = {
    "public": ("https://management.azure.com", "https://management.azure.com/.default"),
    "china": ("https://management.chinacloudapi.cn", "https://management.chinacloudapi.cn/.default"),
    "us-government": (
        "https://management.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net/.default",
    ),
}


@pytest.fixture
def source() -> TokenSource:
    return TokenSource()


async def header_at(auth: AzureAuth, url: str, method: str = "GET", **options: Any) -> httpx.Headers:
    """Return the headers of the request that a URL gets."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), auth=auth) as client:
        await client.request(method, url, **options)
    return seen[0].headers


@pytest.mark.parametrize("cloud", get_args(CloudName))
async def test_each_cloud_has_its_own_host_and_scope(cloud: CloudName, source: TokenSource) -> None:
    auth = azpoll.identity.auth(credential_of(source), cloud=cloud)
    for other, (base_url, scope) in CLOUDS.items():
        for url in (f"{base_url}/x", base_url.replace("://", "://westus.") + "/x", f"{base_url}:443/x"):
            assert ("authorization" in await header_at(auth, url)) == (other == cloud)
        if other == cloud:
            assert source.scopes == [(scope,)]


@pytest.mark.parametrize(
    "url",
    [
        "http://management.azure.com/x",
        "https://management.azure.com:8443/x",
        "https://management.azure.com.evil.example/x",
        "https://a.b.management.azure.com/x",
        "https://evilmanagement.azure.com/x",
        "https://azure.com/x",
        "https://account.blob.core.windows.net/x",
        "http://localhost:8000/x",
    ],
)
async def test_no_other_origin_gets_a_token(url: str, source: TokenSource) -> None:
    assert "authorization" not in await header_at(azpoll.identity.auth(credential_of(source)), url)
    assert not source.fetches


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        ("https://gateway.contoso.com", "https://gateway.contoso.com/arm/x"),
        ("https://gateway.contoso.com:8443", "https://gateway.contoso.com:8443/x"),
        ("https://*.contoso.com", "https://gateway.contoso.com/x"),
        ("http://localhost:8000", "http://localhost:8000/x"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/x"),
        ("http://[::1]:8000", "http://[::1]:8000/x"),
    ],
)
async def test_listed_origins_get_the_token_too(origin: str, url: str, source: TokenSource) -> None:
    auth = azpoll.identity.auth(credential_of(source), origins=[origin])
    assert (await header_at(auth, url))["authorization"] == "Bearer token-1"
    assert (await header_at(auth, "https://management.azure.com/x"))["authorization"] == "Bearer token-1"


@pytest.mark.parametrize(
    ("origin", "match"),
    [
        ("http://gateway.contoso.com", "plain http"),
        ("http://10.0.0.1", "plain http"),
        ("http://x.localhost", "plain http"),
        ("https://*.blob.core.windows.net", "strangers"),
        ("https://host/path", "scheme, host and port"),
        ("ftp://host", "not an http or https URL"),
        ("host", "not an http or https URL"),
    ],
)
def test_an_origin_that_would_show_the_token_is_refused(origin: str, match: str, source: TokenSource) -> None:
    with pytest.raises(ValueError, match=match):
        azpoll.identity.auth(credential_of(source), origins=[origin])


async def test_a_refusal_without_a_token_is_explained_once(
    source: TokenSource, caplog: pytest.LogCaptureFixture
) -> None:
    auth = azpoll.identity.auth(credential_of(source))
    transport = httpx.MockTransport(lambda _: httpx.Response(401))
    async with httpx.AsyncClient(transport=transport, auth=auth) as client:
        for _ in range(3):
            assert (await client.get("https://gateway.contoso.com:8443/x?sig=p4ss")).status_code == 401
    [line] = [record.getMessage() for record in caplog.records if record.name == "azpoll"]
    assert "https://gateway.contoso.com:8443 answered 401" in line
    assert "origins" in line
    assert "p4ss" not in line


async def test_many_foreign_origins_take_little_memory(source: TokenSource) -> None:
    auth = azpoll.identity.auth(credential_of(source))
    transport = httpx.MockTransport(lambda _: httpx.Response(401))
    async with httpx.AsyncClient(transport=transport, auth=auth) as client:
        for number in range(600):
            await client.get(f"https://host{number}.example/")
        assert (await client.get("https://management.azure.com/x")).request.headers["authorization"]


async def test_a_401_of_a_foreign_redirect_target_renews_nothing(source: TokenSource) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "management.azure.com":
            return httpx.Response(307, headers={"Location": "https://evil.example/"})
        assert "authorization" not in request.headers
        return httpx.Response(401, headers={"WWW-Authenticate": 'Bearer claims="e30="'})

    auth = azpoll.identity.auth(credential_of(source))
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), auth=auth, follow_redirects=True) as client:
        assert (await client.get("https://management.azure.com/x")).status_code == 401
    assert source.fetches == 1


async def test_a_foreign_monitor_gets_no_token_even_if_the_tracker_trusts_it(source: TokenSource) -> None:
    """`allowed_origins` of the tracker and `origins` of the auth are two decisions."""
    arm = FakeARM(default=Script(duration_s=10))
    async with (
        httpx.AsyncClient(transport=arm.transport(), auth=azpoll.identity.auth(credential_of(source))) as client,
        azpoll.Tracker(client, allowed_origins=["https://other.example"]) as tracker,
    ):
        await (await tracker.begin("PUT", "https://other.example/subscriptions/s/resourceGroups/g"))
    assert not any(request.authorized for request in arm.requests)


@pytest.mark.parametrize("library", LIBRARIES)
async def test_auxiliary_tenants_are_for_requests_that_change_something(library: Library, source: TokenSource) -> None:
    """The initial request has the tokens of the other tenants; polls have not."""
    arm = FakeARM(default=Script(duration_s=10))
    auth = azpoll.identity.auth(credential_of(source), auxiliary_tenants=["b", "c"])
    async with (
        new_client(library, transport=arm.transport(library), base_url=CLOUDS["public"][0], auth=auth) as client,
        azpoll.Tracker(client) as tracker,
    ):
        for _ in range(2):
            await (await tracker.begin("PUT", "/subscriptions/s/resourceGroups/g"))
    assert source.fetches == 3
    for request in arm.requests:
        expected = "Bearer token-2-of-b, Bearer token-3-of-c" if request.method == "PUT" else None
        assert request.headers.get("x-ms-authorization-auxiliary") == expected
        assert request.headers["authorization"] == "Bearer token-1"


async def test_an_expired_auxiliary_token_is_renewed_after_a_401(source: TokenSource) -> None:
    """ARM answers 401 if any of the tokens has expired."""
    seen: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tokens = request.headers["authorization"], request.headers["x-ms-authorization-auxiliary"]
        seen.append(tokens)
        return httpx.Response(200 if tokens[1] == "Bearer token-4-of-b" else 401)

    auth = azpoll.identity.auth(credential_of(source), auxiliary_tenants=["b"])
    source.names = ["own", "old", "own"]
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), auth=auth) as client:
        assert (await client.put("https://management.azure.com/x")).status_code == 200
    assert seen == [("Bearer own", "Bearer old-of-b"), ("Bearer own", "Bearer token-4-of-b")]


async def test_a_foreign_origin_gets_no_auxiliary_token(source: TokenSource) -> None:
    auth = azpoll.identity.auth(credential_of(source), auxiliary_tenants=["b"])
    assert "x-ms-authorization-auxiliary" not in await header_at(auth, "https://other.example/x", "PUT")
    assert not source.fetches


async def test_scopes_of_another_service(source: TokenSource) -> None:
    scope = "https://cognitiveservices.azure.com/.default"
    origins = ["https://mine.cognitiveservices.azure.com"]
    auth = azpoll.identity.auth(credential_of(source), scopes=[scope], origins=origins)
    await header_at(auth, f"{origins[0]}/x")
    assert source.scopes == [(scope,)]


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"cloud": "germany"}, ValueError, "'public', 'china', 'us-government'"),
        ({"scopes": "https://x/.default"}, TypeError, "scopes must be a collection"),
        ({"scopes": []}, ValueError, "scopes is empty"),
        ({"origins": "https://x"}, TypeError, "origins must be a collection"),
        ({"auxiliary_tenants": "abcd"}, TypeError, "auxiliary_tenants must be a collection"),
        ({"auxiliary_tenants": ["a", "b", "c", "d"]}, ValueError, "accepts 3"),
    ],
)
def test_arguments_out_of_range(arguments: Any, error: type[Exception], match: str, source: TokenSource) -> None:
    with pytest.raises(error, match=match):
        azpoll.identity.auth(credential_of(source), **arguments)


def test_the_class_of_a_credential_is_refused(source: TokenSource) -> None:
    kind: Any = type(credential_of(source))
    with pytest.raises(TypeError, match=f"the class {kind.__name__}: call it"):
        azpoll.identity.auth(kind)


def test_an_object_without_tokens_is_refused() -> None:
    not_a_credential: Any = httpx.BasicAuth("a", "b")
    with pytest.raises(TypeError, match="BasicAuth has neither"):
        azpoll.identity.auth(not_a_credential)
