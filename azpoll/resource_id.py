"""ARM resource ids, checked before a URL is made of one."""

from __future__ import annotations

import re
from urllib.parse import quote

MAX_ID = 4096
"""Longest id accepted, in characters."""

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f%?#\\]")
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(?:-[A-Za-z0-9]+)*")
_ACTION = re.compile(r"[A-Za-z][A-Za-z0-9]{0,79}")
_SAFE = "-._~!$&'()*+,;=:@"
"""Characters that a path segment may hold as they are (RFC 3986)."""

_SUBSCRIPTION = ("subscriptions",)
_GROUP = ("subscriptions", "resourcegroups")
_FORM = (
    "a resource id is /subscriptions/{id}/resourceGroups/{group}/providers/{namespace}/{type}/{name}, with further"
    " {type}/{name}, or one of a subscription, a tenant or an extension in the same form"
)


def is_subscription(scope: str) -> bool:
    """Whether a scope is a subscription."""
    return _keys(_segments(scope)) == _SUBSCRIPTION


def is_resource_group(scope: str) -> bool:
    """Whether a scope is a resource group."""
    return _keys(_segments(scope)) == _GROUP


def resource_type(resource_id: str) -> str:
    """Return the type of a resource in lower case, such as "microsoft.compute/virtualmachines".

    An extension has its own type. A resource group has the type of Azure's own, "microsoft.resources/resourcegroups".

    Raises:
        ValueError: the text is not a resource id.
    """
    segments = _segments(resource_id)
    if _keys(segments) == _GROUP:
        return "microsoft.resources/resourcegroups"
    lower = [segment.lower() for segment in segments]
    starts = [place for place in range(0, len(lower), 2) if lower[place] == "providers"]
    scope = segments[: starts[0]] if starts else segments
    if not starts or _keys(scope) not in {(), _SUBSCRIPTION, _GROUP}:
        raise ValueError(_FORM)
    types = ""
    for start, end in zip(starts, [*starts[1:], len(lower)], strict=True):
        if (end - start) % 2 or end - start < len(("providers", "namespace", "type", "name")):
            raise ValueError(_FORM)
        types = "/".join([lower[start + 1], *lower[start + 2 : end : 2]])
    return types


def url_of(resource_id: str, api_version: str, action: str | None = None) -> str:
    """Return the URL of a resource or of its action, relative to the base URL of a client.

    Raises:
        ValueError: the id is not a resource id, the version is no date, or the action is no name.
    """
    resource_type(resource_id)
    if not _API_VERSION.fullmatch(api_version):
        raise ValueError("api_version must be a date such as '2024-07-01' or '2024-07-01-preview'")
    path = "/".join(quote(segment, safe=_SAFE) for segment in _segments(resource_id))
    if action is not None:
        if not _ACTION.fullmatch(action):
            raise ValueError("action must be a name such as 'start': letters and digits alone")
        path = f"{path}/{action}"
    return f"/{path}?api-version={api_version}"


def _segments(resource_id: object) -> list[str]:
    """Return the segments of an id, which has one slash before each.

    Raises:
        TypeError: it is not text.
        ValueError: it is a URL, or has an empty segment or a character that no id has.
    """
    if not isinstance(resource_id, str):
        raise TypeError(f"a resource id is text, not {type(resource_id).__name__}")
    if "://" in resource_id:
        raise ValueError("a resource id is needed, not a URL: it begins with /subscriptions or /providers")
    if not resource_id.startswith("/") or len(resource_id) > MAX_ID or _FORBIDDEN.search(resource_id):
        raise ValueError(_FORM)
    segments = resource_id.removesuffix("/")[1:].split("/")
    if any(segment.strip(" .") == "" or segment != segment.strip() for segment in segments):
        raise ValueError(f"an empty segment, or one of dots or with a blank at its end: {_FORM}")
    return segments


def _keys(segments: list[str]) -> tuple[str, ...] | None:
    """Return every second segment in lower case, the first included; None if their number is odd."""
    return None if len(segments) % 2 else tuple(segment.lower() for segment in segments[::2])
