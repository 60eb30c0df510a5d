"""Resume tokens: a pending state as versioned JSON in base64url, and back (rule 42).

A token is as long as the URLs in it: 0.5 kB where they are plain, 4 to 9 kB where they are signed. It has no body and
no credential, unless the caller stores one in it. It is a secret all the same: the URLs of a service may be signed. It
is never trusted. Its schema is strict, and `URLPolicy` checks each of its URLs against the origins that the caller
lists, not against its own (rule 9). `token_v1` and `token_v2` have the schema of each version.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping

from azpoll.protocol import token_v1, token_v2
from azpoll.protocol.delay import IMMEDIATELY
from azpoll.protocol.json_body import is_object
from azpoll.protocol.patterns import BY_NAME
from azpoll.protocol.plan import CancelMethod, Plan, RequestOptions
from azpoll.protocol.request_headers import HeaderPairs
from azpoll.protocol.states import Confirming, Fetching, NextRequest, Pending, Polling
from azpoll.protocol.status_document import NO_WORDS
from azpoll.protocol.stored_url import KeptURL, stored
from azpoll.protocol.token_content import (
    END_OF_TIME,
    FETCHING,
    MAX_LABEL,
    InvalidToken,
    Token,
    is_plain,
)
from azpoll.protocol.url_policy import RejectedURL

MAX_TOKEN = 96 * 1024
"""Longest token, in characters: room for four URLs of the greatest length with each character escaped (rule 13)."""

_READERS: Mapping[int, Callable[[Mapping[str, object]], Token]] = {1: token_v1.read, 2: token_v2.read}
"""The decoder of each version."""

_VERSION = 2
_to_json = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` would make an encoder for each token
_NO_URL = "refused:"  # replaces a URL that no list of origins can make acceptable, and is rejected itself

_SHORTER: tuple[Callable[[Token], Token], ...] = (
    lambda token: token._replace(client_request_id=None),
    lambda token: token._replace(label=None),
    lambda token: token._replace(poll_headers=()),
    lambda token: token._replace(terminal_words=NO_WORDS),
    lambda token: token._replace(cancel_url=None, cancel_method="POST"),
)
"""Each omits one member. They apply in this order while the token is too long to be read."""


def token_of(
    state: Pending,
    not_before: float,
    *,
    operation_id: str | None = None,
    label: str | None = None,
    begun: float | None = None,
    deadline: float | None = None,
    sent: float | None = None,
) -> Token:
    """Return the token of a state; a resumed operation counts its failures from 0. Times are Unix times in seconds.

    HTTP allows a client request id that is not printable ASCII. The token omits it, since `decode` would refuse it.
    It omits a cancel URL that is refused too: else the operation could not be resumed.
    """
    plan, polling = state.plan, state.polling if isinstance(state, Confirming) else state
    location = None if isinstance(polling, Fetching) else polling.location
    cancel_url, cancel_method = _cancel_of(plan)
    return Token(
        *_target_of(plan, polling),
        final_state_via=plan.final_state_via,
        client_request_id=plan.client_request_id if is_plain(plan.client_request_id) else None,
        not_before=not_before,
        rejected_location=(location.url or _NO_URL) if isinstance(location, RejectedURL) else None,
        operation_id=operation_id,
        label=None if label is None else label[:MAX_LABEL],
        begun=begun,
        deadline=None if deadline is None or deadline >= END_OF_TIME else deadline,
        sent=sent,
        choice=plan.pattern,
        status_member=plan.status_member,
        terminal_words=plan.terminal_words,
        result=plan.result,
        cancel_url=cancel_url,
        cancel_method=cancel_method,
        poll_headers=_stored_headers(plan.request_options),
    )


def encode(token: Token, key: bytes | None = None) -> str:
    """Return the text of a token; with a key, a dot and the HMAC-SHA256 of the text follow.

    If the text would be too long for `decode`, the token omits what tracking can best do without.
    """
    for shorter in _SHORTER:
        text = _text_of(token, key)
        if len(text) <= MAX_TOKEN:
            return text
        token = shorter(token)
    return _text_of(token, key)


def decode(text: str, key: bytes | None = None) -> Token:
    """Return the token of a text.

    Raises:
        InvalidToken: the text is too long, not a token of this version and schema, or not signed with this key.
    """
    if len(text) > MAX_TOKEN:
        raise InvalidToken(f"it is longer than {MAX_TOKEN} characters")
    if "://" in text:
        raise InvalidToken("it is a URL, and `follow` tracks the URL of a status")
    if not text.isascii():
        raise InvalidToken("it is not a resume token")
    payload, dot, signature = text.strip().partition(".")
    if key is None and dot:
        raise InvalidToken("it is signed: the key it was signed with is needed")
    if key is not None and not hmac.compare_digest(_signature(payload, key).encode(), signature.encode()):
        raise InvalidToken("it is not signed with this key, or was changed")
    try:
        members = json.loads(base64.b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidToken("it is not a resume token, or was cut") from error
    version = members.get("v") if is_object(members) else None
    if not is_object(members) or not isinstance(version, int) or isinstance(version, bool) or version not in _READERS:
        raise InvalidToken("it is not a resume token of version 1 or 2")
    del members["v"]
    return _READERS[version](members)


def derived_id(text: str) -> str:
    """Return an operation id for a token that has none, as those of version 1."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def state_of(token: Token, plan: Plan) -> Pending | RejectedURL:
    """Return the state of a token, with every URL checked by `plan.url_policy`; or the first rejected URL.

    If the polling URL alone is rejected, the operation resumes at its fallback.
    """

    def checked(named: str) -> str | RejectedURL:
        return plan.resolve(named, plan.resource_url)

    if isinstance(resource := checked(plan.resource_url), RejectedURL):
        return resource
    location = None if token.location is None else checked(token.location)
    if isinstance(location, RejectedURL):
        return location
    if token.rejected_location is not None:
        location = checked(token.rejected_location)
    fallback = None if token.fallback is None else checked(token.fallback)
    if isinstance(fallback, RejectedURL):
        return fallback
    if token.cancel_url is not None and isinstance(cancel_url := checked(token.cancel_url), RejectedURL):
        return cancel_url
    url = checked(token.url)
    if isinstance(url, RejectedURL):
        if fallback is None:
            return url
        url, fallback = fallback, None
    kept_url = stored(url)
    request = NextRequest(kept_url, IMMEDIATELY)
    if token.pattern == FETCHING:
        return Fetching(plan, kept_url, request)
    return Polling(plan, BY_NAME[token.pattern], kept_url, request, location=_kept(location), fallback=fallback)


