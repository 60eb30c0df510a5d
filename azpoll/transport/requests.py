"""Requests for polls, made as the client would make them and at a fraction of the cost.

`client.build_request` parses the URL and merges the same headers, cookies and timeouts anew each time. Here they are
merged once for each origin, and again only when the client's own have changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.protocol.target import ParsedURL
    from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse, Library

REQUEST_ID = "x-ms-client-request-id"

ORIGINS_KEPT = 64

_SCHEME = len("https://")


class Requests:
    """Makes the requests of one client.

    Args:
        client: the caller's.
        library: the client's.
        parse: makes the library's URLs.
    """

    def __init__(self, client: HTTPClient[HTTPResponse], library: Library, parse: Callable[[str], ParsedURL]) -> None:
        self._client = client
        self._library = library
        self._parse = parse
        self._seen: object = None
        self._models: dict[str, HTTPRequest] = {}

    def make(self, method: str, url: str, client_request_id: str | None) -> HTTPRequest:
        """Return a request for a URL exactly as it stands, with the client's headers and cookies.

        The client's own parameters are not added: a polling URL is the service's word. Waiting for a connection has no
        limit of its own, since it says nothing of the service; the whole exchange has one.
        """
        if method != "GET" or self._client.cookies:  # cookies depend on the URL
            request = self._built(method, url)
        else:
            request = copy_of(self._model(url[: url.find("/", _SCHEME)], url))
            request.url = self._parse(url)
            request.headers = self._library.headers(request.headers)
            request.extensions = {"timeout": request.extensions["timeout"]}
        if client_request_id is not None:
            request.headers[REQUEST_ID] = client_request_id
        return request

    def _model(self, origin: str, url: str) -> HTTPRequest:
        """Return the request whose headers are those of every GET of an origin."""
        seen = (self._client.headers.raw, self._client.timeout)
        if self._seen != seen:
            self._seen = seen
            self._models.clear()
        if origin in self._models:
            return self._models[origin]
        if len(self._models) >= ORIGINS_KEPT:
            self._models.clear()
        return self._models.setdefault(origin, self._built("GET", url))

    def _built(self, method: str, url: str) -> HTTPRequest:
        request: HTTPRequest = self._client.build_request(method, url, headers={"Accept-Encoding": "identity"})
        request.url = self._parse(url)
        request.extensions["timeout"]["pool"] = None
        return request


def copy_of(request: HTTPRequest) -> HTTPRequest:
    """Return a shallow copy, without the detour that `copy.copy` takes."""
    made: HTTPRequest = object.__new__(request.__class__)
    made.__dict__ = {**request.__dict__}
    return made
