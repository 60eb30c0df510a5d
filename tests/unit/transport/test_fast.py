"""The fast transport over real sockets on loopback behaves as the transport of httpx."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest
import trio
import uvloop

import azpoll
from azpoll import fast
from azpoll.fast.response import SHORT_DIGITS
from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.url_policy import origin_of
from azpoll.testing import Cut, Drop, FakeARM, Reply, Script, redirect, status_monitor
from azpoll.transport.client import ClientTransport
from tests.support.clients import new_client

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from azpoll.testing import Step

THING = "/subscriptions/s/resourceGroups/g/things/t?api-version=1"
SUCCEEDED = status_monitor("Succeeded")


@asynccontextmanager
async def serving(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncGenerator[str]:
    """Run a server on loopback that passes each connection to a function."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await answer(reader, writer)

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0)  # one step of the loop closes their sockets


def polled(
    *polls: Step,
    arm: FakeARM | None = None,
    retry_after: float = 0,
    loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> httpx.Response:
    """Run one DELETE to its end over real sockets and return its result."""
    arm = arm or FakeARM()
    arm.operation("DELETE", retry_after=retry_after, polls=[*polls, SUCCEEDED])

    async def run() -> httpx.Response:
        async with (
            arm.serve() as base,
            new_client(transport=fast.transport(), base_url=base) as client,
            azpoll.Tracker(client, min_interval=0.001) as tracker,
        ):
            return await (await tracker.begin("DELETE", THING, headers={"Authorization": "Bearer canary"}))

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(run())


@pytest.mark.slow
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_an_operation_ends_as_over_the_transport_of_httpx(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    assert polled(status_monitor("Running"), loop=loop).json()["status"] == "Succeeded"


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Drop(), Drop(reset=True), Cut(5, SUCCEEDED), Reply(503)], ids=str)
def test_a_failed_poll_is_repeated(fault: Step) -> None:
    assert polled(fault).status_code == 200


async def asked(client: httpx.AsyncClient, *urls: str) -> list[Answer | RequestFailure]:
    """Return the outcomes of polls in sequence; the client request id of each is its number."""
    transport = ClientTransport(client, max_body=1000)
    try:
        return [await transport.poll("GET", url, str(number)) for number, url in enumerate(urls)]
    finally:
        transport.abort()


