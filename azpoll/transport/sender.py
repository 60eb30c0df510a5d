"""Sending a poll: with the client's auth, hooks, cookies, proxies and TLS, and with nothing else.

`client.send` costs several times what its transport does: for each request it looks for cookies in the answer,
writes a log line, and is ready to follow redirects. A poll is handed straight to the transport that the client would
choose for its URL, and passes through the client's auth on its way. Where anybody would see the difference, because
the client has event hooks or a `send` that is not its library's own, it goes through `client.send`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from azpoll.transport.body import drain
from azpoll.transport.headers import bytes_of
from azpoll.transport.library import ResponseT
from azpoll.transport.pooled import Pooled
from azpoll.transport.request_template import REQUEST_ID, RequestFactory
from azpoll.transport.shared_auth import SharedAuth, shared_auth
from azpoll.transport.shortcuts.direct_send import at_once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azpoll.protocol.answer import RawHeaders
    from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse, Library
    from azpoll.transport.request_template import RequestTemplate
    from azpoll.transport.shortcuts.direct_send import Direct, RawResponse
    from azpoll.transport.shortcuts.url_cache import URLCache

STEPS = ("send", "_send_handling_auth", "_send_handling_redirects", "_send_single_request", "_transport_for_url")
"""What a client of httpx does with a request, one inside the other, and how it chooses the transport."""

HOME = "https://management.azure.com"
"""Where nearly all polls go."""


class Sender(Generic[ResponseT]):
    """Sends the polls of one client.

    Args:
        client: the caller's.
        library: the client's.
        urls: makes the library's URLs.
    """

    def __init__(self, client: HTTPClient[ResponseT], library: Library, urls: URLCache) -> None:
        self._client = client
        self._library = library
        self._urls = urls
        self._requests = RequestFactory(client, library, urls)
        self._pooled = Pooled(library)
        self._auth: SharedAuth | None = None
        self._transport_for: Callable[[object], Any] | None = None
        if all(library.owns(getattr(client, step, None)) for step in STEPS):
            self._transport_for = getattr(client, STEPS[-1])

    @property
    def at_once(self) -> tuple[int, int]:
        """How many requests the client's own transport serves well at once: the least and the most."""
        transport = None if self._transport_for is None else self._transport_for(self._library.url(HOME))
        return at_once(transport, self._library.name)

    def send(self, method: str, url: str, client_request_id: str | None) -> Awaitable[RawResponse]:
        """Send a request without a body; redirects are not followed, and the answer's body is not read.

        Raises:
            Exception: whatever the client's transport, auth or event hooks raise.
        """
        transport_for, hooks = self._transport_for, self._client.event_hooks
        if transport_for is None or hooks["request"] or hooks["response"]:
            return self.send_whole(self._requests.make(method, url, client_request_id))
        if self._client.auth is not None:
            return self._signed(transport_for, self._requests.make(method, url, client_request_id))
        transport, model = None, self._requests.model(method, url)
        if model is not None:
            transport = transport_for(model.request.url)
            if (directly := self._directly(transport, model, url, client_request_id)) is not None:
                return directly
        request = self._requests.like(model, method, url, client_request_id)
        sending: Awaitable[RawResponse] = (transport or transport_for(request.url)).handle_async_request(request)
        return sending

    def _directly(
        self, transport: object, model: RequestTemplate, url: str, client_request_id: str | None
    ) -> Awaitable[RawResponse] | None:
        """Send a GET without a request and a response of httpx; None where the transport cannot do without."""
        direct: Direct | None = getattr(transport, "get_directly", None)
        if direct is not None:
            own = () if client_request_id is None else ((REQUEST_ID, client_request_id),)
            return direct(self._urls.text_of(url), model.headers, own, model.timeouts)
        pool = self._pooled.pool_of(transport)
        target = None if pool is None else self._urls.target_of(url)
        if target is None:
            return None
        return self._pooled.get(pool, model, target, client_request_id)

    async def send_whole(self, request: HTTPRequest) -> HTTPResponse:
        """The same, through `client.send`."""
        sent: Any = request  # it and the auth are of the client's own classes, which the types here cannot say
        if self._client.auth is None:
            return await self._client.send(sent, stream=True, follow_redirects=False)
        auth: Any = self._shared_auth()
        return await self._client.send(sent, stream=True, auth=auth, follow_redirects=False)

    async def _signed(self, transport_for: Callable[[object], Any], request: HTTPRequest) -> HTTPResponse:
        """Let the auth sign the request, and send again what it makes of an answer."""
        flow = self._shared_auth().async_auth_flow(request)
        try:
            request = await anext(flow)
            while True:
                response: HTTPResponse = await transport_for(request.url).handle_async_request(request)
                response.request = request
                try:
                    request = await flow.asend(response)
                    self._client.cookies.extract_cookies(response)
                    await drain(response)
                except StopAsyncIteration:
                    return response
                except BaseException:
                    await response.aclose()
                    raise
        finally:
            await flow.aclose()

    def keep_cookies(self, url: str, raw: RawHeaders) -> None:
        """Let the client keep the cookies in the headers of an answer, as `client.send` does."""
        cookies = [(name, value) for name, value in bytes_of(raw) if name.lower() == b"set-cookie"]
        response = self._library.response(200, headers=cookies, request=self._library.request("GET", url))
        self._client.cookies.extract_cookies(response)

    def _shared_auth(self) -> SharedAuth:
        """Return the client's present auth, of which there is one, with one renewal for all requests."""
        auth = self._client.auth
        if self._auth is None or not self._auth.shares(auth):
            self._auth = shared_auth(auth, self._library.auth)
        return self._auth
