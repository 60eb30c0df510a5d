"""Rule 17: an empty body that ended with the connection may have been cut."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute

from azpoll import fast
from azpoll.protocol.answer import Answer
from azpoll.transport.body import is_complete
from azpoll.transport.client import ClientTransport
from azpoll.transport.headers import read_headers
from tests.support.clients import new_client
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from anyio.abc import SocketStream

    from tests.support.clients import Library

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status_code", "headers", "version", "complete"),
    [
        (200, {}, b"HTTP/1.1", False),
        (201, {}, b"HTTP/1.0", False),
        (200, {}, "HTTP/1.1", False),
        (204, {}, b"HTTP/1.1", True),
        (200, {"content-length": "0"}, b"HTTP/1.1", True),
        (200, {"Transfer-Encoding": "gzip, Chunked"}, b"HTTP/1.1", True),
        (200, {"transfer-encoding": "gzip"}, b"HTTP/1.1", False),
        (200, {}, b"HTTP/2", True),
        (200, {}, b"HTTP/3", True),
        (200, {}, b"HTTP/2.0", False),
        (200, {}, b"HTTP/0.9", False),
        (200, {}, b"HTTP/9.9", False),
        (200, {}, None, True),
        (200, {"Content-Encoding": "gzip", "content-length": "0"}, b"HTTP/2", False),
        (200, {"Content-Encoding": "identity"}, b"HTTP/2", True),
        (204, {"Content-Encoding": "gzip"}, b"HTTP/1.1", True),
    ],
)
def test_rule_17_the_head_says_whether_a_blank_body_is_complete(
    status_code: int, headers: dict[str, str], version: object, *, complete: bool
) -> None:
    """Headers may be bytes or text, and their names are in any case. A server of HTTP/1 can name any two numbers."""
    as_bytes = [(name.encode(), value.encode()) for name, value in headers.items()]
    for raw in (as_bytes, [*headers.items()]):
        answer = Answer(
            status_code, read_headers(raw), b"", "https://a.example", datetime.now(UTC), 0.0, raw_headers=raw
        )
        assert is_complete(answer, version, is_blank=True) is complete


BLANK_BODIES = [b"", b" ", b"\r\n", b"\n\t \n", b"\xef\xbb\xbf", b"\xef\xbb", b"\xff\xfe \x00", b"\x00\x00\xfe\xff\x00"]
"""How JSON may begin before its first mark: blanks and byte order marks."""


@pytest.mark.parametrize(
    ("body", "complete"), [*((body, False) for body in (*BLANK_BODIES, b" {", b"tr")), (b" {}\r\n", True)]
)
async def test_rule_17_an_initial_response_is_marked_too(body: bytes, *, complete: bool) -> None:
    """The caller received it whole; a response of a mock without a version is complete."""
    request = httpx.Request("PUT", "https://h/x")
    response = httpx.Response(200, content=body, request=request, extensions={"http_version": b"HTTP/1.1"})
    response.headers.pop("Content-Length", None)
    async with new_client() as client:
        transport = ClientTransport(client)
        answer, _ = transport.answer_from(response)
        mocked, _ = transport.answer_from(httpx.Response(200, content=body, request=request))
    assert (answer.is_complete, mocked.is_complete) == (complete, True)
    assert answer.body in {b"", body}


HEADS = [
    (b"1.1 200 OK\r\nConnection: close\r\n\r\n", False),
    (b"1.0 200 OK\r\n\r\n", False),
    (b"1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
    (b"1.1 200 OK\r\nContent-Length: 0\r\nContent-Encoding: gzip\r\n\r\n", False),
    (b"1.1 200 OK\r\nConnection: close\r\n\r\n\xef\xbb\xbf\r\n", False),
    (b"1.0 200 OK\r\n\r\n ", False),
]
"""Answers after `HTTP/`, and whether the empty body is complete."""


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])  # in real time, since the server is real
@EACH_LIBRARY
@pytest.mark.parametrize(("head", "complete"), HEADS)
async def test_rule_17_a_blank_body_that_ends_with_the_connection_is_marked(
    library: Library, head: bytes, *, complete: bool
) -> None:
    """Over the transport of each library."""
    async with new_client(library) as client:
        assert await polled_over_http(client, head) is complete


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(("head", "complete"), HEADS)
@pytest.mark.parametrize("auth", [None, httpx.BasicAuth("user", "word")], ids=["directly", "by requests of httpx"])
async def test_rule_17_the_fast_transport_marks_it_too(head: bytes, auth: object, *, complete: bool) -> None:
    """On both of its ways."""
    async with new_client(transport=fast.transport(), auth=auth) as client:
        assert await polled_over_http(client, head) is complete


async def polled_over_http(client: httpx.AsyncClient, head: bytes) -> bool:
    """Poll a server that sends this answer and closes the connection; return whether the empty body is complete."""

    async def answer(connection: SocketStream) -> None:
        async with connection:
            await connection.receive()
            await connection.send(b"HTTP/" + head)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        port = dict(listener.extra_attributes)[SocketAttribute.local_port]()
        tasks.start_soon(listener.serve, answer)
        outcome = await ClientTransport(client).poll("GET", f"http://127.0.0.1:{port}/")
        tasks.cancel_scope.cancel()
        assert isinstance(outcome, Answer)
        assert outcome.body == b""
        return outcome.is_complete
    raise AssertionError("the server ended first")
