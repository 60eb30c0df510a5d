"""Resume tokens: a pending state as versioned JSON in base64url, and back (rule 42).

A token is about 0.5 kB of URLs and names, without a header, body or credential. It is a secret all the same: the URLs
of a service may be signed. It is never trusted. Its schema is strict, and `URLPolicy` checks each of its URLs against
the origins that the caller lists, not against its own (rule 9).
"""

import base64
import binascii
import hashlib
import hmac
import json
from typing import NamedTuple, TypeGuard

from azpoll.protocol.delay import IMMEDIATELY
from azpoll.protocol.json_body import is_object
from azpoll.protocol.patterns import BY_NAME
from azpoll.protocol.plan import FinalStateVia, Plan
from azpoll.protocol.states import Confirming, Fetching, NextRequest, Pending, Polling
from azpoll.protocol.url_policy import RejectedURL

MAX_TOKEN = 96 * 1024
"""Longest token, in characters: room for four URLs of the greatest length with each character escaped (rule 13)."""

METHODS = ("PUT", "PATCH", "POST", "DELETE", "GET")
"""Methods that start long-running operations."""

_VERSION = 1
_FETCHING = "fetching"
_NO_URL = "refused:"  # replaces a URL that no list of origins can make acceptable, and is rejected itself


class InvalidToken(ValueError):
    """The text is not a token, or was changed; the message says which."""


class Token(NamedTuple):
    """The content of a token; other fields are as in `Plan` and `Polling`.

    Attributes:
        pattern: a name in `patterns.BY_NAME`, or "fetching" if only the result is missing.
        url: the current polling URL, or that of the final GET.
        not_before: Unix time in seconds before which the service asked not to be polled.
        rejected_location: a `Polling.location` that was rejected. It matters only if it is used, and its origin may be
            trusted by then.
    """

    method: str
    resource_url: str
    pattern: str
    url: str
    fallback: str | None = None
    location: str | None = None
    final_state_via: FinalStateVia | None = None
    client_request_id: str | None = None
    not_before: float = 0.0
    rejected_location: str | None = None

    def __repr__(self) -> str:  # without URLs, whose queries may be secret (rule 45)
        return f"<Token of a {self.method}, {self.pattern}>"


_SHORTENED = {
    "resource_url": "resource",
    "rejected_location": "refused",
    "final_state_via": "via",
    "client_request_id": "request_id",
}
_NAMES = {_SHORTENED.get(field, field): field for field in Token._fields}
"""The name of each member of the JSON object, and of its field."""

_REQUIRED = frozenset({"method", "resource", "pattern", "url"})


def token_of(state: Pending, not_before: float) -> Token:
    """Return the token of a state; a resumed operation counts its failures from 0.

    HTTP allows a client request id that is not printable ASCII. The token omits it, since `decode` would refuse it.
    """
    plan = state.plan
    polling = state.polling if isinstance(state, Confirming) else state
    token = Token(
        method=plan.method,
        resource_url=plan.resource_url,
        pattern=_FETCHING if isinstance(polling, Fetching) else polling.pattern.name,
        url=polling.url,
        final_state_via=plan.final_state_via,
        client_request_id=plan.client_request_id if _is_plain(plan.client_request_id) else None,
        not_before=not_before,
    )
    if isinstance(polling, Fetching):
        return token
    if isinstance(polling.location, RejectedURL):
        return token._replace(fallback=polling.fallback, rejected_location=polling.location.url or _NO_URL)
    return token._replace(fallback=polling.fallback, location=polling.location)


def encode(token: Token, key: bytes | None = None) -> str:
    """Return the text of a token; with a key, a dot and the HMAC-SHA256 of the text follow.

    If the text would be too long for `decode`, the token omits the client request id.
    """
    members = {name: value for name, value in zip(_NAMES, token, strict=True) if value not in (None, 0.0)}
    text = _base64(json.dumps({"v": _VERSION, **members}, separators=(",", ":")).encode())
    if key is not None:
        text = f"{text}.{_signature(text, key)}"
    if len(text) > MAX_TOKEN and token.client_request_id is not None:
        return encode(token._replace(client_request_id=None), key)
    return text


def decode(text: str, key: bytes | None = None) -> Token:
    """Return the token of a text.

    Raises:
        InvalidToken: the text is too long, not a token of this version and schema, or not signed with this key.
    """
    if len(text) > MAX_TOKEN:
        raise InvalidToken(f"it is longer than {MAX_TOKEN} characters")
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
    return _checked(members)


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
    url = checked(token.url)
    if isinstance(url, RejectedURL):
        if fallback is None:
            return url
        url, fallback = fallback, None
    request = NextRequest(url, IMMEDIATELY)
    if token.pattern == _FETCHING:
        return Fetching(plan, url, request)
    return Polling(plan, BY_NAME[token.pattern], url, request, location=location, fallback=fallback)


def _checked(members: object) -> Token:
    if not is_object(members) or members.get("v") != _VERSION or isinstance(members["v"], (bool, float)):
        raise InvalidToken(f"it is not a resume token of version {_VERSION}")
    del members["v"]
    if not _REQUIRED <= members.keys() <= _NAMES.keys():
        raise InvalidToken("its members are not those of a resume token")
    not_before = members.pop("not_before", 0.0)
    if isinstance(not_before, bool) or not isinstance(not_before, (int, float)) or not 0 <= not_before < 1e11:  # noqa: PLR2004 - far beyond any date
        raise InvalidToken("its time is not a time")
    texts = {_NAMES[name]: value for name, value in members.items() if _is_plain(value)}
    if len(texts) != len(members):
        raise InvalidToken("its members are not plain text")
    if texts["method"] not in METHODS or texts["pattern"] not in {_FETCHING, *BY_NAME}:
        raise InvalidToken("it names an unknown method or polling pattern")
    via = texts.pop("final_state_via", None)
    if via not in {None, *FinalStateVia}:
        raise InvalidToken("it names an unknown final_state_via")
    return Token(**texts, final_state_via=None if via is None else FinalStateVia(via), not_before=float(not_before))


def _is_plain(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _signature(payload: str, key: bytes) -> str:
    return _base64(hmac.new(key, payload.encode(), hashlib.sha256).digest())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
