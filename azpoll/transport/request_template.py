"""Requests for polls, made as the client would make them and at a fraction of the cost.

`client.build_request` parses the URL and merges the same headers, cookies and timeouts anew each time. Here they are
merged once for each origin, and again only when the client's own have changed. Requests that are made in one turn of
the event loop share one look at these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.eventloop.clock import at_next_turn
from azpoll.eventloop.timeouts import EXCHANGE_S
from azpoll.transport.client_request_id import CLIENT_REQUEST_ID
from azpoll.transport.headers import text_of
from azpoll.transport.shortcuts.url_cache import origin_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse, Library
    from azpoll.transport.shortcuts.url_cache import URLCache

ORIGINS_KEPT = 64


class RequestTemplate:
    """What every GET of one origin is like.

    Attributes:
        request: one of them.
        headers: its headers as text.
        timeouts: in seconds, by kind.
    """

    __slots__ = ("headers", "request", "timeouts")

    def __init__(self, request: HTTPRequest) -> None:
        self.request = request
        self.headers = tuple(text_of(request.headers.raw))
        self.timeouts: Mapping[str, float | None] = request.extensions["timeout"]


class RequestFactory:
    """Makes the requests of one client.

    Args:
        client: the caller's.
        library: the client's.
        urls: makes the library's URLs.
    """

    def __init__(self, client: HTTPClient[HTTPResponse], library: Library, urls: URLCache) -> None:
        self._client = client
        self._library = library
        self._urls = urls
        self._seen: object = None
        self._looked = False
        self._shared = False
        self._models: dict[str, RequestTemplate] = {}

    def make(self, method: str, url: str, client_request_id: str | None) -> HTTPRequest:
        """Return a request for a URL exactly as it stands, with the client's headers and cookies.

        The client's own parameters are not added: a polling URL is the service's word. Waiting for a connection has no
        limit of its own, since it says nothing of the service; the whole exchange has one, and what the client allows
        a connection, a read or a write beyond that is left out, since each limit has a timer in httpx's pool.
        """
        return self.like(self.model(method, url), method, url, client_request_id)

    def like(self, model: RequestTemplate | None, method: str, url: str, client_request_id: str | None) -> HTTPRequest:
        """Return the same, with the model of its origin at hand."""
        if model is None:
            request = self._built(method, url)
        else:
            request = copy_of(model.request)
            request.url = self._urls.of(url)
            request.headers = self._library.headers(request.headers)
            request.extensions = {"timeout": model.timeouts}
        if client_request_id is not None:
            request.headers[CLIENT_REQUEST_ID] = client_request_id
        return request

    def model(self, method: str, url: str) -> RequestTemplate | None:
        """Return what all requests of an origin share; None for those that share nothing."""
        if not self._looked:
            self._look()
        if method != "GET" or not self._shared:
            return None
        origin = origin_in(url)
        if origin in self._models:
            return self._models[origin]
        if len(self._models) >= ORIGINS_KEPT:
            self._models.clear()
        return self._models.setdefault(origin, RequestTemplate(self._built("GET", url)))

    def _look(self) -> None:
        """See whether the client's settings are still those that the models were made with."""
        self._shared = not self._client.cookies  # they depend on the URL
        seen = (self._client.headers.raw, self._client.timeout)
        if self._seen != seen:
            self._seen = seen
            self._models.clear()
        self._looked = at_next_turn(self._look_again)

    def _look_again(self) -> None:
        self._looked = False

    def _built(self, method: str, url: str) -> HTTPRequest:
        request: HTTPRequest = self._client.build_request(method, url, headers={"Accept-Encoding": "identity"})
        request.url = self._urls.of(url)
        timeouts: dict[str, float | None] = request.extensions["timeout"]
        request.extensions["timeout"] = {
            kind: limit_s if limit_s is not None and limit_s < EXCHANGE_S and kind != "pool" else None
            for kind, limit_s in timeouts.items()
        }
        return request


def copy_of(request: HTTPRequest) -> HTTPRequest:
    """Return a shallow copy, without the detour that `copy.copy` takes."""
    made: HTTPRequest = object.__new__(request.__class__)
    made.__dict__ = {**request.__dict__}
    return made
