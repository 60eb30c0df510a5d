"""A fast transport for clients of httpx: pyreqwest, whose HTTP is written in Rust, set up to decide nothing itself.

    client = httpx.AsyncClient(transport=azpoll.fast.transport(), base_url="https://management.azure.com", auth=...)

A poll costs less than a third of what it costs through httpx's own transport, and thousands that are due at once do
not queue up in a pool (docs/performance.md). Redirects stay with azpoll, which checks where they lead; cookies and
content codings with httpx. URLs are sent as they were named, but for an apostrophe in a query, which becomes `%27`:
rule 12 forbids to rewrite them, and is why aiohttp's transport for httpx is not the one.

Needs `pip install 'azpoll[fast]'`, a client of httpx (not httpx2), and asyncio.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

import sniffio

try:
    import httpx
    from pyreqwest import exceptions
    from pyreqwest.client import ClientBuilder
    from pyreqwest.http import HeaderMap
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("azpoll.fast needs pyreqwest: python -m pip install 'azpoll[fast]'") from error

from azpoll.protocol.answer import fold_headers
from azpoll.transport.headers import LazyHeaders, bytes_of, text_of
from azpoll.transport.shortcuts.direct_send import UnreadResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

    from pyreqwest.client import Client
    from pyreqwest.request import RequestBuilder, StreamRequest
    from pyreqwest.response import Response

    from azpoll.protocol.answer import RawHeaders

SHORT_DIGITS = 5
"""A body whose `Content-Length` has no more digits is read in one call."""

_ERRORS: tuple[tuple[type[exceptions.PyreqwestError], type[httpx.RequestError]], ...] = (
    (exceptions.ConnectTimeoutError, httpx.ConnectTimeout),
    (exceptions.ReadTimeoutError, httpx.ReadTimeout),
    (exceptions.WriteTimeoutError, httpx.WriteTimeout),
    (exceptions.PoolTimeoutError, httpx.PoolTimeout),
    (exceptions.RequestTimeoutError, httpx.ReadTimeout),
    (exceptions.ConnectError, httpx.ConnectError),
    (exceptions.ReadError, httpx.ReadError),
    (exceptions.WriteError, httpx.WriteError),
    (exceptions.NetworkError, httpx.NetworkError),
    (exceptions.BuilderError, httpx.LocalProtocolError),
    (exceptions.PyreqwestError, httpx.RemoteProtocolError),
)
"""What each error is in httpx; the first that fits."""


class _Transport(httpx.AsyncBaseTransport):
    at_once = (96, 128)
    """The least and the greatest number of concurrent requests, read by `transport.shortcuts.direct_send`.

    There is no pool to search. But all requests that are answered together are read in one turn of the event loop,
    which delays everything else there."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._headers: Sequence[tuple[str, str]] = ()  # those of the last request, which the next may share
        self._made = HeaderMap()  # what pyreqwest makes of them

    async def __aenter__(self) -> Self:
        if sniffio.current_async_library() != "asyncio":
            raise RuntimeError("azpoll.fast works under asyncio alone")
        return self

    async def aclose(self) -> None:
        await self._client.close()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = text_of(request.headers.raw)
        timeouts = request.extensions.get("timeout", {})
        outcome = await self._send(request.method, str(request.url), headers, (), timeouts, request=request)
        return httpx.Response(outcome.status_code, headers=_headers(outcome.raw), stream=outcome.stream)

    def get_directly(
        self,
        url: str,
        headers: Sequence[tuple[str, str]],
        own: Sequence[tuple[str, str]],
        timeouts: Mapping[str, float | None],
    ) -> Awaitable[UnreadResponse]:
        """Send a poll of azpoll's, as `azpoll.transport.shortcuts.direct_send` asks it."""
        return self._send("GET", url, headers, own, timeouts)

    async def _send(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        own: Sequence[tuple[str, str]],
        timeouts: Mapping[str, float | None],
        *,
        request: httpx.Request | None = None,
    ) -> UnreadResponse:
        # Whoever else was answered in this turn of the loop acts on it first. Requests that then follow one another
        # wake pyreqwest's thread once; were each sent by itself, the two threads would take turns, which costs more.
        await asyncio.sleep(0)
        try:
            if headers is not self._headers:
                self._headers, self._made = headers, HeaderMap(headers)
            builder = self._client.request(method, url).headers(self._made)
            for name, value in own:
                builder = builder.header(name, value)
            if any(timeouts.values()):
                builder = builder.timeout(timedelta(seconds=sum(filter(None, timeouts.values()))))
            if request is not None:
                builder = _with_body(builder, request)
            # A head is believed whatever becomes of its body (rule 25): so none of that is read together with it.
            sending = builder.streamed_read_buffer_limit(0).build_streamed()
            answer = await sending.__aenter__()
        except exceptions.PyreqwestError as error:
            raise _of_httpx(error, request) from error
        except ValueError as error:
            raise httpx.LocalProtocolError(str(error), request=request) from error
        body = _Body(sending, answer, request)
        return UnreadResponse(answer.status, _Headers(answer.headers), body, body.read if body.is_short else None)


