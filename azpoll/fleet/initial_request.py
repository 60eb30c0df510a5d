"""Initial requests that workers send: checked and stored as JSON text, and read again.

A stored request has no credential. The client of the worker adds its own.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, NamedTuple, TypedDict, cast
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from azpoll.options import BeginOptions, CancelMethod, FinalStateName, Method, Outcome, PatternName, ResultWanted

METHODS = ("PUT", "PATCH", "POST", "DELETE", "GET")

CLIENT_REQUEST_ID = "x-ms-client-request-id"

MAX_REQUEST = 8 * 1024 * 1024
"""The greatest length of a stored request, in characters of JSON."""

_CREDENTIAL = re.compile(r"auth|cookie|token|secret|passw|credential|signature|(?<!idempotency-)key\b", re.IGNORECASE)
"""Matches the names of headers and query parameters that may hold a credential, such as `api-key`."""

_CREDENTIAL_PARAMETERS = frozenset({"sig", "code", "sas"})


class FleetBeginOptions(TypedDict, total=False):
    """The keywords of `Fleet.begin`; those that are not named here are as in `BeginOptions`.

    Attributes:
        json: a body that is sent as JSON.
        content: a body as text or bytes.
        params: query parameters.
        headers: of this request alone, without credentials.
    """

    json: object
    content: str | bytes
    params: Mapping[str, str]
    headers: Mapping[str, str]
    idempotent: bool | None
    request_timeout: float | None
    pattern: PatternName | None
    final_state_via: FinalStateName | None
    timeout: float | None
    interval: float | None
    result: ResultWanted
    terminal_words: Mapping[str, Outcome] | None
    status_member: str | None
    cancel_url: str | None
    cancel_method: CancelMethod


class StoredRequest(NamedTuple):
    """An initial request.

    Attributes:
        options: keywords of `Tracker.begin`.
        repeatable: whether it may be sent again if it is unknown whether it was sent.
    """

    method: Method
    url: str
    options: BeginOptions
    repeatable: bool


def stored(method: str, url: str, options: FleetBeginOptions) -> str:
    """Return an initial request as JSON text, with a client request id.

    Raises:
        ValueError: the request has a credential, or a value out of its range.
        TypeError: a keyword is unknown, or a value cannot be stored.
    """
    method = method.upper()
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method[:16]!r}")
    unknown = options.keys() - FleetBeginOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"a stored request cannot have {', '.join(sorted(map(repr, unknown)))}")
    _check_url(url)
    _check_names("the query parameter", (options.get("params") or {}).keys())
    headers = {str(name).lower(): str(value) for name, value in (options.get("headers") or {}).items()}
    _check_names("the header", headers.keys())
    headers.setdefault(CLIENT_REQUEST_ID, str(uuid4()))
    members: dict[str, object] = {**options, "headers": headers}
    content = members.pop("content", None)
    if content is not None:
        if not isinstance(content, (str, bytes)):
            raise TypeError(f"content must be text or bytes, not {type(content).__name__}: a stream cannot be stored")
        data = content.encode() if isinstance(content, str) else content
        members["content"] = base64.b64encode(data).decode()
    text = json.dumps({"method": method, "url": url, "options": members})
    if len(text) > MAX_REQUEST:
        raise ValueError(f"a stored request has at most {MAX_REQUEST} characters, not {len(text)}")
    return text


def read(text: str) -> StoredRequest:
    """Return the request of a text that `stored` made."""
    members = json.loads(text)
    options = members["options"]
    if "content" in options:
        options["content"] = base64.b64decode(options["content"])
    idempotent = options.get("idempotent")
    repeatable = members["method"] in {"PUT", "DELETE", "GET"} if idempotent is None else bool(idempotent)
    return StoredRequest(members["method"], members["url"], cast("BeginOptions", options), repeatable)


def _check_url(url: str) -> None:
    location, _, query = url.partition("?")
    scheme, separator, rest = location.partition("://")
    if separator and (scheme.lower() not in {"http", "https"} or "@" in rest.partition("/")[0]):
        raise ValueError("the URL must be one of http or https, without a user name")
    _check_names("the query parameter", {part.partition("=")[0] for part in query.split("&") if part})


def is_credential(header: str) -> bool:
    """Whether a header of this name may hold a credential."""
    return _CREDENTIAL.search(header) is not None


def _check_names(kind: str, names: Iterable[str]) -> None:
    for name in names:
        if is_credential(name) or (kind != "the header" and name.lower() in _CREDENTIAL_PARAMETERS):
            raise ValueError(
                f"{kind} {name[:64]!r} may hold a credential, which a fleet does not store: the client of the worker"
                " adds its own"
            )