def _kept(location: str | RejectedURL | None) -> KeptURL | RejectedURL | None:
    return stored(location) if isinstance(location, str) else location


def _target_of(plan: Plan, polling: Polling | Fetching) -> tuple[str, str, str, str, str | None, str | None]:
    """Return method, resource, pattern, URL, fallback and location."""
    if isinstance(polling, Fetching):
        return plan.method, plan.resource_url, FETCHING, polling.url, None, None
    location = polling.location
    text = None if location is None or isinstance(location, RejectedURL) else str(location)
    return plan.method, plan.resource_url, polling.pattern.name, polling.url, polling.fallback, text


def _cancel_of(plan: Plan) -> tuple[str | None, CancelMethod]:
    """Return URL and method of the cancel request, without a URL that is refused."""
    url, method = plan.request_options.cancel_url, plan.request_options.cancel_method
    is_refused = url is not None and isinstance(plan.resolve(url, plan.resource_url), RejectedURL)
    return (None, "POST") if is_refused else (url, method)


def _stored_headers(options: RequestOptions) -> HeaderPairs:
    stored_names = options.stored_headers
    return tuple(pair for pair in options.poll_headers if pair[0].lower() in stored_names)


def _text_of(token: Token, key: bytes | None) -> str:
    members = {"v": _VERSION, **token_v2.members_of(token)}
    text = _base64(_to_json(members).encode())
    return text if key is None else f"{text}.{_signature(text, key)}"


def _signature(payload: str, key: bytes) -> str:
    return _base64(hmac.new(key, payload.encode(), hashlib.sha256).digest())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
