"""Bodies are read within a limit, which also holds for decompression bombs (rules 17, 38)."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.transport.body import CHUNKS_AT_ONCE, PIECE, SMALL, SMALL_CHUNKS, read_body
from azpoll.transport.client import ClientTransport
from azpoll.transport.raw_response import raw_response
from azpoll.transport.transport import MAX_BODY
from tests.support.clients import Library, new_client
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable

pytestmark = pytest.mark.anyio

MEBIBYTE = 1024 * 1024


async def read(
    library: Library,
    chunks: Iterable[bytes],
    coding: str | None,
    limit: int = MAX_BODY,
    content_length: str | None = None,
    *,
    read_by_auth: bool = False,
    read_in_flow: bool = False,
    with_hooks: bool = False,
) -> Answer | RequestFailure:
    """Return the outcome of a poll whose response body consists of these chunks, perhaps read by the client's auth."""
    module: Any = import_module(library)

    class Stream(module.AsyncByteStream):  # type: ignore[misc]  # - the library is a parameter
        def __init__(self) -> None:
            self.chunks = iter(chunks)

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self

        async def __anext__(self) -> bytes:
            for chunk in self.chunks:
                return chunk
            raise StopAsyncIteration

    def answer(_: httpx.Request) -> httpx.Response:
        headers = {"x": "y"} if coding is None else {"Content-Encoding": coding}
        if content_length is not None:
            headers["Content-Length"] = content_length
        response: httpx.Response = module.Response(200, headers=headers, stream=Stream())
        return response

    async def hook(_: object) -> None:
        pass

    auth = _reading_auth(module, in_flow=read_in_flow) if read_by_auth or read_in_flow else None
    hooks = {"request": [hook]} if with_hooks else {}
    client: httpx.AsyncClient = new_client(
        library, transport=module.MockTransport(answer), auth=auth, event_hooks=hooks
    )
    async with client:
        return await ClientTransport(client, max_body=limit).poll("GET", "https://x.example/")


def _reading_auth(module: Any, *, in_flow: bool = False) -> object:
    """Return an auth that signs nothing, but needs the body of each response, or reads it in its flow."""

    class Reading(module.Auth):  # type: ignore[misc]  # - the library is a parameter
        requires_response_body = not in_flow

        def auth_flow(self, request: Any) -> Generator[Any, Any]:
            yield request

    class ReadingInFlow(Reading):
        async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
            response = yield request
            await response.aread()

    return ReadingInFlow() if in_flow else Reading()


def body_of(outcome: Answer | RequestFailure) -> bytes:
    assert isinstance(outcome, Answer)
    return outcome.body


def fault_of(outcome: Answer | RequestFailure) -> FailureKind:
    assert isinstance(outcome, RequestFailure)
    return outcome.kind


@cache
def bomb(mebibytes: int, layers: int = 1) -> bytes:
    coded = zlib.compressobj(9, wbits=31)
    body = b"".join([*(coded.compress(bytes(MEBIBYTE)) for _ in range(mebibytes)), coded.flush()])
    for _ in range(layers - 1):
        body = gzip.compress(body)
    return body


@EACH_LIBRARY
async def test_a_body_without_a_coding_is_read_unchanged(library: Library) -> None:
    assert body_of(await read(library, [b"ab", b"", b"cd"], None)) == b"abcd"
    assert body_of(await read(library, [b"ab"], " Identity ")) == b"ab"
    assert body_of(await read(library, [], None)) == b""


@EACH_LIBRARY
async def test_a_body_of_exactly_the_limit_is_accepted(library: Library) -> None:
    assert len(body_of(await read(library, [b"x" * 60, b"x" * 40], None, limit=100))) == 100
    assert fault_of(await read(library, [b"x" * 60, b"x" * 41], None, limit=100)) is FailureKind.TOO_LARGE
    exact, over = gzip.compress(b"x" * 100), gzip.compress(b"x" * 101)
    assert len(body_of(await read(library, [exact], "gzip", limit=100))) == 100
    assert fault_of(await read(library, [over], "gzip", limit=100)) is FailureKind.TOO_LARGE


