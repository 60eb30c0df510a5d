"""Send a poll with the client's auth, event hooks, cookies, proxies and TLS settings, with as little work as possible.

There are three ways. `client.send` is used where a subclass or an instrument replaces a step of sending. Otherwise the
request goes through the client's auth and event hooks to the transport that the client chooses for its URL. Without
auth and hooks, a transport that offers `get_directly` sends the poll without request and response objects.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from azpoll.eventloop.held_loop import limited
from azpoll.protocol.answer import FailureKind
from azpoll.transport.body import bounded_stream_class, read_body
from azpoll.transport.bounded_send import BodyLimit, limit_body
from azpoll.transport.caller_error import CallerError, is_cancelled
from azpoll.transport.client_cookies import keep_cookies_from
from azpoll.transport.headers import CLIENT_REQUEST_ID
from azpoll.transport.hooked_exchange import exchange, read_response, shown_response
from azpoll.transport.library import library_of
from azpoll.transport.raw_response import BrokenStream, RawResponse, raw_response
from azpoll.transport.redirects import RedirectFollower
from azpoll.transport.request_template import RequestFactory, without
from azpoll.transport.shared_auth import SharedAuth, shared_auth
from azpoll.transport.shortcuts.transport_choice import pool_size, transport_choice, transport_of
from azpoll.transport.shortcuts.url_cache import URLCache
from azpoll.transport.transport import MAX_BODY, REQUEST_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from azpoll.protocol.request_headers import HeaderPairs
    from azpoll.protocol.url_policy import Origin, ParsedURL
    from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse
    from azpoll.transport.redirects import OnRedirect, SendOne
    from azpoll.transport.shortcuts.direct_send import DirectSend

ARM = "https://management.azure.com"
"""The origin of nearly all polls."""

CONCURRENCY: Mapping[str, tuple[int, int]] = {"httpx": (4, 20), "httpx2": (4, 64)}
"""The least and the greatest number of concurrent requests over the default transport of each library.

