"""Operations that another process or library began, and their trust: no stored text names an origin that is polled.

The caller names the origins (rule 9), since stored texts can be forged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.errors import InvalidResumeToken, UntrustedPollingURL
from azpoll.protocol import azure_core_token
from azpoll.protocol.token_content import InvalidToken
from azpoll.protocol.url_policy import is_addressable, lists, origin_of

if TYPE_CHECKING:
    from azpoll.protocol.azure_core_token import StoredResponse
    from azpoll.protocol.url_policy import URLPolicy


def continued(text: str, trust: URLPolicy) -> StoredResponse:
    """Return the initial response in a continuation token of azure-core (rule 57).

    Raises:
        InvalidResumeToken: the text is no such token, or cannot be used.
        UntrustedPollingURL: the token names an origin that the caller does not.
    """
    if "://" in text:
        raise InvalidResumeToken("a URL is no continuation token: tracker.follow tracks the URL of a status")
    try:
        stored = azure_core_token.read(text)
    except InvalidToken as error:
        raise InvalidResumeToken(f"the continuation token cannot be used: {error}") from error
    check_stored_origin("the continuation token", stored.request.url, trust)
    return stored


def is_trusted(url: str, trust: URLPolicy) -> bool:
    """Whether requests with the client's credentials may go to the origin of a URL. A relative URL is the client's.

    Raises `ValueError` if the URL is none.
    """
    try:
        parsed = trust.parse(url)
        if not (parsed.scheme and parsed.raw_host):
            return True
        origin = origin_of(parsed)
    except Exception as error:  # the URL class may raise any exception
        raise ValueError("the URL is invalid") from error
    if not is_addressable(origin) or parsed.userinfo:
        raise ValueError("the URL names a user, or a host or a port that no server can have")
    return origin == trust.initial or lists(trust.allowed, origin)


def check_stored_origin(name: str, url: str, trust: URLPolicy) -> None:
    """Raise `UntrustedPollingURL` unless the caller trusts the origin of a URL in a stored text with that name.

    Raises `InvalidResumeToken` if the URL is none.
    """
    try:
        origin = origin_of(trust.parse(url))
    except Exception as error:  # the URL class may raise any exception
        raise InvalidResumeToken(f"{name} cannot be used: it holds an invalid URL") from error
    if origin != trust.initial and not lists(trust.allowed | trust.anonymous, origin):
        raise UntrustedPollingURL(
            f"{name} names {origin.shown()}, which is neither the origin of the client's base_url nor"
            " listed; nothing was sent. If you trust that origin, list it in allowed_origins"
        )
