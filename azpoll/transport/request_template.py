"""Requests for polls, as the client would build them and at a fraction of the cost.

`client.build_request` parses the URL and merges headers, cookies and timeouts for each request. A `RequestTemplate`
holds the result for one origin, until the client's settings change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_plus

from azpoll.protocol.cookies import joined
from azpoll.protocol.url_policy import before_path, origin_of
from azpoll.transport.library import timeout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from azpoll.protocol.request_headers import HeaderPairs
    from azpoll.protocol.url_policy import Origin, ParsedURL
    from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse
    from azpoll.transport.shortcuts.direct_send import TextHeaders

ORIGINS_KEPT = 64
"""The greatest number of templates."""

CONNECT_TIMEOUT_S = 30.0
"""The greatest time limit for a connection in seconds, and for its TLS handshake.

The HTTP library closes a connection that reaches it. If the limit of the whole request cancelled the handshake,
httpcore would leave the socket to the garbage collector."""


class RequestTemplate(NamedTuple):
    """A GET request whose headers, body and timeouts are those of all GET requests of one origin."""

    request: HTTPRequest
    headers: TextHeaders


class RequestFactory:
    """Builds the requests for the polls of one client."""

    def __init__(
        self,
        client: HTTPClient[HTTPResponse],
        library: ModuleType,
        parse_url: Callable[[str], ParsedURL],
        timeout_s: float,
    ) -> None:
        self._timeout_s = timeout_s
        self._client = client
        self._library = library
        self._parse_url = parse_url
        self._settings: object = None
        self._templates: dict[str, RequestTemplate | None] = {}

    def build(
        self,
        template: RequestTemplate | None,
        method: str,
        url: str,
        own: HeaderPairs,
        cookies: tuple[str, ...] = (),
    ) -> HTTPRequest:
        """Build a request without a body for exactly this URL, with the client's headers and cookies.

        The headers `own` replace those of the client of the same names, and so do the `cookies`. The request as a
        whole has a time limit. The client's limit for a connection, a read or a write is kept only if it is shorter
        and not the default. Its pool limit is not kept: a wait for a connection of the client says nothing about the
        service. Without the template of the URL's origin, the client builds the request.
        """
        if template is None:
            request = self._build_with_client(method, url)
        else:
            shared, parsed = template.request, self._parse_url(url)
            request = self._library.Request(
                method, parsed, headers=shared.headers, stream=shared.stream, extensions=shared.extensions
            )
            request.read()
        for name, value in own:
            request.headers[name] = value
        if cookies:
            request.headers["Cookie"] = joined(request.headers.get("Cookie"), cookies)
        return request

    def with_params(self, url: str, origin: Origin) -> str:
        """Return a URL with those of the client's default query parameters that it lacks (rule 45).

        They are appended and nothing else changes. A URL of another origin does not change.
        """
        if origin_of(self._parse_url(url)) != origin:
            return url
        present = {_name_of(pair) for pair in url.partition("?")[2].split("&")}
        lacking = [pair for pair in str(self._client.params).split("&") if _name_of(pair) not in present]
        return f"{url}{'&' if '?' in url else '?'}{'&'.join(lacking)}" if lacking else url

    def template_for(self, method: str, url: str) -> RequestTemplate | None:
        """Return the template of the URL's origin; None where requests of one origin differ.

        Cookies depend on the URL, and a client of a derived class may build requests of its own class.
        """
        if method != "GET" or self._client.cookies:
            return None
        settings = (self._client.headers.raw, self._client.timeout)
        if self._settings != settings:
            self._settings = settings
            self._templates.clear()
        origin = before_path(url)
        if origin in self._templates:
            return self._templates[origin]
        if len(self._templates) >= ORIGINS_KEPT:
            self._templates.clear()
        request = self._build_with_client("GET", url)
        is_plain = type(request) is self._library.Request
        template = RequestTemplate(request, request.headers.multi_items()) if is_plain else None
        return self._templates.setdefault(origin, template)

    def build_anonymous(self, method: str, url: str) -> HTTPRequest:
        """Build a request without a body for exactly this URL, with nothing of the client but its time limits (rule 9).

        The client's headers and cookies may be credentials.
        """
        library = self._library
        headers = {
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "User-Agent": f"python-{library.__name__}/{library.__version__}",
        }
        timeouts = self._read_timeouts(library.Timeout(timeout_of(self._client, library)).as_dict())
        request: HTTPRequest = library.Request(
            method, self._parse_url(url), headers=headers, extensions={"timeout": timeouts}
        )
        return request

    def _build_with_client(self, method: str, url: str) -> HTTPRequest:
        timeout = timeout_of(self._client, self._library)
        headers = {"Accept-Encoding": "identity"}
        request: HTTPRequest = self._client.build_request(method, url, headers=headers, timeout=timeout)
        request.url = self._parse_url(url)
        request.extensions["timeout"] = self._read_timeouts(request.extensions["timeout"])
        return request

    def _read_timeouts(self, limits: Mapping[str, float | None]) -> dict[str, float | None]:
        kept = {
            kind: limit_s if limit_s is not None and limit_s < self._timeout_s and kind != "pool" else None
            for kind, limit_s in limits.items()
        }
        return with_connect_limit(kept, self._timeout_s)


def with_connect_limit(timeouts: Mapping[str, float | None], timeout_s: float) -> dict[str, float | None]:
    """Limit connecting and the TLS handshake each to half of the limit of the whole request, or to a shorter limit."""
    limits = (CONNECT_TIMEOUT_S, timeout_s / 2, timeouts.get("connect"))
    return {**timeouts, "connect": min(limit for limit in limits if limit is not None)}


def without(shared: TextHeaders, own: HeaderPairs) -> TextHeaders:
    """Return the shared headers that none of a request's own replaces: the same object if all remain."""
    names = {name.lower() for name, _ in own}
    kept = [pair for pair in shared if pair[0].lower() not in names]
    return shared if len(kept) == len(shared) else kept


def _name_of(pair: str) -> str:
    """Return the name of a query parameter; like `api-version` (rule 12), names compare in any letter case."""
    return unquote_plus(pair.partition("=")[0]).lower()
