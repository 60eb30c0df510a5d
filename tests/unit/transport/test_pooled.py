"""Polls through httpx's own transport pass its objects by, and nobody sees a difference."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio.abc import SocketAttribute

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.transport.client import ClientTransport
from azpoll.transport.library import LIBRARIES
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from anyio.abc import Listener, SocketStream

    from tests.support.clients import Library

pytestmark = pytest.mark.anyio

FINE = b'HTTP/1.1 200 Fine\r\nRetry-After: 7\r\nX-Odd: \xe4\r\nContent-Length: 4\r\n\r\n{"a"'
CUT = b"HTTP/1.1 200 OK\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\nhalf"
SPELLINGS = ("/a/b?c=d&sig=%2B%2F%3D", "/a?", "/a?x='y'", "/%C3%A4/./b", "", "?api-version=1")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Real time: the server is at the other end of a socket."""
    name: str = request.param
    return name


def url_of(listener: Listener[SocketStream]) -> str:
    port: int = listener.extra(SocketAttribute.local_port)  # noqa: S610 - of anyio's
    return f"http://127.0.0.1:{port}"


@asynccontextmanager
async def serving(answer: bytes | None, seen: list[bytes]) -> AsyncGenerator[str]:
    """Yield the URL of a server that keeps what it is sent, and answers once on each connection, or never."""

    async def serve(stream: SocketStream) -> None:
        async with stream:
            seen.append(await stream.receive())
            await (anyio.sleep_forever() if answer is None else stream.send(answer))

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield url_of(listener)
        tasks.cancel_scope.cancel()


async def asked(client: Any, *urls: str) -> list[Answer | RequestFailure]:
    """Return what polls bring."""
    return await asked_through(ClientTransport(client), *urls)


async def asked_through(transport: ClientTransport[Any], *urls: str) -> list[Answer | RequestFailure]:
    transport.open()
    try:
        return [await transport.request("GET", url, limit=1000, client_request_id="canary") for url in urls]
    finally:
        transport.close()


def observed(client: Any) -> list[str]:
    """Let somebody look at each request that the client's own transport gets, as tracers do; returns their targets."""
    targets: list[str] = []
    transport = client._transport  # noqa: SLF001 - so tracers find it
    own = transport.handle_async_request

    async def traced(request: Any) -> Any:
        targets.append(request.url.raw_path.decode())
        return await own(request)

    transport.handle_async_request = traced
    return targets


def client_of(library: Library, **arguments: Any) -> Any:
    headers = {"Authorization": "Bearer canary", "X-Umlaut": b"\xe4"}
    return import_module(library).AsyncClient(**{"headers": headers, "trust_env": False, **arguments})


@EACH_LIBRARY
async def test_what_is_sent_is_what_the_transport_would_send(library: Library) -> None:
    seen: list[bytes] = []
    async with serving(FINE, seen) as base, client_of(library) as plain, client_of(library) as traced:
        urls = [base + spelling for spelling in SPELLINGS]
        await asked(plain, *urls)
        targets = observed(traced)
        await asked(traced, *urls)
    assert len(targets) == len(SPELLINGS)
    assert seen[: len(SPELLINGS)] == seen[len(SPELLINGS) :]
    assert all(b"canary" in request for request in seen)