Few are cheap, because the pool searches its connections for each request. Of more than 20 connections
(`max_keepalive_connections`), httpx closes each one after its response; httpx2 counts only idle connections."""


class Sender:
    """Sends the polls of one client. It is independent of an event loop until it sends.

    Args:
        client: an `httpx.AsyncClient` or `httpx2.AsyncClient`.
        request_timeout_s: the time limit of each request in seconds, which the caller of `send` keeps.
        max_body: the longest body, in bytes, of a response that the client's auth reads or answers with a request.

    Attributes:
        library: the HTTP library of the client.
        parse_url: the URL class that sends the requests, so no second parser can disagree with it.

    Raises:
        TypeError: the client is neither an `httpx.AsyncClient` nor an `httpx2.AsyncClient`.
    """

    def __init__(
        self,
        client: HTTPClient[HTTPResponse],
        request_timeout_s: float = REQUEST_TIMEOUT_S,
        max_body: int = MAX_BODY,
    ) -> None:
        self.library = library_of(client)
        self.parse_url: Callable[[str], ParsedURL] = URLCache(self.library.URL).of
        self._client = client
        self._max_body = max_body
        self._requests = RequestFactory(client, self.library, self.parse_url, request_timeout_s)
        self._auth: SharedAuth | None = None
        self._stream_class = bounded_stream_class(self.library)
        self._transport_for = transport_choice(client, self.library.__name__)

    @property
    def concurrency(self) -> tuple[int, int]:
        """The least and the greatest number of concurrent requests that the client's transport serves well.

        Neither exceeds the number of connections in its pool: a request that waits for a connection uses up its time.
        """
        transport = None if self._transport_for is None else self._transport_for(self.library.URL(ARM))
        least, most = getattr(transport, "concurrency", CONCURRENCY[self.library.__name__])
        connections = pool_size(transport)
        return (least, most) if connections is None else (min(least, connections), min(most, connections))

    @property
    def connections(self) -> int:
        """The number of connections that the client's transport may have; 100, or twice its requests, if unknown."""
        transport = None if self._transport_for is None else self._transport_for(self.library.URL(ARM))
        return pool_size(transport) or max(100, 2 * self.concurrency[1])

    def send(
        self,
        method: str,
        url: str,
        client_request_id: str | None,
        headers: HeaderPairs = (),
        params_at: Origin | None = None,
        *,
        cookies: tuple[str, ...] = (),
        cancel: Callable[[], object],
    ) -> Awaitable[RawResponse]:
        """Send a request without a body. Redirects are not followed, and the body of the response is not read.

        `cancel` ends the request when the HTTP library has held the event loop for too long.
        """
        if self._client.params and params_at is not None:
            url = self._requests.with_params(url, params_at)
        own = headers if client_request_id is None else ((CLIENT_REQUEST_ID, client_request_id), *headers)
        template = None if cookies else self._requests.template_for(method, url)
        auth, transport_for, has_hooks = self._client.auth, self._transport_for, self._has_hooks
        if template is not None and transport_for is not None and auth is None and not has_hooks:
            direct: DirectSend | None = getattr(transport_for(template.request.url), "get_directly", None)
            if direct is not None:
                shared = without(template.headers, headers) if headers else template.headers
                return direct(url, shared, own, template.request.extensions["timeout"])
        request = self._requests.build(template, method, url, own, cookies)
        if transport_for is None:
            sending = self._send_with_client(request, {})
        elif auth is None and not has_hooks:
            sending = _send_over(transport_for(request.url), request)
        else:
            sending = self._send_in_steps(self._exchange, request, self._shared_auth())
        return limited(sending, cancel)

    def send_anonymously(self, method: str, url: str, *, cancel: Callable[[], object]) -> Awaitable[RawResponse]:
        """Send a request as `send` does, without anything of the client that may be a credential (rule 9).

        The client's auth and event hooks stay behind, and so does a `send` that a subclass or an instrument has
        replaced. The transport, the proxies and the TLS settings are the client's own.
        """
        request = self._requests.build_anonymous(method, url)
        transport = transport_of(self._client, request.url)
        if transport is None:
            raise self.library.UnsupportedProtocol("the client's transport cannot be reached without its credentials")
        return limited(_send_over(transport, request), cancel)

    def send_initial(
        self,
        request: HTTPRequest,
        options: Mapping[str, Any],
        on_redirect: OnRedirect,
        *,
        cancel: Callable[[], object],
    ) -> Awaitable[RawResponse]:
        """Send an initial request with `client.send`, whose log line it may need, or through the event hooks.

        Args:
            request: of the client.
            options: `auth` as `auth_of` returns it, and `follow_redirects`; both may be absent.
            on_redirect: called with each redirect that is followed, and the request to its target.
            cancel: as in `send`.
        """
        follows: bool = options.get("follow_redirects", False)
        in_steps = self._transport_for is not None and self._has_hooks
        if not in_steps and not follows:
            return limited(self._send_with_client(request, options), cancel)
        auth = options["auth"] if "auth" in options else self._shared_auth()
        send: SendOne = self._exchange if in_steps else self._exchange_with_client
        if follows:
            send = RedirectFollower(self._client, self.library, send, request, on_redirect, max_body=self._max_body)
        return limited(self._send_in_steps(send, request, auth), cancel)

    def auth_of(self, auth: object) -> SharedAuth | None:
        """Return the auth for one initial request; raises TypeError if the library does not accept it."""
        return None if auth is None else shared_auth(auth, self.library, self._max_body)

    @property
    def _has_hooks(self) -> bool:
        hooks = self._client.event_hooks
        return bool(hooks["request"] or hooks["response"])

    async def _send_with_client(self, request: HTTPRequest, options: Mapping[str, Any]) -> RawResponse:
        """Send a request with `client.send`, which follows no redirect."""
        shared = self._shared_auth()
        if shared is not None:
            options = {"auth": shared, **options}
        response = await self._response_of_client(request, options)
        return response if isinstance(response, RawResponse) else raw_response(response)

    async def _exchange_with_client(self, request: HTTPRequest, *, is_read: bool) -> Any:  # noqa: ANN401 - of the library
        """Send one request with `client.send`, without its auth; a `SendOne`."""
        response = await self._response_of_client(request, {"auth": None})
        if is_read and not isinstance(response, RawResponse):
            await read_response(response, self.library, self._max_body)
        return response

    async def _response_of_client(self, request: HTTPRequest, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as above
        """Return the response of `client.send`, or the `RawResponse` that its exception carries."""
        send: Any = self._client.send  # its types name classes of the client's library
        keep_cookies_from(self._client, request)
        limit = BodyLimit(self._stream_class, self._max_body)
        if self._transport_for is None:
            limit_body(self._client, request, limit)
        try:
            return await send(request, **{**options, "stream": True, "follow_redirects": False})
        except CallerError:
            raise
        except (Exception, asyncio.CancelledError) as error:
            if limit.ended_with(error) or (isinstance(error, asyncio.CancelledError) and is_cancelled()):
                raise
            return shown_response(error, request, self._client.event_hooks, self.library)

    async def _send_in_steps(self, send: SendOne, request: HTTPRequest, auth: SharedAuth | None) -> RawResponse:
        """Send a request through an auth, and each further request that the auth returns for a response."""
        if auth is None:
            return _raw_response(await send(request, is_read=False), request)
        flow, polled = auth.async_auth_flow(request), request.url
        try:
            request = await anext(flow)
            while True:
                try:
                    response = await send(request, is_read=auth.requires_response_body)
                    if isinstance(response.stream, BrokenStream):
                        return _raw_response(response, request)
                except Exception as error:
                    if request.url == polled or isinstance(error, CallerError):
                        raise
                    raise CallerError(FailureKind.AUTH, error) from None  # of a request for a token
                try:
                    previous, request = request, await flow.asend(response)
                    if previous.url != polled:  # a request for a token, say, whose cookies are the client's own
                        self._client.cookies.extract_cookies(response)
                    if response.is_stream_consumed:
                        await response.aclose()
                    else:
                        await read_body(raw_response(response), self._max_body, "")
                except StopAsyncIteration:
                    return _raw_response(response, request)
                except BaseException:
                    await response.aclose()
                    raise
        finally:
            await flow.aclose()

    async def _exchange(self, request: HTTPRequest, *, is_read: bool) -> Any:  # noqa: ANN401 - of the library
        """Send one request to the transport for its URL; a `SendOne`. For an event hook, the body is read too."""
        transport_for: Any = self._transport_for
        if is_read or self._has_hooks:
            hooks = self._client.event_hooks
            return await exchange(transport_for(request.url), request, hooks, self.library, self._max_body)
        response: Any = await transport_for(request.url).handle_async_request(request)
        response.request = request
        return response

    def _shared_auth(self) -> SharedAuth | None:
        """Return the client's present auth, with one renewal of its credential for all requests; None without one."""
        auth = self._client.auth
        if auth is None:
            return None
        if self._auth is None or self._auth.auth is not auth:
            self._auth = shared_auth(auth, self.library, self._max_body)
        return self._auth


async def _send_over(transport: Any, request: HTTPRequest) -> RawResponse:  # noqa: ANN401 - of either library
    """Send a request over a transport of the client."""
    return raw_response(await transport.handle_async_request(request))


def _raw_response(response: Any, request: HTTPRequest) -> RawResponse:  # noqa: ANN401 - of either library
    """Convert a response; it has a URL of its own if `request` was redirected."""
    if isinstance(response, RawResponse):
        return response
    raw = raw_response(response)
    return raw if response.request is request else raw._replace(url=str(response.request.url))
