"""Follow the redirects of an initial request, for `follow_redirects=True`.

`client.send` would read the body of each redirect without a limit, and would put its cookies into the client. So each
request is sent by itself. The rules for methods and credentials are those of the library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from azpoll.transport.body import read_body
from azpoll.transport.raw_response import BrokenStream, RawResponse, raw_response
from azpoll.transport.shortcuts.redirect_request import redirect_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from azpoll.transport.library import HTTPRequest, HTTPResponse

    OnRedirect = Callable[[HTTPResponse, HTTPRequest], None]
    """Called with each redirect that is followed, and with the request to its target before that is sent."""


class SendOne(Protocol):
    """Sends one request, and reads the body of its response if `is_read`."""

    async def __call__(self, request: HTTPRequest, *, is_read: bool) -> Any:  # noqa: ANN401 - of either library
        """Return the response, or a `RawResponse` that an exception of the client carries."""
        ...


class RedirectFollower:
    """Sends one request and the requests to which its answers redirect it; a `SendOne`.

    Args:
        client: that builds the requests; it limits their number with `max_redirects`.
        library: of the client.
        send: sends each of them.
        first: the request whose redirects are followed; not those of a request of the auth's own.
        on_redirect: called with each redirect.
        max_body: the longest body of a redirect in bytes.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - of either library
        library: ModuleType,
        send: SendOne,
        first: HTTPRequest,
        on_redirect: OnRedirect,
        *,
        max_body: int,
    ) -> None:
        self._client = client
        self._library = library
        self._send = send
        self._first_url = first.url
        self._on_redirect = on_redirect
        self._max_body = max_body

    async def __call__(self, request: HTTPRequest, *, is_read: bool) -> Any:  # noqa: ANN401 - as above
        """Return the response that is no redirect.

        Raises:
            Exception: of the library, such as `TooManyRedirects`; or of `read_body`, for the body of a redirect.
        """
        if request.url != self._first_url:
            return await self._send(request, is_read=is_read)
        for _ in range(self._client.max_redirects + 1):
            response = await self._send(request, is_read=is_read)
            if isinstance(response, RawResponse) or isinstance(response.stream, BrokenStream):
                return response
            try:
                target = redirect_request(self._client, response)
            except BaseException:
                await response.aclose()
                raise
            if target is None:
                return response
            await read_body(raw_response(response), self._max_body, response.headers.get("content-encoding", ""))
            self._on_redirect(response, target)
            request = target
        raise self._library.TooManyRedirects("the redirects do not end", request=request)
