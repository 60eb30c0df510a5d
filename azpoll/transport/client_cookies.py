"""Keep the answers to azpoll's requests out of the cookie jar of the client (rule 52).

`client.send` stores the cookies of each response in the client. They would then be sent with the requests of other
operations, and one that cannot be encoded would make each of these fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.transport.library import HTTPClient, HTTPRequest, HTTPResponse

_MARK = "azpoll.keeps_cookies"
"""The name of the extension by which azpoll's own requests are known; a redirect of one has it too."""


class _Extraction:
    """The client's `extract_cookies`, which ignores the responses to marked requests."""

    def __init__(self, extract: Callable[[Any], object]) -> None:
        self._extract = extract

    def __call__(self, response: Any) -> None:  # noqa: ANN401 - of either library
        if _MARK not in response.request.extensions:
            self._extract(response)


def keep_cookies_from(client: HTTPClient[HTTPResponse], request: HTTPRequest) -> None:
    """Make the client store no cookie of the response to a request, before `client.send` sends it.

    The responses to the client's other requests are stored as before.
    """
    request.extensions[_MARK] = True
    cookies: Any = client.cookies
    if type(cookies.extract_cookies) is not _Extraction:
        cookies.extract_cookies = _Extraction(cookies.extract_cookies)
