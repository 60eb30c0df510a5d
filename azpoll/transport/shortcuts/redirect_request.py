"""Build the request that follows a redirect, as the client itself would.

No public function of httpx builds it from a response of a transport. `client.send` builds it as
`response.next_request`.

This is no shortcut: azpoll follows the redirects of an initial request itself, because `client.send` reads the body of
each redirect without a limit. A second implementation of the rules for methods and credentials could disagree with
those of the library.

Cost: no poll calls it, 0.0 % of a poll.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azpoll.transport.library import HTTPRequest


def redirect_request(client: Any, response: Any) -> HTTPRequest | None:  # noqa: ANN401 - of either library
    """Return the request to the target of a redirect; None if the response is no redirect.

    Raises:
        Exception: the `RemoteProtocolError` of the library, because the target is no URL.
    """
    if not response.has_redirect_location:
        return None
    request: HTTPRequest = response.next_request or client._build_redirect_request(response.request, response)  # noqa: SLF001 - no public name builds it
    return request
