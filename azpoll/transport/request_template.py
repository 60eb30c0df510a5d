"""Requests for polls, as the client would build them and at a fraction of the cost.

`client.build_request` parses the URL and merges headers, cookies and timeouts for each request. A `RequestTemplate`
holds the result for one origin, until the client's settings change. Requests of one iteration of the event loop share
one check of these settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azpoll.eventloop.clock import at_next_turn
from azpoll.eventloop.timeouts import EXCHANGE_S
from azpoll.protocol.url_policy import before_path
from azpoll.transport.client_request_id import CLIENT_REQUEST_ID
from azpoll.transport.headers import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse, Library
    from azpoll.transport.shortcuts.url_cache import URLCache

ORIGINS_KEPT = 64
"""The greatest number of templates."""


class RequestTemplate:
    """The parts that all GET requests of one origin share.

    Attributes:
        headers: the headers.
        headers_as_text: the same as pairs of text.
        stream: the empty body.
        timeouts: in seconds, by kind.
        url: the URL of one request, from which the client chooses a transport.
    """

    __slots__ = ("headers", "headers_as_text", "stream", "timeouts", "url")

    def __init__(self, request: HTTPRequest) -> None:
        self.headers = request.headers
        self.headers_as_text = tuple(text_of(request.headers.raw))
        self.stream = request.stream
        self.timeouts: Mapping[str, float | None] = request.extensions["timeout"]
        self.url = request.url


class RequestFactory:
    """Builds the requests of one client.

    Args:
        client: the caller's.
        library: the client's.
        urls: builds URL objects of the library.
    """

    def __init__(self, client: HTTPClient[HTTPResponse], library: Library, urls: URLCache) -> None:
        self._client = client
        self._library = library
        self._urls = urls
        self._settings: object = None
        self._is_fresh = False
        self._has_cookies = False
        self._templates: dict[str, RequestTemplate | None] = {}

    def build(self, method: str, url: str, client_request_id: str | None) -> HTTPRequest:
        """Build a request without a body for exactly this URL, with the client's headers and cookies.

        The client's `params` are not added, because a polling URL is complete. The exchange as a whole has a time
        limit. The client's limit for a connection, a read or a write is kept only if it is shorter. Its pool limit is
        not kept: a wait for a connection of the client says nothing about the service.
        """
        return self.build_from(self.template_for(method, url), method, url, client_request_id)

    def build_from(
        self, template: RequestTemplate | None, method: str, url: str, client_request_id: str | None
    ) -> HTTPRequest:
        """Build the same request from the template of its origin; None builds it with the client."""
        if template is None:
            request = self._build_with_client(method, url)
        else:
            request = self._library.request(
                method,
                self._urls.of(url),
                headers=template.headers,
                stream=template.stream,
                extensions={"timeout": template.timeouts},
            )
            request.read()
        if client_request_id is not None:
            request.headers[CLIENT_REQUEST_ID] = client_request_id
        return request

    def template_for(self, method: str, url: str) -> RequestTemplate | None:
        """Return the template of the URL's origin; None where requests of one origin differ.

        Cookies depend on the URL, and a client of a derived class may build requests of its own class.
        """
        if not self._is_fresh:
            self._refresh()
        if method != "GET" or self._has_cookies:
            return None
        origin = before_path(url)
        if origin in self._templates:
            return self._templates[origin]
        if len(self._templates) >= ORIGINS_KEPT:
            self._templates.clear()
        request = self._build_with_client("GET", url)
        is_plain = type(request) is self._library.request
        return self._templates.setdefault(origin, RequestTemplate(request) if is_plain else None)

    def _refresh(self) -> None:
        """Discard the templates if the client's settings have changed."""
        self._has_cookies = bool(self._client.cookies)
        settings = (self._client.headers.raw, self._client.timeout)
        if self._settings != settings:
            self._settings = settings
            self._templates.clear()
        self._is_fresh = at_next_turn(self._expire)

    def _expire(self) -> None:
        self._is_fresh = False

    def _build_with_client(self, method: str, url: str) -> HTTPRequest:
        build: Any = self._client.build_request
        request: HTTPRequest = build(method, url, headers={"Accept-Encoding": "identity"})
        request.url = self._urls.of(url)
        timeouts: dict[str, float | None] = request.extensions["timeout"]
        request.extensions["timeout"] = {
            kind: limit_s if limit_s is not None and limit_s < EXCHANGE_S and kind != "pool" else None
            for kind, limit_s in timeouts.items()
        }
        return request
