"""Requests for polls, made as the client would make them and at a fraction of the cost.

`client.build_request` merges the same headers, cookies and timeouts anew each time. They are merged once here, and
again only when the client's own have changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse, Library

REQUEST_ID = "x-ms-client-request-id"


class Requests:
    """Makes the requests of one client.

    Args:
        client: the caller's.
        library: the client's.
    """

    def __init__(self, client: HTTPClient[HTTPResponse], library: Library) -> None:
        self._client = client
        self._library = library
        self._seen: object = None
        self._model: Any = None

    def make(self, method: str, url: str, client_request_id: str | None) -> HTTPRequest:
        """Return a request for a URL exactly as it stands, with the client's headers and cookies.

        The client's own parameters are not added: a polling URL is the service's word. Waiting for a connection has no
        limit of its own, since it says nothing of the service; the whole exchange has one.
        """
        client = self._client
        if client.cookies:  # they depend on the URL
            request: HTTPRequest = client.build_request(method, url, headers={"Accept-Encoding": "identity"})
            request.url = self._library.url(url)
            request.extensions["timeout"]["pool"] = None
        else:
            seen = (client.headers.raw, client.timeout)
            if self._seen != seen:
                self._model = client.build_request("GET", url, headers={"Accept-Encoding": "identity"})
                self._model.headers.pop("host", None)
                self._model.extensions["timeout"]["pool"] = None
                self._seen = seen
            request = self._library.request(
                method, url, headers=self._model.headers, extensions={"timeout": self._model.extensions["timeout"]}
            )
        if client_request_id is not None:
            request.headers[REQUEST_ID] = client_request_id
        return request
