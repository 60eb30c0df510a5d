"""`ClientTransport` without a tracker: conversion of messages, initial requests, cancellation, a closed client."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.testing import Delay, FakeARM
from azpoll.transport.client import ClientTransport
from azpoll.transport.sender import Sender
from tests.support.canary import CANARY
from tests.support.clients import ORIGIN, Library, client_of, new_client
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

THING = "/subscriptions/s/resourceGroups/g/things/t"


def mocked(library: Library, response: object) -> httpx.AsyncClient:
    def answer(_: object) -> object:
        return response

    module = import_module(library)
    client: httpx.AsyncClient = new_client(library, transport=module.MockTransport(answer))
    return client


@EACH_LIBRARY
async def test_headers_that_are_not_ascii_are_unchanged(library: Library) -> None:
    """Services send names and messages in headers, in UTF-8 or Latin-1."""
    module = import_module(library)
    raw = [
        (b"x-utf8", "Gr\u00fc\u00dfe".encode()),
        (b"x-latin", "Gr\u00fc\u00dfe".encode("latin-1")),
        (b"Retry-After", b"\xff5"),
    ]
    async with mocked(library, module.Response(200, headers=raw, content=b"{}")) as client:
        transport = ClientTransport(client)
        outcome = await transport.poll("GET", ORIGIN)
        assert isinstance(outcome, Answer)
        again = transport.response_from(outcome)
        assert again.headers.raw[:3] == raw
        assert type(again).__module__.startswith(library)
        assert transport.answer_from(again)[0].headers["retry-after"] == "\xff5"


@EACH_LIBRARY
async def test_a_response_is_rebuilt_without_its_coding(library: Library) -> None:
    module = import_module(library)

    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"a": 1}'

    headers = [("Content-Encoding", "identity"), ("Transfer-Encoding", "chunked"), ("x", "1"), ("x", "2")]
    async with mocked(library, module.Response(201, headers=headers, content=chunks())) as client:
        transport = ClientTransport(client)
        outcome = await transport.poll("GET", f"{ORIGIN}/x?y=1")
        assert isinstance(outcome, Answer)
        again = transport.response_from(outcome)
    assert again.json() == {"a": 1}
    assert (again.status_code, str(again.url), again.request.method) == (201, f"{ORIGIN}/x?y=1", "GET")
    assert again.headers.get_list("x") == ["1", "2"]
    assert "content-encoding" not in again.headers
    assert "transfer-encoding" not in again.headers


async def test_a_poll_with_a_closed_client_fails_and_sends_nothing() -> None:
    client = mocked("httpx", httpx.Response(200))
    transport = ClientTransport(client)
    await client.aclose()
    outcome = await transport.poll("GET", ORIGIN)
    assert isinstance(outcome, RequestFailure)
    assert (outcome.kind, outcome.detail) == (FailureKind.UNSENDABLE, "the HTTP client is closed")


@EACH_LIBRARY
async def test_a_cancellation_of_a_request_from_outside_is_raised(library: Library) -> None:
    arm = FakeARM()
    arm.operation("GET", polls=[Delay(1000)])
    async with client_of(arm, library, timeout=None) as client:
        transport = ClientTransport(client)
        with anyio.move_on_after(5) as scope:
            await transport.poll("GET", f"{ORIGIN}/x")
        assert not scope.cancelled_caught  # it was answered
        arm.operation("PUT", THING, initial=Delay(1000))
        with anyio.move_on_after(5) as scope:
            await transport.poll("PUT", f"{ORIGIN}{THING}")
        assert scope.cancelled_caught


@EACH_LIBRARY
async def test_the_url_class_of_a_client_is_known_before_it_sends(library: Library) -> None:
    async with new_client(library) as client:
        assert Sender(client).parse_url(f"{ORIGIN}/x") == import_module(library).URL(f"{ORIGIN}/x")


@EACH_LIBRARY
async def test_an_initial_request_has_a_client_request_id_and_no_content_coding(library: Library) -> None:
    async with new_client(library, base_url=ORIGIN) as client:
        transport = ClientTransport(client)
        first, second = (transport.build_initial("put", THING, {"json": {"a": 1}}) for _ in range(2))
        own = transport.build_initial("PUT", THING, {"headers": {"x-ms-client-request-id": "mine"}})
    assert (first.method, first.url, first.is_repeatable) == ("PUT", f"{ORIGIN}{THING}", True)
    assert first.client_request_id
    assert first.client_request_id != second.client_request_id
    assert own.client_request_id == "mine"
    assert first.message.headers["accept-encoding"] == "identity"


@EACH_LIBRARY
async def test_an_initial_request_with_a_streamed_body_is_not_repeatable(library: Library) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"{}"

    async with new_client(library) as client:
        request = ClientTransport(client).build_initial("PUT", f"{ORIGIN}{THING}", {"content": parts()})
    assert not request.is_repeatable


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        (f"https://h:{CANARY}/x", {}),
        (ORIGIN, {"unknown": 1}),
        (ORIGIN, {"headers": 7}),
        ("ftp://h/x", {}),
        ("/x", {}),
    ],
    ids=["no URL", "unknown argument", "no headers", "scheme", "relative"],
)
async def test_arguments_that_make_no_request_are_an_error(
    url: str, arguments: dict[str, object], library: Library
) -> None:
    async with new_client(library) as client:
        with pytest.raises(ValueError, match="no request can be made of these arguments") as raised:
            ClientTransport(client).build_initial("PUT", url, arguments)
    assert CANARY not in str(raised.value)


@EACH_LIBRARY
async def test_an_initial_request_without_a_host_is_an_error(library: Library) -> None:
    async with new_client(library, base_url="https:") as client:
        with pytest.raises(ValueError, match="the URL names no host"):
            ClientTransport(client).build_initial("PUT", "/x", {})


@EACH_LIBRARY
async def test_the_client_request_id_of_an_initial_request_is_the_one_that_was_sent(library: Library) -> None:
    """An event hook may change it, and polls repeat it (rule 45)."""

    async def change(request: Any) -> None:
        request.headers["x-ms-client-request-id"] = "changed"

    arm = FakeARM()
    async with client_of(arm, library, event_hooks={"request": [change]}) as client:
        transport = ClientTransport(client)
        request = transport.build_initial("DELETE", THING, {})
        assert isinstance(await transport.send_initial(request), Answer)
    assert request.client_request_id == "changed"
    assert arm.requests[0].headers["x-ms-client-request-id"] == "changed"


@EACH_LIBRARY
async def test_an_initial_request_that_fails_is_a_failure(library: Library) -> None:
    async def fail(_: Any) -> None:
        raise ValueError(CANARY)

    async with client_of(FakeARM(), library, event_hooks={"request": [fail]}) as client:
        transport = ClientTransport(client)
        outcome = await transport.send_initial(transport.build_initial("DELETE", THING, {}))
    assert isinstance(outcome, RequestFailure)
    assert outcome.kind is FailureKind.HOOK


@EACH_LIBRARY
async def test_only_a_complete_response_with_its_request_is_an_answer(library: Library) -> None:
    made: Any = import_module(library)
    request = made.Request("PUT", ORIGIN, headers={"x-ms-client-request-id": "mine"})
    async with new_client(library) as client:
        transport = ClientTransport(client)
        answer, client_request_id = transport.answer_from(made.Response(202, json={}, request=request))
        assert (answer.status_code, answer.method, answer.url, client_request_id) == (202, "PUT", ORIGIN, "mine")
        for incomplete in (made.Response(202), made.Response(202, stream=made.AsyncByteStream(), request=request)):
            with pytest.raises(ValueError, match="the initial response cannot be used"):
                transport.answer_from(incomplete)
        other: Any = "202"
        with pytest.raises(TypeError, match="a response of httpx, httpx2 or azure-core is needed, not str"):
            transport.answer_from(other)