@EACH_LIBRARY
async def test_no_request_and_no_response_is_made_for_a_poll(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would look at them."""

    def made(*_: object, **__: object) -> None:
        pytest.fail("the transport made a response")

    monkeypatch.setattr(f"{library}._transports.default.Response", made)
    async with serving(FINE, []) as base, client_of(library) as client:
        (answer,) = await asked(client, base + "/a")
    assert isinstance(answer, Answer)


@EACH_LIBRARY
async def test_an_answer_is_what_it_is_through_the_transport(library: Library) -> None:
    async with serving(FINE, []) as base, client_of(library) as plain, client_of(library) as traced:
        observed(traced)
        (ours,), (theirs,) = await asked(plain, base + "/a"), await asked(traced, base + "/a")
    assert isinstance(ours, Answer)
    assert isinstance(theirs, Answer)
    for part in ("status_code", "headers", "body", "url", "method", "raw_headers"):
        assert getattr(ours, part) == getattr(theirs, part)
    assert ours.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    "answer",
    [b"", CUT, b"HTTP/1.1 nonsense\r\n\r\n"],
    ids=["closed", "cut", "nonsense"],
)
@EACH_LIBRARY
async def test_a_failure_is_told_as_it_is_through_the_transport(library: Library, answer: bytes) -> None:
    async with serving(answer, []) as base, client_of(library) as plain, client_of(library) as traced:
        observed(traced)
        (ours,), (theirs,) = await asked(plain, base + "/a"), await asked(traced, base + "/a")
    assert isinstance(ours, RequestFailure)
    assert isinstance(theirs, RequestFailure)
    assert ours.fault is theirs.fault is FailureKind.CONNECTION
    assert ours.detail == theirs.detail
    if answer == CUT:
        assert ours.head is not None
        assert ours.head.headers["retry-after"] == "7"


@EACH_LIBRARY
async def test_a_port_where_nobody_listens_is_told_with_the_systems_own_error(library: Library) -> None:
    async with serving(FINE, []) as base:
        pass
    async with client_of(library) as client:
        (outcome,) = await asked(client, base + "/a")
    assert isinstance(outcome, RequestFailure)
    assert (outcome.fault, outcome.detail) == (FailureKind.CONNECTION, "ConnectError")
    assert isinstance(outcome.cause, OSError)


@EACH_LIBRARY
async def test_a_limit_of_the_clients_is_one_of_the_polls(library: Library) -> None:
    async with serving(None, []) as base, client_of(library, timeout=0.05) as client:
        (outcome,) = await asked(client, base + "/a")
    assert isinstance(outcome, RequestFailure)
    assert (outcome.fault, outcome.detail) == (FailureKind.TIMEOUT, "ReadTimeout")


class Pretender:
    """A wrapper that has all attributes of what it wraps, as those of wrapt do."""

    def __init__(self, wrapped: Any, note: Callable[[], object]) -> None:
        self._wrapped = wrapped
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self._note()
        return self._wrapped(*arguments, **named)


@pytest.mark.parametrize("step", ["send", "_send_single_request", "_transport.handle_async_request"])
@EACH_LIBRARY
async def test_a_wrapper_that_pretends_to_be_what_it_wraps_sees_each_poll(library: Library, step: str) -> None:
    calls: list[str] = []
    async with serving(FINE, []) as base, client_of(library) as client:
        owner, _, name = step.rpartition(".")
        place = getattr(client, owner) if owner else client
        setattr(place, name, Pretender(getattr(place, name), lambda: calls.append(step)))
        await asked(client, base + "/a", base + "/b")
    assert calls == [step, step]


@EACH_LIBRARY
async def test_a_class_that_is_instrumented_before_or_after_sees_each_poll(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    kind = import_module(library).AsyncHTTPTransport
    own = kind.handle_async_request

    async def traced(self: Any, request: Any) -> Any:
        calls.append(request.url.path)
        return await own(self, request)

    async with serving(FINE, []) as base, client_of(library) as client:
        transport = ClientTransport(client)
        monkeypatch.setattr(kind, "handle_async_request", traced)
        await asked(client, base + "/before")
        await asked_through(transport, base + "/after")
    assert calls == ["/before", "/after"]


@EACH_LIBRARY
async def test_a_transport_that_is_derived_from_the_librarys_sees_each_poll(library: Library) -> None:
    calls: list[str] = []
    base: Any = import_module(library).AsyncHTTPTransport

    class Derived(base):  # type: ignore[misc]  # the library is a parameter
        async def handle_async_request(self, request: Any) -> Any:
            calls.append(request.url.path)
            response: object = await base.handle_async_request(self, request)
            return response

    async with serving(FINE, []) as url, client_of(library, transport=Derived()) as client:
        (outcome,) = await asked(client, url + "/a")
    assert isinstance(outcome, Answer)
    assert calls == ["/a"]


@EACH_LIBRARY
async def test_an_answer_that_a_recorder_replays_in_place_of_the_pool_is_read(library: Library) -> None:
    """As VCR.py does; there is nothing behind its bodies that could be closed."""
    core = import_module(LIBRARIES[library])

    async def replay(_: object) -> Any:
        return core.Response(200, headers=[(b"Retry-After", b"7")], content=b"{}")

    async with client_of(library) as client:
        client._transport._pool.handle_async_request = replay  # noqa: SLF001 - so recorders find it
        (outcome,) = await asked(client, "https://management.azure.com/a")
    assert isinstance(outcome, Answer)
    assert (outcome.status_code, outcome.headers, outcome.body) == (200, {"retry-after": "7"}, b"{}")