@EACH_LIBRARY
@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", " deflate "])
async def test_one_layer_of_coding_is_decoded_although_none_was_requested(coding: str, library: Library) -> None:
    text = json.dumps({"status": "Succeeded", "padding": "x" * 5000}).encode()
    coded = gzip.compress(text) if "zip" in coding.lower() else zlib.compress(text)
    in_bytes = [coded[place : place + 1] for place in range(len(coded))]
    assert body_of(await read(library, in_bytes, coding)) == text
    assert body_of(await read(library, [], coding)) == b""


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("chunks", "coding"),
    [
        ([b"no gzip at all"], "gzip"),
        ([gzip.compress(b"x" * 1000)[:-9]], "gzip"),
        ([b'{"status": "Succeeded"}'], "br"),
        ([b'{"status": "Succeeded"}'], "zstd"),
        ([b'{"status": "Succeeded"}'], "gzip, gzip"),
    ],
    ids=["not gzip", "cut", "br", "zstd", "two layers"],
)
async def test_an_undecodable_body_is_a_failure(chunks: list[bytes], coding: str, library: Library) -> None:
    assert fault_of(await read(library, chunks, coding)) is FailureKind.UNDECODABLE


@pytest.mark.slow
@EACH_LIBRARY
@pytest.mark.parametrize("limit", [MEBIBYTE, MAX_BODY])
async def test_a_decompression_bomb_costs_little_more_than_the_limit(limit: int, library: Library) -> None:
    coded = bomb(200)
    assert len(coded) < MEBIBYTE
    await read(library, [b"warm"], None)
    tracemalloc.start()
    try:
        outcome = await read(library, [coded], "gzip", limit)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert fault_of(outcome) is FailureKind.TOO_LARGE
    assert peak < 2.5 * limit + 2 * MEBIBYTE


@pytest.mark.slow
@EACH_LIBRARY
async def test_only_the_outer_layer_of_a_nested_bomb_is_decoded(library: Library) -> None:
    assert fault_of(await read(library, [bomb(200, 2)], "gzip, gzip")) is FailureKind.UNDECODABLE
    inner = body_of(await read(library, [bomb(200, 2)], "gzip"))
    assert len(inner) < MEBIBYTE


THROUGH = pytest.mark.parametrize("with_hooks", [False, True], ids=["to the transport", "with client.send"])
"""An event hook makes azpoll send with the client itself."""


@EACH_LIBRARY
@THROUGH
async def test_t10_a_body_that_the_auth_reads_keeps_the_limit(library: Library, *, with_hooks: bool) -> None:
    """The library reads it itself for an auth with `requires_response_body`, and decodes whole chunks."""
    for chunks, coding in (([bomb(200)], "gzip"), ([bytes(PIECE)] * 129, None), ([bytes(MAX_BODY + 1)], None)):
        tracemalloc.start()
        try:
            outcome = await read(library, chunks, coding, read_by_auth=True, with_hooks=with_hooks)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert fault_of(outcome) is FailureKind.TOO_LARGE
        assert peak < 2.5 * MAX_BODY + 2 * MEBIBYTE
    brotli = await read(library, [b"x"], "br", read_by_auth=True, with_hooks=with_hooks)
    assert fault_of(brotli) is FailureKind.UNDECODABLE


@EACH_LIBRARY
@THROUGH
async def test_t10_a_body_that_the_auth_cannot_read_is_no_failure_of_the_auth(
    library: Library, *, with_hooks: bool
) -> None:
    """The auth reads each body itself, in its flow."""
    outcomes = [
        await read(library, chunks, coding, read_in_flow=True, with_hooks=with_hooks)
        for chunks, coding in (([bomb(200)], "gzip"), ([b"x"], "br"), ([b"x"] * MEBIBYTE, None), ([b"text"], None))
    ]
    assert [fault_of(outcome) for outcome in outcomes[:3]] == [
        FailureKind.TOO_LARGE,
        FailureKind.UNDECODABLE,
        FailureKind.UNDECODABLE,
    ]
    assert body_of(outcomes[3]) == b"text"


