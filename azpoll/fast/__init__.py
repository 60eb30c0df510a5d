"""A fast transport for clients of httpx: pyreqwest, whose HTTP implementation is written in Rust.

    client = httpx.AsyncClient(transport=azpoll.fast.transport(), base_url="https://management.azure.com", auth=...)

A poll costs less than a third of its cost over httpx's own transport (docs/performance.md). Thousands of polls that are
due at the same time do not wait in a pool. The transport makes no decisions of its own: azpoll checks redirects, and
httpx handles content codings. URLs are sent unchanged, except that an apostrophe in a query becomes `%27`.
Rule 12 forbids rewriting URLs, which is why this transport is not based on aiohttp.

It needs `pip install 'azpoll[fast]'`, a client of httpx (not httpx2), and asyncio.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import sniffio

try:
    import httpx
    from pyreqwest import exceptions
    from pyreqwest.client import ClientBuilder
    from pyreqwest.http import HeaderMap
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("azpoll.fast needs pyreqwest: python -m pip install 'azpoll[fast]'") from error

from azpoll.fast.errors import system_error_of, to_httpx
from azpoll.fast.response import Body, Headers, is_short
from azpoll.transport.raw_response import RawResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyreqwest.client import Client
    from pyreqwest.request import RequestBuilder

    from azpoll.transport.shortcuts.direct_send import TextHeaders

__all__ = ["transport"]

_VERSIONS = {"HTTP/2.0": b"HTTP/2", "HTTP/3.0": b"HTTP/3"}
"""The versions that httpx names otherwise than pyreqwest."""


class _Transport(httpx.AsyncBaseTransport):
    concurrency = (96, 128)
    """The least and the greatest number of concurrent requests, read by `Sender.concurrency`.

    No pool is searched. But all responses that arrive together are read in one iteration of the event loop, which
    delays everything else there."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._headers: TextHeaders = ()  # of the last request; the next one may share them
        self._header_map = HeaderMap()  # the same headers as an object of pyreqwest
        self._timeouts: Mapping[str, float | None] = {}
        self._limit: timedelta | None = None  # of the same timeouts

    async def __aenter__(self) -> Self:
        if sniffio.current_async_library() != "asyncio":
            raise RuntimeError("azpoll.fast works under asyncio alone")
        return self

    async def aclose(self) -> None:
        await self._client.close()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers, timeouts = request.headers.multi_items(), request.extensions.get("timeout", {})
        response = await self.get_directly(str(request.url), headers, (), timeouts, request)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=response.stream,
            extensions={"http_version": response.http_version},
        )

    async def get_directly(
        self,
        url: str,
        headers: TextHeaders,
        own: TextHeaders,
        timeouts: Mapping[str, float | None],
        request: httpx.Request | None = None,
    ) -> RawResponse:
        """Send a GET, as `DirectSend` describes it, or a request of httpx with its method and body."""
        # Let all responses of this iteration of the event loop be handled first. Requests that are then sent together
        # wake pyreqwest's thread once. Sent one by one, they would make the two threads alternate, which costs more.
        await asyncio.sleep(0)
        try:
            if headers is not self._headers:
                self._headers, self._header_map = headers, HeaderMap(headers)
            method = "GET" if request is None else request.method
            builder = self._client.request(method, url).headers(self._header_map)
            for name, value in own:
                builder = builder.header(name, value)
            if timeouts is not self._timeouts:
                self._timeouts, self._limit = timeouts, _limit_of(timeouts)
            if self._limit is not None:
                builder = builder.timeout(self._limit)
            if request is not None:
                builder = _with_body(builder, request)
            # The head of a response counts even if its body fails (rule 25), so they are not read together.
            sending = builder.streamed_read_buffer_limit(0).build_streamed()
            response = await sending.__aenter__()
        except exceptions.PyreqwestError as error:
            raise to_httpx(error, request) from (system_error_of(error) or error)
        except ValueError as error:
            raise httpx.LocalProtocolError(str(error), request=request) from error
        received, version = response.headers, response.version
        body = Body(sending, response, request, is_short=is_short(received))
        read_short = body.read_short if body.is_short else None
        http_version = _VERSIONS.get(version) or version.encode()
        return RawResponse(response.status, Headers(received), body, None, http_version, read_short)


def _with_body(builder: RequestBuilder, request: httpx.Request) -> RequestBuilder:
    try:
        content = request.content
    except httpx.RequestNotRead:
        assert isinstance(request.stream, httpx.AsyncByteStream)  # noqa: S101 - of an asynchronous client
        return builder.body_stream(request.stream)
    return builder.body_bytes(content) if content else builder


def _limit_of(timeouts: Mapping[str, float | None]) -> timedelta | None:
    """Return the time limit of a request; None where that of azpoll is enough."""
    return None if timeouts.get("read") is None else timedelta(seconds=sum(filter(None, timeouts.values())))


def transport(configure: Callable[[ClientBuilder], ClientBuilder] | None = None) -> httpx.AsyncBaseTransport:
    """Return a transport for one `httpx.AsyncClient`. The client closes it.

    Args:
        configure: further settings of pyreqwest's `ClientBuilder`, such as
            `lambda builder: builder.add_root_certificate_pem(pem)`. The client's arguments `verify`, `cert`, `proxy`
            and `limits` have no effect on this transport. Proxies are taken from the environment.
    """
    builder = ClientBuilder() if configure is None else configure(ClientBuilder())
    for coding in (builder.gzip, builder.brotli, builder.zstd, builder.deflate):
        coding(enable=False)
    client = builder.follow_redirects(enable=False).referer(enable=False).default_cookie_store(enable=False).build()
    return _Transport(client)
