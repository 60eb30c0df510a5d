"""Clients with a credential of each kind, and the texts that a user, a log or a crash report can see."""

from __future__ import annotations

import asyncio
import pickle
import ssl
import traceback
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import trustme

import azpoll
from tests.proofs.security.two_host_network import HOME, Network
from tests.proofs.security.url_entries import ACCEPTED, THING, OpenTracker, answer
from tests.support.canary import CANARY
from tests.support.clients import ClientOptions, Library, new_client

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable

    from tests.proofs.security.url_entries import CallResult

T = TypeVar("T")

Scheme = Literal["http", "https"]
SCHEMES: tuple[Scheme, ...] = ("http", "https")

SECRET = "s1gn4tur3-0f-4-url"
"""A secret in the query of a foreign URL: the home server may know it, but no error may show it."""
COOKIE = "c00k13-0f-h0m3"
"""A cookie of the home server; no other server may receive it."""


def _bearer(_: Library) -> ClientOptions:
    return {"headers": {"Authorization": f"Bearer {CANARY}"}}


def _api_key(_: Library) -> ClientOptions:
    return {"headers": {"x-api-key": CANARY, "Ocp-Apim-Subscription-Key": CANARY}}


def _cookie(_: Library) -> ClientOptions:
    return {"cookies": {"session": CANARY}}


def _auth(library: Library) -> ClientOptions:
    base: Any = import_module(library).Auth

    class Signer(base):  # type: ignore[misc]  # - the library is a parameter
        def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
            request.headers["Authorization"] = f"Bearer {CANARY}"
            yield request

    return {"auth": Signer()}


def _event_hook(_: Library) -> ClientOptions:
    async def sign(request: Any) -> None:
        request.headers["Authorization"] = f"Bearer {CANARY}"

    return {"event_hooks": {"request": [sign], "response": []}}


CREDENTIALS: dict[str, Callable[[Library], ClientOptions]] = {
    "bearer": _bearer,
    "API key": _api_key,
    "cookie": _cookie,
    "auth": _auth,
}

WITH_HOOK = {**CREDENTIALS, "event hook": _event_hook}
"""And a hook of the caller. With hooks, the client itself reads the target of each redirect, and may fail there."""


@cache
def _tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the TLS contexts of the home server and of a client that trusts it."""
    authority, server, client = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(HOME).configure_cert(server)  # pyright: ignore[reportUnknownMemberType] - OpenSSL's too
    authority.configure_trust(client)  # pyright: ignore[reportUnknownMemberType] - OpenSSL's too
    return server, client


@asynccontextmanager
async def open_tracker(
    library: Library,
    scheme: Scheme,
    credential: str,
    allowed_origins: Iterable[str] = (),
    anonymous_origins: Iterable[str] = (),
) -> AsyncGenerator[tuple[OpenTracker, Network]]:
    """Open a tracker with a credential; yield it with the network."""
    network = asyncio.get_running_loop()
    assert isinstance(network, Network)
    server, verify = _tls()
    options: ClientOptions = {"base_url": f"{scheme}://{HOME}", "verify": verify, "trust_env": False}
    options.update(WITH_HOOK[credential](library))
    origin = f"{scheme}://{HOME}"
    async with (
        network.serve(scheme, server if scheme == "https" else None),
        new_client(library, **options) as client,
        azpoll.Tracker(
            client,
            budget=None,
            allowed_origins=allowed_origins,
            anonymous_origins=anonymous_origins,
            on_exit="stop",
        ) as tracker,
    ):
        if credential == "cookie":  # a cookie jar with cookies takes another code path
            network.home.answer_with([answer(204, Set_Cookie=f"home={COOKIE}; Path=/")])
            await client.get("/cookies")
        network.home.answer_with([ACCEPTED])
        operation = await tracker.begin("PUT", THING)
        token = operation.resume_token()
        operation.stop_tracking()
        yield OpenTracker(tracker, network.home, origin, token), network


def run(main: Callable[[], Awaitable[T]]) -> T:
    """Run an async function in the network."""

    async def awaited() -> T:
        return await main()

    with asyncio.Runner(loop_factory=Network) as runner:
        return runner.run(awaited())


def printable_text(result: CallResult) -> str:
    """Return the text of all printable objects of a result."""
    shown = [repr(each) for each in result.shown]
    if result.error is not None:
        shown += [str(result.error), repr(result.error)]
    if isinstance(result.error, azpoll.AzpollError):
        shown += [repr(result.error.reported), repr(result.error.response)]
    return "\n".join(shown)


def stored_text(result: CallResult) -> str:
    """Return the text of the traceback and the pickle of an error."""
    error = result.error
    if error is None:
        return ""
    lines = traceback.format_exception(error)
    return "\n".join([*lines, repr(pickle.loads(pickle.dumps(error))), pickle.dumps(error, 0).decode("latin-1")])  # noqa: S301 - our own