@EACH_LIBRARY
@THROUGH
async def test_a_body_within_the_limit_is_read_by_the_auth(library: Library, *, with_hooks: bool) -> None:
    text = json.dumps({"status": "Succeeded", "padding": "x" * 100_000}).encode()
    for chunks, coding in (
        ([text[:9], text[9:]], None),
        ([gzip.compress(text)], "gzip"),
        ([zlib.compress(text)], "deflate"),
    ):
        assert body_of(await read(library, chunks, coding, read_by_auth=True, with_hooks=with_hooks)) == text


@EACH_LIBRARY
@pytest.mark.parametrize("read_by_auth", [False, True], ids=["azpoll", "the auth"])
async def test_t10_a_body_of_many_small_chunks_is_a_failure(library: Library, *, read_by_auth: bool) -> None:
    """Each chunk takes the HTTP library longer than its bytes take azpoll: 1 MiB of single bytes took 5 s."""
    few, many = [b"x"] * SMALL_CHUNKS, iter([b"x"] * MEBIBYTE)
    assert body_of(await read(library, few, None, read_by_auth=read_by_auth)) == b"x" * SMALL_CHUNKS
    assert fault_of(await read(library, many, None, read_by_auth=read_by_auth)) is FailureKind.UNDECODABLE
    assert len(list(many)) > MEBIBYTE - 1.1 * SMALL_CHUNKS
    assert len(body_of(await read(library, [b"x" * SMALL] * 20_000, None, read_by_auth=read_by_auth))) == SMALL * 20_000


