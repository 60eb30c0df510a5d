"""Sending a poll: with the client's auth, hooks, cookies, proxies and TLS, and with nothing else.

`client.send` costs several times what its transport does: for each request it looks for cookies in the answer,
writes a log line, and is ready to follow redirects. A poll is handed straight to the transport that the client would
choose for its URL, and passes through the client's auth on its way. Where anybody would see the difference, because
the client has event hooks or a `send` that is not its library's own, it goes through `client.send`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from azpoll.transport.direct import at_once, direct_of
from azpoll.transport.library import ResponseT
from azpoll.transport.renewal import SharedRenewal
from azpoll.transport.requests import REQUEST_ID, Requests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from azpoll.transport.direct import Received
    from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse, Library
    from azpoll.transport.urls import URLs

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

    def __init__(self, client: HTTPClient[ResponseT], library: Library, urls: URLs) -> None:
        self._client = client
        self._library = library
        self._urls = urls
        self._requests = Requests(client, library, urls)
        self._auth: SharedRenewal | None = None
        self._transport_for: Callable[[object], Any] | None = None
        if all(_is_of_library(getattr(client, step, None), library) for step in STEPS):
            self._transport_for = getattr(client, STEPS[-1])

    @property
    def at_once(self) -> int:
        """How many requests the client's own transport serves well at once."""
        return at_once(None if self._transport_for is None else self._transport_for(self._library.url(HOME)))

    async def send(self, method: str, url: str, client_request_id: str | None) -> Received:
        """Send a request without a body; redirects are not followed, and the answer's body is not read.

        Raises:
            Exception: whatever the client's transport, auth or event hooks raise.
        """
        transport_for, hooks = self._transport_for, self._client.event_hooks
        if transport_for is None or hooks["request"] or hooks["response"]:
            return await self.send_whole(self._requests.make(method, url, client_request_id))
        if self._client.auth is not None:
            request = self._requests.make(method, url, client_request_id)
            return await self._shared_auth().send(request, self._by_transport)
        model = self._requests.model(method, url)
        direct = None if model is None else direct_of(transport_for(model.request.url))
        if model is not None and direct is not None:
            headers = model.headers if client_request_id is None else (*model.headers, (REQUEST_ID, client_request_id))
            return await direct(self._urls.text_of(url), headers, model.timeouts)
        return await self._by_transport(self._requests.like(model, method, url, client_request_id))

    async def send_whole(self, request: HTTPRequest) -> HTTPResponse:
        """The same, through `client.send`."""
        if self._client.auth is None:
            return await self._by_client(request)
        return await self._shared_auth().send(request, self._by_client)

    async def _by_transport(self, request: HTTPRequest) -> HTTPResponse:
        assert self._transport_for is not None  # noqa: S101 - `send` has asked
        response: HTTPResponse = await self._transport_for(request.url).handle_async_request(request)
        response.request = request
        return response

    async def _by_client(self, request: HTTPRequest) -> HTTPResponse:
        sent: Any = request  # it is of the client's own class, which the types here cannot say
        none: Any = None  # the auth has signed it, if there is one
        return await self._client.send(sent, stream=True, auth=none, follow_redirects=False)

    def keep_cookies(self, url: str, raw: Sequence[tuple[bytes, bytes]]) -> None:
        """Let the client keep the cookies in the headers of an answer, as `client.send` does."""
        cookies = [(name, value) for name, value in raw if name.lower() == b"set-cookie"]
        self._keep_cookies_of(self._library.response(200, headers=cookies, request=self._library.request("GET", url)))

    def _shared_auth(self) -> SharedRenewal:
        """Return the client's present auth, of which there is one, with one renewal for all requests."""
        auth = self._client.auth
        if self._auth is None or not self._auth.shares(auth):
            self._auth = SharedRenewal(auth, self._library.auth, self._keep_cookies_of)
        return self._auth

    def _keep_cookies_of(self, response: HTTPResponse) -> None:
        self._client.cookies.extract_cookies(response)


def _is_of_library(step: object, library: Library) -> bool:
    """Whether a method is the library's own, neither overridden nor wrapped by an instrument."""
    module: object = getattr(step, "__globals__", {}).get("__name__")
    return isinstance(module, str) and module.partition(".")[0] == library.name
