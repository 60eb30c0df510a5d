"""Sending a poll: with the client's auth, hooks, cookies, proxies and TLS, and with nothing else.

`client.send` costs several times what its transport does: for each request it looks for cookies in the answer,
writes a log line, and is ready to follow redirects. A poll is handed straight to the transport that the client would
choose for its URL, and passes through the client's auth on its way. Where anybody would see the difference, because
the client has event hooks or a `send` that is not its library's own, it goes through `client.send`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from azpoll.transport.body import drain
from azpoll.transport.client_request_id import CLIENT_REQUEST_ID
from azpoll.transport.headers import bytes_of
from azpoll.transport.library import ResponseT
from azpoll.transport.request_template import RequestFactory
from azpoll.transport.shared_auth import SharedAuth, shared_auth
from azpoll.transport.shortcuts.direct_send import at_once
from azpoll.transport.shortcuts.transport_choice import transport_choice

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azpoll.protocol.answer import RawHeaders
    from azpoll.transport.library import HTTPClient, HTTPRequest, Library, StreamedResponse
    from azpoll.transport.request_template import RequestTemplate
    from azpoll.transport.shortcuts.direct_send import Direct, RawResponse
    from azpoll.transport.shortcuts.url_cache import URLCache

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
        self._auth: SharedAuth | None = None
        self._transport_for = transport_choice(client, library.name)

    @property
    def concurrency(self) -> tuple[int, int]:
        """The least and the greatest number of concurrent requests that the client's own transport serves well."""
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
        if direct is None:
            return None
        own = () if client_request_id is None else ((CLIENT_REQUEST_ID, client_request_id),)
        return direct(self._urls.text_of(url), model.headers, own, model.timeouts)

    async def send_whole(self, request: HTTPRequest) -> StreamedResponse:
        """The same, through `client.send`."""
        send: Any = self._client.send  # its types name classes of the client's library
        options = {} if self._client.auth is None else {"auth": self._shared_auth()}
        response: StreamedResponse = await send(request, stream=True, follow_redirects=False, **options)
        return response

    async def _signed(self, transport_for: Callable[[object], Any], request: HTTPRequest) -> StreamedResponse:
        """Let the auth sign the request, and send again what it makes of an answer."""
        flow = self._shared_auth().async_auth_flow(request)
        try:
            request = await anext(flow)
            while True:
                response: StreamedResponse = await transport_for(request.url).handle_async_request(request)
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