@EACH_LIBRARY
@pytest.mark.parametrize("read_by_auth", [False, True], ids=["azpoll", "the auth"])
async def test_t10_other_tasks_run_while_a_body_is_read(library: Library, *, read_by_auth: bool) -> None:
    """The chunks that have arrived together would else be read in one step."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(count)
        await anyio.lowlevel.checkpoint()
        await read(library, [b"x"] * CHUNKS_AT_ONCE * 100, None, read_by_auth=read_by_auth)
        group.cancel_scope.cancel()
    assert turns >= 100


@EACH_LIBRARY
async def test_t10_bytes_behind_a_coded_body_are_not_decoded(library: Library) -> None:
    """They took 10 s: zlib copies all of them at each step. They count for the limit; httpx ignores them too."""
    member, junk = gzip.compress(b"text"), b"x" * 4096
    assert body_of(await read(library, [member, *[junk] * 2000], "gzip")) == b"text"
    assert body_of(await read(library, [member + member], "gzip")) == b"text"
    assert fault_of(await read(library, [member, *[junk] * 2048], "gzip")) is FailureKind.TOO_LARGE


@EACH_LIBRARY
async def test_an_endless_body_is_read_up_to_the_limit(library: Library) -> None:
    sent = 0

    def endless() -> Iterable[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 65536

    assert fault_of(await read(library, endless(), None)) is FailureKind.TOO_LARGE
    assert sent == 8 * 16 + 1
    assert fault_of(await read(library, endless(), "gzip")) is FailureKind.UNDECODABLE
    assert sent == 8 * 16 + 2


@EACH_LIBRARY
async def test_rule_38_a_body_of_any_kind_has_at_most_8_mebibytes(library: Library) -> None:
    """Document Intelligence puts its result into the status document."""
    assert len(body_of(await read(library, [bytes(8 * MEBIBYTE)], None))) == 8 * MEBIBYTE
    assert fault_of(await read(library, [bytes(8 * MEBIBYTE + 1)], None)) is FailureKind.TOO_LARGE


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("told", "detail"),
    [
        (None, "max_body is 100 bytes"),
        ("101", "the Content-Length is 101 bytes, and max_body is 100 bytes"),
        ("1" * 19, "max_body is 100 bytes"),
        ("-1", "max_body is 100 bytes"),
    ],
)
async def test_rule_38_a_longer_body_names_its_size_the_limit_and_the_option(
    library: Library, told: str | None, detail: str
) -> None:
    outcome = await read(library, [b"x" * 101], None, limit=100, content_length=told)
    assert isinstance(outcome, RequestFailure)
    assert (outcome.kind, outcome.detail) == (FailureKind.TOO_LARGE, detail)


@EACH_LIBRARY
async def test_rule_38_the_length_of_a_coded_body_is_not_its_size(library: Library) -> None:
    """The `Content-Length` of a decompression bomb is below the limit."""
    coded = bomb(1)
    outcome = await read(library, [coded], "gzip", limit=MEBIBYTE - 1, content_length=str(len(coded)))
    assert isinstance(outcome, RequestFailure)
    assert (outcome.kind, outcome.detail) == (FailureKind.TOO_LARGE, "max_body is 1048575 bytes")


async def test_the_connection_of_a_consumed_body_is_released() -> None:
    """A transport in memory or an event hook may have read it."""
    closed: list[bool] = []

    class Stream(httpx.AsyncByteStream):
        async def aclose(self) -> None:
            closed.append(True)

    response = httpx.Response(401, content=b"no")
    response.stream = Stream()
    assert await read_body(raw_response(response), 2, "") == b"no"
    assert closed == [True]


READERS = pytest.mark.parametrize("reader", ["a hook", "its send"])
"""The part of a client with a `send` of its own that reads a body."""


async def read_by(
    reader: str, library: Library, content: bytes, coding: str, *, initial: bool, max_body: int = MAX_BODY
) -> Any:
    """Return the outcome of a request of a client with a `send` of its own."""
    module: Any = import_module(library)

    class Client(module.AsyncClient):  # type: ignore[misc]  # - the library is a parameter
        async def send(self, *arguments: Any, **options: Any) -> Any:
            response: Any = await module.AsyncClient.send(self, *arguments, **options)
            if reader == "its send":
                await response.aread()
            return response

    async def read_all(response: Any) -> None:
        await response.aread()

    hooks = {"response": [read_all]} if reader == "a hook" else {}
    headers = {"Content-Encoding": coding, "Content-Type": "text/plain"}

    class Stream(module.AsyncByteStream):  # type: ignore[misc]  # - as above
        def __init__(self) -> None:
            # Its CPU time counts as that of the client, which is limited: the rest is not copied for each chunk.
            self.chunks = (content[start : start + PIECE] for start in range(0, len(content), PIECE))

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self

        async def __anext__(self) -> bytes:
            for chunk in self.chunks:
                return chunk
            raise StopAsyncIteration

    def answer(_: Any) -> Any:
        return module.Response(200, headers=headers, stream=Stream())

    client: Any = Client(transport=module.MockTransport(answer), event_hooks=hooks)
    async with client:
        sender: ClientTransport[Any] = ClientTransport(client, max_body=max_body)
        if initial:
            return await sender.send_initial(sender.build_initial("PUT", "https://x.example/", {}))
        await sender.poll("GET", "https://x.example/")
        outcome = await sender.poll("GET", "https://x.example/")
        assert len(client.event_hooks["response"]) <= 2
        return outcome


@EACH_LIBRARY
@READERS
@pytest.mark.parametrize("initial", [False, True])
async def test_t10_a_body_that_a_client_reads_itself_keeps_the_limit(
    library: Library, reader: str, *, initial: bool
) -> None:
    # A larger body takes so long to read while memory is traced that a slow machine would reach the limit of CPU time.
    limit = 2 * MEBIBYTE
    for content, coding in ((bomb(50), "gzip"), (bytes(2 * limit), "identity")):
        tracemalloc.start()
        try:
            outcome = await read_by(reader, library, content, coding, initial=initial, max_body=limit)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        if isinstance(outcome, Answer):
            assert not outcome.is_complete
        else:
            assert outcome.kind is FailureKind.TOO_LARGE
        assert peak < 6 * limit


@EACH_LIBRARY
@READERS
@pytest.mark.parametrize("initial", [False, True])
async def test_a_body_that_a_client_reads_itself_is_the_answer(library: Library, reader: str, *, initial: bool) -> None:
    text = b"text " * 30_000
    assert body_of(await read_by(reader, library, gzip.compress(text), "gzip", initial=initial)) == text
    assert body_of(await read_by(reader, library, text, "identity", initial=initial)) == text
