"""`azpoll.identity.auth` keeps one token of a credential, and one request renews it for all."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import anyio
import httpx
import pytest

import azpoll.identity
from azpoll.testing import FakeARM, virtual_backend
from tests.support.clients import LIBRARIES, Library, client_of
from tests.support.credentials import KINDS, Kind, TokenSource, credential_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

pytestmark = pytest.mark.anyio

URL = "/subscriptions/s/resourceGroups/g"
SCOPE = "https://management.azure.com/.default"


BACKENDS: tuple[tuple[Literal["asyncio", "trio"], float], ...] = (("asyncio", 0.0), ("trio", 0.0), ("asyncio", 9e6))
"""Event loops, and the times at which their clocks begin."""


def sent_tokens(arm: FakeARM) -> list[str | None]:
    """Return the token of each request, in order; None for a request without one."""
    headers = (request.headers.get("authorization") for request in arm.requests)
    return [None if header is None else header.removeprefix("Bearer ") for header in headers]


async def concurrently(count: int, call: Callable[[], Coroutine[Any, Any, object]]) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(call)


@pytest.fixture
def source() -> TokenSource:
    return TokenSource()


@pytest.fixture
def arm() -> FakeARM:
    return FakeARM(limits=None)


@pytest.mark.parametrize("library", LIBRARIES)
async def test_one_token_serves_concurrent_requests(library: Library, source: TokenSource, arm: FakeARM) -> None:
    source.latency_s = 2
    auth = azpoll.identity.auth(credential_of(source))
    async with client_of(arm, library, auth=auth) as client:
        await concurrently(20, lambda: client.get(URL))
    assert source.fetches == 1
    assert sent_tokens(arm) == ["token-1"] * 20
    assert source.scopes == [(SCOPE,)]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_of_credential_is_called(kind: Kind, source: TokenSource) -> None:
    """A synchronous credential runs in a worker thread, in real time. Both event loops accept it."""
    arm = FakeARM(limits=None, clock=lambda: 0.0)
    async with client_of(arm, auth=azpoll.identity.auth(credential_of(source, kind))) as client:
        await client.get(URL)
        await client.get(URL)
    assert sent_tokens(arm) == ["token-1"] * 2
    assert source.options == [{"enable_cae": True}]
    assert (threading.get_ident() in source.threads) == kind.startswith("async")


async def test_a_token_is_renewed_once_before_it_expires(source: TokenSource, arm: FakeARM) -> None:
    """Meanwhile the other requests have the old token, and none waits."""
    source.latency_s = 5
    async with client_of(arm, auth=azpoll.identity.auth(credential_of(source))) as client:
        await client.get(URL)
        await anyio.sleep(3600 - 299)
        start_s = anyio.current_time()
        ends: list[float] = []

        async def get() -> None:
            await client.get(URL)
            ends.append(anyio.current_time() - start_s)

        await concurrently(10, get)
    assert source.fetches == 2
    assert sorted(sent_tokens(arm)[1:], key=str) == ["token-1"] * 9 + ["token-2"]
    assert sorted(ends) == pytest.approx([0] * 9 + [5], abs=0.01)


class Life(NamedTuple):
    """The life of a token, and two times after its fetch: it serves at the first, and is renewed at the second."""

    lifetime_s: float
    refresh_after_s: float | None
    fresh_s: float
    due_s: float


LIVES = {
    "5 minutes before its expiry": Life(3600, None, 3290, 3302),
    "refresh_on": Life(3600, 1800, 1790, 1802),
    "half its life": Life(200, None, 95, 102),
    "a refresh_on in the past": Life(3600, -5, 0, 31),
    "a refresh_on after its expiry": Life(3600, 9999, 3590, 3601),
}


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
async def test_a_token_is_renewed_in_time(source: TokenSource, arm: FakeARM, life: Life) -> None:
    source.lifetime_s, source.refresh_after_s = life.lifetime_s, life.refresh_after_s
    async with client_of(arm, auth=azpoll.identity.auth(credential_of(source))) as client:
        await client.get(URL)
        await anyio.sleep(life.fresh_s)
        await client.get(URL)
        assert source.fetches == 1
        await anyio.sleep(life.due_s - life.fresh_s)
        await client.get(URL)
    assert source.fetches == 2


async def test_a_failed_early_renewal_keeps_the_old_token_until_it_expires(
    source: TokenSource, arm: FakeARM, caplog: pytest.LogCaptureFixture
) -> None:
    """The next attempt follows after 30 s. The log names the credential, and not the text of its error."""
    async with client_of(arm, auth=azpoll.identity.auth(credential_of(source))) as client:
        await client.get(URL)
        source.errors = [OSError("p4ssw0rd"), OSError("p4ssw0rd")]
        await anyio.sleep(3400)
        await client.get(URL)
        await client.get(URL)
        assert source.fetches == 2
        await anyio.sleep(31)
        await client.get(URL)
        assert source.fetches == 3
        await anyio.sleep(31)
        await client.get(URL)
    assert sent_tokens(arm) == ["token-1"] * 4 + ["token-4"]
    assert "AsyncInfoCredential returned no token" in caplog.text
    assert "The old token is used for another" in caplog.text
    assert "p4ssw0rd" not in caplog.text


async def test_a_slow_early_renewal_delays_one_request_by_30_s(source: TokenSource, arm: FakeARM) -> None:
    async with client_of(arm, auth=azpoll.identity.auth(credential_of(source))) as client:
        await client.get(URL)
        await anyio.sleep(3400)
        source.latency_s = 10_000
        start_s = anyio.current_time()
        await client.get(URL)
        assert anyio.current_time() - start_s == pytest.approx(30, abs=0.1)
    assert sent_tokens(arm) == ["token-1"] * 2


async def test_an_expired_token_is_never_sent(source: TokenSource, arm: FakeARM) -> None:
    async with client_of(arm, auth=azpoll.identity.auth(credential_of(source))) as client:
        await client.get(URL)
        await anyio.sleep(3600)
        source.errors = [OSError()]
        with pytest.raises(azpoll.identity.CredentialFailed):
            await client.get(URL)
        await client.get(URL)
    assert sent_tokens(arm) == ["token-1", "token-3"]


async def test_requests_that_wait_for_a_token_share_its_failure(source: TokenSource, arm: FakeARM) -> None:
    """Each gets an exception of its own. The next request tries again."""
    source.latency_s, source.errors = 3, [ValueError("no")]
    failures: list[azpoll.identity.CredentialFailed] = []
    async with client_of(arm, auth=azpoll.identity.auth(credential_of(source))) as client:

        async def get() -> None:
            with pytest.raises(azpoll.identity.CredentialFailed) as caught:
                await client.get(URL)
            failures.append(caught.value)

        await concurrently(10, get)
        assert source.fetches == 1
        assert len({id(failure) for failure in failures}) == 10
        assert len({id(failure.__cause__) for failure in failures}) == 1
        assert (await client.get(URL)).request.headers["Authorization"] == "Bearer token-2"


async def test_a_cancelled_request_leaves_the_fetch_to_the_next(source: TokenSource, arm: FakeARM) -> None:
    source.latency_s = 5
    auth = azpoll.identity.auth(credential_of(source))
    async with client_of(arm, auth=auth) as client, anyio.create_task_group() as tasks:
        first = anyio.CancelScope()

        async def leave() -> None:
            with first:
                await client.get(URL)

        tasks.start_soon(leave)
        await anyio.sleep(1)
        tasks.start_soon(client.get, URL)
        await anyio.sleep(1)
        first.cancel()
    assert sent_tokens(arm) == ["token-1"]


async def test_a_token_that_seems_expired_is_used_for_30_s(source: TokenSource, arm: FakeARM) -> None:
    """The clock of the machine may be wrong: a fetch for each request would not help."""
    source.lifetime_s = -7200
    async with client_of(arm, auth=azpoll.identity.auth(credential_of(source))) as client:
        for _ in range(5):
            await client.get(URL)
        await anyio.sleep(31)
        await client.get(URL)
    assert source.fetches == 2


def test_an_auth_serves_one_event_loop_after_another(source: TokenSource) -> None:
    """The token is kept, on the clock of the new event loop."""
    auth = azpoll.identity.auth(credential_of(source))
    for name, start_s in BACKENDS:
        arm = FakeARM(limits=None)
        backend, options = virtual_backend(name, start_s=start_s)

        async def get(arm: FakeARM = arm) -> None:
            async with client_of(arm, auth=auth) as client:
                await concurrently(3, lambda: client.get(URL))

        anyio.run(get, backend=backend, backend_options=dict(options))
        assert sent_tokens(arm) == ["token-1"] * 3
    assert source.fetches == 1


def test_an_expired_token_is_not_taken_to_another_event_loop(source: TokenSource) -> None:
    source.lifetime_s = -1
    auth = azpoll.identity.auth(credential_of(source))
    for expected in ("token-1", "token-2"):
        arm = FakeARM(limits=None)

        async def get(arm: FakeARM = arm) -> None:
            async with client_of(arm, auth=auth) as client:
                await client.get(URL)

        anyio.run(get)
        assert sent_tokens(arm) == [expected]


def test_a_synchronous_client_is_refused(source: TokenSource) -> None:
    auth = azpoll.identity.auth(credential_of(source))
    with httpx.Client(auth=auth) as client, pytest.raises(TypeError, match="AsyncClient"):
        client.get("https://management.azure.com/")