def _with_body(builder: RequestBuilder, request: httpx.Request) -> RequestBuilder:
    try:
        content = request.content
    except httpx.RequestNotRead:
        assert isinstance(request.stream, httpx.AsyncByteStream)  # noqa: S101 - of an asynchronous client
        return builder.body_stream(request.stream)
    return builder.body_bytes(content) if content else builder


class _Headers(LazyHeaders):
    """Those of an answer, decoded one by one: most are never read."""

    __slots__ = ("_there",)

    def __init__(self, there: HeaderMap) -> None:
        self._there = there

    def read(self, names: frozenset[str]) -> dict[str, str]:
        there, folded = self._there, dict[str, str]()
        for name in names.intersection(there):
            try:
                text = there[name].strip(" \t")
            except ValueError:  # it is not text
                continue
            if text:
                folded[name] = text
            else:  # one that is sent again may say something
                folded |= fold_headers(self._readable((name,)))
        return folded

    def __iter__(self) -> Iterator[tuple[str, str]]:
        try:
            return iter(tuple(self._there.items()))
        except ValueError:  # one of them is not text
            return self._readable(dict.fromkeys(self._there))

    def _readable(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        for name in names:
            try:
                values = self._there.getall(name)
            except ValueError:  # one of them is not text
                continue
            for value in values:
                yield name, value


class _Body(httpx.AsyncByteStream):
    def __init__(self, sending: StreamRequest, answer: Response, request: httpx.Request | None) -> None:
        self._sending = sending
        self._answer = answer
        self._request = request
        self.is_short = _is_short(answer)
        self._ended = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = None
        if not self._ended:
            chunk = await self.read() if self.is_short else await self._next()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def read(self) -> bytes:
        """Return a short body, and leave nothing to close."""
        try:
            body = bytes(await self._answer.body_reader.bytes())
        except BaseException as error:
            await self.aclose()
            if isinstance(error, exceptions.PyreqwestError):
                raise _of_httpx(error, self._request) from error
            raise
        self._ended = True
        return body

    async def _next(self) -> bytes | None:
        try:
            chunk = await self._answer.body_reader.read()
        except exceptions.PyreqwestError as error:
            raise _of_httpx(error, self._request) from error
        self._ended = chunk is None
        return None if chunk is None else bytes(chunk)

    async def aclose(self) -> None:
        if not self._ended:
            self._ended = True
            await self._sending.__aexit__(None, None, None)


def headers_of(raw: RawHeaders) -> httpx.Headers:
    """Return headers whose names are in lower case, for a half of what `httpx.Headers` takes."""
    headers: Any = httpx.Headers()
    headers._list = [(name, name, value) for name, value in bytes_of(raw)]  # noqa: SLF001 - `_headers` has tried it
    made: httpx.Headers = headers
    return made


def _parsed(raw: RawHeaders) -> httpx.Headers:
    return httpx.Headers(bytes_of(raw))


_SAMPLE = (("a", "b"), ("a", "c"))
_headers = headers_of if headers_of(_SAMPLE) == _parsed(_SAMPLE) else _parsed


def _is_short(answer: Response) -> bool:
    """Whether no more than what `Content-Length` says can come: it says nothing of a body that comes in chunks."""
    length = answer.get_header("content-length")
    return length is not None and len(length) <= SHORT_DIGITS and "transfer-encoding" not in answer.headers


def _of_httpx(error: exceptions.PyreqwestError, request: httpx.Request | None) -> httpx.RequestError:
    kind = next(theirs for ours, theirs in _ERRORS if isinstance(error, ours))
    causes = (error.details["causes"] or []) if isinstance(error, exceptions.DetailedPyreqwestError) else []
    return kind(": ".join([error.message, *(cause["message"] for cause in causes[-1:])]), request=request)


def transport(configure: Callable[[ClientBuilder], ClientBuilder] | None = None) -> httpx.AsyncBaseTransport:
    """Return a transport for one `httpx.AsyncClient`, which closes it.

    Args:
        configure: further settings of pyreqwest's `ClientBuilder`, such as
            `lambda builder: builder.add_root_certificate_pem(pem)`. The client's own `verify`, `cert`, `proxy` and
            `limits` do not reach a transport that it is given; proxies are taken from the environment.
    """
    builder = ClientBuilder() if configure is None else configure(ClientBuilder())
    for coding in (builder.gzip, builder.brotli, builder.zstd, builder.deflate):
        coding(enable=False)
    client = builder.follow_redirects(enable=False).referer(enable=False).default_cookie_store(enable=False).build()
    return _Transport(client)
