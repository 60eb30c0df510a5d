"""Resume tokens and continuation tokens of other processes, and their trust: no token names an origin that is polled.

The caller names the origins (rule 9), since stored texts can be forged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.errors import InvalidResumeToken, UntrustedPollingURL
from azpoll.protocol import azure_core_token, resume_token
from azpoll.protocol.token_content import InvalidToken
from azpoll.protocol.url_policy import RejectedURL, lists, origin_of

if TYPE_CHECKING:
    from azpoll.protocol.azure_core_token import StoredResponse
    from azpoll.protocol.plan import Plan
    from azpoll.protocol.states import Pending
    from azpoll.protocol.token_content import Token
    from azpoll.protocol.url_policy import URLPolicy

_OWN_BEGINNING = "eyJ2Ijo"
"""Base64 of `{"v":`, with which a resume token begins."""


def response_in(text: str, trust: URLPolicy) -> StoredResponse:
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
        advice = ". `resume` takes the resume tokens of azpoll" if text.lstrip().startswith(_OWN_BEGINNING) else ""
        raise InvalidResumeToken(f"the continuation token cannot be used: {error}{advice}") from error
    _check_origin("the continuation token", stored.request.url, trust)
    return stored


def token_in(text: str, key: bytes | None, trust: URLPolicy) -> Token:
    """Return the content of a resume token that is signed with the key, if there is one.

    Raises:
        InvalidResumeToken: the text is no such token, or was changed.
        UntrustedPollingURL: the token names an origin that the caller does not.
    """
    try:
        token = resume_token.decode(text, key)
    except InvalidToken as error:
        is_foreign = azure_core_token.is_continuation_token(text)
        advice = ". `track` takes the continuation tokens of azure-core" if is_foreign else ""
        raise InvalidResumeToken(f"the resume token cannot be used: {error}{advice}") from error
    _check_origin("the resume token", token.resource_url, trust)
    return token


def state_of(token: Token, plan: Plan) -> Pending:
    """Return the state of a resume token; raises `UntrustedPollingURL` if one of its URLs is refused."""
    state = resume_token.state_of(token, plan)
    if isinstance(state, RejectedURL):
        raise UntrustedPollingURL(f"a URL in the resume token is refused: {state.explanation}")
    return state


def _check_origin(name: str, url: str, trust: URLPolicy) -> None:
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
