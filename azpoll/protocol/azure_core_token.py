"""Continuation tokens of azure-core, read as data: the initial response of an operation (rule 57).

azure-core 1.38 and later write base64 of JSON. Earlier versions wrote a pickle, which is never read: a pickle can run
code (threat T6, CVE-2026-21226). A token is not trusted: `URLPolicy` checks its URLs as those of a resume token.
"""

import base64
import binascii
from collections.abc import Mapping

from azpoll.protocol.json_body import is_costly, object_in, value_in
from azpoll.protocol.plan import METHODS
from azpoll.protocol.token_content import InvalidToken, is_plain

MAX_TOKEN = 4 * 1024 * 1024
"""Longest token, in characters. A token holds the body of the initial response twice."""

_BEGINNINGS = ("eyJ2ZXJzaW9u", "gA")  # base64 of `{"version`, and of the first byte of a pickle
_VERSION = 1
_STATUS_CODES = range(100, 600)
_PICKLE, _PICKLE_PROTOCOLS = 0x80, range(6)


class StoredRequest:
    """The initial request in a continuation token."""

    __slots__ = ("headers", "method", "url")

    def __init__(self, method: str, url: str, headers: Mapping[str, str]) -> None:
        self.method = method
        self.url = url
        self.headers = headers


class StoredResponse:
    """The initial response in a continuation token, in the shape of a response of azure-core."""

    __slots__ = ("content", "headers", "request", "status_code")

    def __init__(self, request: StoredRequest, status_code: int, headers: Mapping[str, str], content: bytes) -> None:
        self.request = request
        self.status_code = status_code
        self.headers = headers
        self.content = content

    def __repr__(self) -> str:  # without URLs, whose queries may be secret (rule 45)
        return f"<StoredResponse of a {self.request.method}, {self.status_code}>"


def is_continuation_token(text: str) -> bool:
    """Whether a text is a continuation token of azure-core of any version, and no resume token."""
    return text.lstrip().startswith(_BEGINNINGS)


def read(text: str) -> StoredResponse:
    """Return the initial response in a continuation token.

    Raises:
        InvalidToken: the text is no such token; the message says why.
    """
    if len(text) > MAX_TOKEN:
        raise InvalidToken(f"it is longer than {MAX_TOKEN} characters")
    try:
        decoded = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidToken("it is no base64 text") from error
    data = _data(decoded)
    request, response = object_in(data.get("request")), object_in(data.get("response"))
    if request is None or response is None:
        raise InvalidToken("it has no request or no response")
    method, url, status_code = request.get("method"), request.get("url"), response.get("status_code")
    if method not in METHODS or not is_plain(url):
        raise InvalidToken("its request is not one that starts an operation")
    if not isinstance(status_code, int) or status_code not in _STATUS_CODES:
        raise InvalidToken("its response has no status code")
    stored = StoredRequest(str(method), url, _headers(request))
    return StoredResponse(stored, status_code, _headers(response), _content(response))


def _data(decoded: bytes) -> Mapping[str, object]:
    """Return the member with the content of the token."""
    if len(decoded) > 1 and decoded[0] == _PICKLE and decoded[1] in _PICKLE_PROTOCOLS:
        raise InvalidToken(
            "it is a pickle, as azure-core before 1.38 writes it, and azpoll reads none: a pickle can run code. Make"
            " the token with a later azure-core, or follow the polling URL"
        )
    try:
        document = decoded.decode()
        token = None if is_costly(document, len(decoded)) else value_in(document)
    except (ValueError, RecursionError) as error:
        raise InvalidToken("it is no continuation token of azure-core, or was cut") from error
    members = object_in(token) or {}
    version = members.get("version")
    is_known = type(version) is int and version == _VERSION  # neither true nor 1.0
    data = object_in(members.get("data")) if is_known else None
    if data is None:
        raise InvalidToken("it is no continuation token of azure-core in its version 1, or has too many values")
    return data


def _headers(message: Mapping[str, object]) -> Mapping[str, str]:
    """Return the headers with plain text values; lower-case name to value."""
    headers = object_in(message.get("headers")) or {}
    return {name.lower(): value for name, value in headers.items() if is_plain(name) and is_plain(value)}


def _content(response: Mapping[str, object]) -> bytes:
    content = response.get("content")
    if not isinstance(content, str):
        raise InvalidToken("its response has no content")
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidToken("the content of its response is no base64 text") from error
