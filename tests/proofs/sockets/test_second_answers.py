"""A second answer that a server sends unasked is not the answer to the next request (threat T18)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from azpoll import fast
from azpoll.protocol.answer import Answer
from azpoll.transport.client import ClientTransport
from tests.proofs.sockets.second_answer_server import (
    FIRST_ANSWERS,
    UNDECODABLE,
    SecondAnswerServer,
    Timing,
    serve,
    tls_contexts,
)
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from azpoll.protocol.answer import RequestFailure
    from tests.proofs.sockets.second_answer_server import Scheme
    from tests.support.clients import Library

pytestmark = pytest.mark.anyio

EACH_LOOP = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
"""In real time, since the sockets are real."""

EACH_SCHEME = pytest.mark.parametrize("scheme", ["http", "https"])


async def _hook(_: object) -> None:
    pass


async def _reading_hook(response: Any) -> None:
    await response.aread()


def _reading_auth(module: Any) -> object:
    class Reading(module.Auth):  # type: ignore[misc]  # - the library is a parameter
        requires_response_body = True

        def auth_flow(self, request: Any) -> Generator[Any, Any]:
            yield request

    return Reading()


def _sending_class(module: Any) -> Any:
    class Client(module.AsyncClient):  # type: ignore[misc]  # - the library is a parameter
        async def send(self, *arguments: Any, **options: Any) -> object:
            return await module.AsyncClient.send(self, *arguments, **options)

    return Client


WAYS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "directly": lambda _: {},
    "auth": lambda _: {"auth": ("user", "word")},
    "reading-auth": lambda module: {"auth": _reading_auth(module)},
    "hooks": lambda _: {"event_hooks": {"response": [_hook]}},
    "reading-hooks": lambda _: {"event_hooks": {"response": [_reading_hook]}},
    "send": lambda module: {"class": _sending_class(module)},
    "send-with-auth": lambda module: {"class": _sending_class(module), "auth": ("user", "word")},
    "send-with-reading-hooks": lambda module: {
        "class": _sending_class(module),
        "event_hooks": {"response": [_reading_hook]},
    },
}
"""The options of a client for each way of a request to its transport (`transport/sender.py`)."""

EACH_WAY = pytest.mark.parametrize("way", WAYS)


async def answers(
    library: str, way: str, first: str, scheme: Scheme, timing: Timing, *, request: str = "poll"
) -> tuple[Answer | RequestFailure, Answer | RequestFailure, int]:
    """Return the answers to two requests, one after the other, and the number of connections."""
    module: Any = import_module("httpx" if library == "fast" else library)
    server_context, client_context, authority = tls_contexts()
    options: dict[str, Any] = {
        "class": module.AsyncClient,
        "verify": client_context,
        "trust_env": False,
        **WAYS[way](module),
    }
    if library == "fast":
        options["transport"] = fast.transport(lambda builder: builder.add_root_certificate_pem(authority))
    server = SecondAnswerServer(
        (FIRST_ANSWERS | UNDECODABLE)[first], timing, server_context if scheme == "https" else None
    )
    async with options.pop("class")(**options) as client, serve(server) as base:
        transport: ClientTransport[Any] = ClientTransport(client)
        if request == "initial":
            options = {"follow_redirects": True} if first == "redirect" else {}
            one = await transport.send_initial(transport.build_initial("PUT", f"{base}/thing", options))
        else:
            method = "POST" if request == "cancel" else "GET"
            one = await transport.poll(method, f"{base}/thing", anonymous=request == "anonymous")
        await server.send_surplus()
        two = await transport.poll("GET", f"{base}/other", anonymous=request == "anonymous")
        return one, two, server.connections


def assert_unharmed(outcome: tuple[Answer | RequestFailure, Answer | RequestFailure, int]) -> None:
    one, two, connections = outcome
    assert isinstance(one, Answer)
    assert b"Succeeded" not in one.body
    assert isinstance(two, Answer)
    assert two.body == b'{"status": "Running"}'
    assert connections == 2, "the first connection was closed"


@EACH_LOOP
@EACH_LIBRARY
@EACH_SCHEME
@pytest.mark.parametrize("timing", ["together", "later"])
@pytest.mark.parametrize("first", FIRST_ANSWERS)
async def test_t18_a_second_answer_is_not_that_of_the_next_poll(
    library: Library, first: str, scheme: Scheme, timing: Timing
) -> None:
    """Behind an answer of any form. The buffers of h11, TLS and anyio hold what came with it."""
    assert_unharmed(await answers(library, "directly", first, scheme, timing))


@EACH_LOOP
@EACH_LIBRARY
@EACH_WAY
@pytest.mark.parametrize("request_kind", ["poll", "cancel", "initial", "anonymous"])
async def test_t18_a_second_answer_harms_no_request_of_any_way(library: Library, way: str, request_kind: str) -> None:
    assert_unharmed(await answers(library, way, "length", "http", "together", request=request_kind))


@EACH_LOOP
@EACH_LIBRARY
@EACH_WAY
async def test_t18_a_second_answer_behind_a_redirect_is_not_that_of_its_target(library: Library, way: str) -> None:
    """An initial request with `follow_redirects=True`."""
    assert_unharmed(await answers(library, way, "redirect", "http", "together", request="initial"))


@EACH_LOOP
@EACH_LIBRARY
@EACH_WAY
@pytest.mark.parametrize("first", UNDECODABLE)
@pytest.mark.parametrize("request_kind", ["poll", "initial"])
async def test_t18_a_second_answer_behind_an_undecodable_one_is_not_the_next(
    library: Library, way: str, first: str, request_kind: str
) -> None:
    _, two, connections = await answers(library, way, first, "http", "together", request=request_kind)
    assert isinstance(two, Answer)
    assert two.body == b'{"status": "Running"}'
    assert connections == 2, "the first connection was closed"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@EACH_SCHEME
@pytest.mark.parametrize("first", FIRST_ANSWERS)
async def test_t18_the_fast_transport_closes_such_a_connection_too(first: str, scheme: Scheme) -> None:
    assert_unharmed(await answers("fast", "directly", first, scheme, "together"))