async def answered(answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> object:
    """Return the outcome of a poll of a server that passes each connection to a function."""
    async with serving(answer) as base, new_client(transport=fast.transport()) as client:
        (outcome,) = await asked(client, f"{base}/poll")
        return outcome


async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    writer.close()


async def cut_chunk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n9\r\nhal")
    writer.close()


@pytest.mark.parametrize("server", [cut, cut_chunk], ids=["length", "chunks"])
def test_a_cut_body_is_a_failed_connection_with_a_head(
    server: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> None:
    outcome = asyncio.run(answered(server))
    assert isinstance(outcome, RequestFailure)
    assert outcome.kind is FailureKind.CONNECTION
    assert outcome.head is not None


def test_errors_are_those_of_httpx() -> None:
    """Users of the client, azpoll among them, recognise them."""

    async def run() -> None:
        async with new_client(transport=fast.transport()) as client:
            async with serving(cut) as base:
                with pytest.raises(httpx.RemoteProtocolError, match="end of file"):
                    await client.get(f"{base}/cut")
                with pytest.raises(httpx.LocalProtocolError):
                    await client.get(base, headers={"X": "line\nbreak"})
            with pytest.raises(httpx.ConnectError):
                await client.get(f"{base}/nobody")

    asyncio.run(run())


def test_a_header_that_is_not_text_is_omitted() -> None:
    """The headers after it count."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX: caf\xe9\r\nY: 1\r\nY: 2\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def run() -> list[tuple[str, str]]:
        async with serving(answer) as base, new_client(transport=fast.transport()) as client:
            return (await client.get(base)).headers.multi_items()

    assert asyncio.run(run()) == [("y", "1"), ("y", "2"), ("content-length", "0")]


HEADERS_READ: list[tuple[bytes, dict[str, str]]] = [
    (b"Retry-After: \r\nRetry-After: 7\r\nRetry-After: 9", {"retry-after": "7"}),
    (b"RETRY-AFTER:  7 \r\nX-Other: 1", {"retry-after": "7"}),
    (b"Retry-After: \t", {}),
    (b"X-Ms-Request-Id: caf\xe9\r\nRetry-After: 7", {"retry-after": "7"}),
    (b"X-Ms-Request-Id: \r\nX-Ms-Request-Id: caf\xe9\r\nRetry-After: 7", {"retry-after": "7"}),
    (b"Transfer-Encoding: caf\xe9\r\nRetry-After: 7", {"retry-after": "7"}),
]


@pytest.mark.parametrize(("sent", "read"), HEADERS_READ, ids=range(len(HEADERS_READ)))
def test_the_headers_of_a_poll_are_read_as_over_any_transport(sent: bytes, read: dict[str, str]) -> None:
    """Names are case-insensitive, and the first value that is not blank counts (rule 1)."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n%b\r\nContent-Length: 0\r\n\r\n" % sent)
        writer.close()

    outcome = asyncio.run(answered(answer))
    assert isinstance(outcome, Answer)
    assert outcome.headers == read


def test_polls_share_the_headers_of_the_client_alone() -> None:
    seen: list[list[bytes]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async def run() -> None:
        headers = {"Authorization": "Bearer canary"}
        async with serving(answer) as base, new_client(transport=fast.transport(), headers=headers) as client:
            await asked(client, f"{base}/a", f"{base}/b", f"{base}/c")

    asyncio.run(run())
    assert [line for sent in seen for line in sent if b"request-id" in line] == [
        b"x-ms-client-request-id: 0",
        b"x-ms-client-request-id: 1",
        b"x-ms-client-request-id: 2",
    ]
    assert all(sent.count(b"authorization: bearer canary") == 1 for sent in seen)


def test_rule_45_headers_of_one_operation_replace_those_of_the_client() -> None:
    seen: list[list[bytes]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async def run() -> None:
        client = new_client(transport=fast.transport(), headers={"X-Tenant": "client"}, params={"a": "1", "B": "2"})
        async with serving(answer) as base, client:
            transport, origin = ClientTransport(client), origin_of(httpx.URL(base))
            for headers in ((), (("x-tenant", "mine"),), (("x-other", "1"),)):
                outcome = await transport.poll("GET", f"{base}/op?b=%2f", headers=headers, params_at=origin)
                assert isinstance(outcome, Answer)
                assert outcome.url == f"{base}/op?b=%2f"
            transport.abort()

    asyncio.run(run())
    lines = [[line.lower() for line in sent if line.lower().startswith(b"x-")] for sent in seen]
    assert lines == [[b"x-tenant: client"], [b"x-tenant: mine"], [b"x-tenant: client", b"x-other: 1"]]
    assert {sent[0] for sent in seen} == {b"GET /op?b=%2f&a=1 HTTP/1.1"}


@pytest.mark.parametrize("length", [0, 1, 10**SHORT_DIGITS - 1, 10**SHORT_DIGITS, 2**20])
@pytest.mark.parametrize("told", [True, False], ids=["told", "chunked"])
def test_bodies_of_any_length_are_complete(length: int, *, told: bool) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        headers = f"Content-Length: {length}" if told else "Transfer-Encoding: chunked"
        chunk = b"%x\r\n%b\r\n" % (length, b"x" * length) if length else b""
        body = b"x" * length if told else chunk + b"0\r\n\r\n"
        writer.write(f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode() + body)
        writer.close()

    async def run() -> int:
        async with serving(answer) as base, new_client(transport=fast.transport()) as client:
            return len((await client.get(base)).content)

    assert asyncio.run(run()) == length


def test_rule_38_a_body_longer_than_its_content_length_is_read_up_to_the_limit() -> None:
    """The `Content-Length` of a chunked body is ignored."""
    sent = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b"10000\r\n%b\r\n" % (b"x" * 65536))
                await writer.drain()
                sent += 65536
        writer.close()

    outcome = asyncio.run(answered(answer))
    assert isinstance(outcome, RequestFailure)
    assert outcome.kind is FailureKind.TOO_LARGE
    assert sent < 2**26


def test_a_streamed_body_is_sent() -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async def run() -> None:
        async with serving(answer) as base, new_client(transport=fast.transport()) as client:
            await client.put(base, content=parts())

    asyncio.run(run())
    assert b"one" in seen[0]
    assert b"two" in seen[0]


@pytest.mark.slow
def test_rule_25_the_retry_after_of_an_answer_with_a_cut_body_counts() -> None:
    """The transport therefore does not read the body together with the head."""
    arm = FakeARM()
    assert polled(Cut(5, Reply(200, {"status": "Running"}, retry_after=2)), arm=arm, retry_after=1).status_code == 200
    arm.no_early_polls()


def test_a_failed_operation_reports_its_error() -> None:
    failed = Reply(200, {"status": "Failed", "error": {"code": "Conflict", "message": "taken"}})
    with pytest.raises(azpoll.OperationFailed, match="Conflict"):
        polled(failed)


def test_only_azpoll_follows_redirects() -> None:
    """The target is checked, so nothing is sent to a foreign origin."""
    foreign = FakeARM()
    arm = FakeARM()

    async def run() -> None:
        async with (
            foreign.serve() as elsewhere,
            arm.serve() as base,
            new_client(transport=fast.transport(), base_url=base, follow_redirects=True) as client,
            azpoll.Tracker(client, min_interval=0.001) as tracker,
        ):
            arm.operation("DELETE", retry_after=0, polls=[redirect(f"{elsewhere}/x", 307), SUCCEEDED])
            operation = await tracker.begin("DELETE", THING)
            with pytest.raises(azpoll.UntrustedPollingURL):
                await operation

    asyncio.run(run())
    assert not foreign.requests


def test_a_redirect_at_the_same_origin_is_followed() -> None:
    arm = FakeARM()
    assert polled(redirect("{poll_url}", 307), arm=arm).status_code == 200
    assert len([request for request in arm.requests if request.method == "GET"]) == 2


@pytest.mark.slow
def test_azpoll_decodes_a_coded_body_within_its_limits() -> None:
    coding = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    small = Reply(200, gzip.compress(json.dumps({"status": "Running"}).encode()), headers=coding)
    bomb = Reply(200, gzip.compress(b'{"status": "Succeeded", "x": "' + b"x" * 2**24 + b'"}'), headers=coding)
    with pytest.raises(azpoll.AnswerTooLarge):
        polled(small, bomb)


SPELLINGS = [
    "/a%2Fb?t=638%2F&c=%20x&s=a+b",
    "/o?sig=ab%2Bcd%3D%3D&se=2024-01-01T00%3A00%3A00Z",
    "/(a)'b;c=d,e~f!g$h*i+j",
    "/%7Ea?b=c%7Ed&x=%41",
    "/a//b?b=a|b^c",
    "/a?x=%e4",
]


async def targets(send: Callable[[str], Awaitable[object]]) -> list[str]:
    """Return the request targets that a server reads."""
    seen: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *_ = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        seen.append(line.split(" ")[1])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async with serving(answer) as base:
        for spelling in SPELLINGS:
            await send(f"{base}{spelling}")
    return seen


def test_rule_12_urls_are_sent_unchanged() -> None:
    """Their queries may be signed."""

    async def run() -> list[str]:
        async with new_client(transport=fast.transport()) as client:
            return await targets(client.get)

    assert asyncio.run(run()) == SPELLINGS


def test_rule_12_polls_are_sent_to_unchanged_urls() -> None:
    """Without an auth, no request object of httpx is built."""

    async def run() -> list[str]:
        async with new_client(transport=fast.transport()) as client:
            return await targets(partial(asked, client))

    assert asyncio.run(run()) == SPELLINGS


def test_a_setting_of_the_caller_applies() -> None:
    async def run() -> None:
        transport = fast.transport(lambda builder: builder.https_only(enable=True))
        async with new_client(transport=transport) as client:
            with pytest.raises(httpx.LocalProtocolError, match="builder error"):
                await client.get("http://127.0.0.1:9")

    asyncio.run(run())


def test_under_trio_the_transport_raises_an_error_when_entered() -> None:
    async def run() -> None:
        with pytest.raises(RuntimeError, match="works under asyncio alone"):
            async with new_client(transport=fast.transport()):
                pass

    trio.run(run)


def test_without_the_extra_the_import_names_the_package_to_install() -> None:
    script = "import sys; sys.modules['pyreqwest'] = None; import azpoll.fast"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert ran.stderr.endswith("azpoll.fast needs pyreqwest: python -m pip install 'azpoll[fast]'\n")


def test_many_operations_share_the_transport() -> None:
    arm = FakeARM(default=Script(duration_s=0.2, retry_after=0), limits=None)

    async def run() -> int:
        async with (
            arm.serve() as base,
            new_client(transport=fast.transport(), base_url=base) as client,
            azpoll.Tracker(client, min_interval=0.05, budget=None) as tracker,
        ):
            begun = (tracker.begin("DELETE", f"/subscriptions/s/things/t{number}") for number in range(200))
            results = await asyncio.gather(*await asyncio.gather(*begun))
            return len(results)

    assert asyncio.run(run()) == 200
    arm.no_requests_after_end()
    arm.one_request_at_a_time()
