"""The origins that the caller trusts, checked before anything is sent (rule 9)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeGuard

from azpoll.protocol.open_suffixes import is_open
from azpoll.protocol.redaction import escape_for_display
from azpoll.protocol.url_policy import Origin, URLPolicy, is_addressable, lists, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.protocol.url_policy import ParsedURL

NO_ORIGIN = Origin("", "", 0)
"""The origin of a client without a base URL."""

_WILDCARD = "*."
_PORT = re.compile(r":([^:\]]*)$")
_LISTABLE = "or 'https://*.suffix', where the asterisk stands for one whole label before at least two others"


def checked_url_policy(
    allowed_origins: Iterable[str],
    anonymous_origins: Iterable[str],
    rebase_to: str | None,
    base_url: str,
    parse: Callable[[str], ParsedURL],
) -> URLPolicy:
    """Return the URL policy of an operation at the client's `base_url`, which may be empty."""
    allowed = checked_trusted("allowed_origins", allowed_origins, parse)
    anonymous = _checked_list("anonymous_origins", anonymous_origins, parse)
    if rebase_to is not None:
        allowed |= {checked_origin("rebase_to", rebase_to, parse, path=True)}
    initial = checked_origin("the client's base_url", base_url, parse, path=True) if base_url else NO_ORIGIN
    return URLPolicy(parse, initial, allowed, rebase_to, anonymous)


def checked_trusted(name: str, entries: Iterable[str], parse: Callable[[str], ParsedURL]) -> frozenset[Origin]:
    """Return the origins of a list whose members get credentials.

    Raises:
        TypeError: the list is one string.
        ValueError: an entry is no origin and no wildcard, or a wildcard over names that anyone may register.
    """
    trusted = _checked_list(name, entries, parse)
    for origin in trusted:
        if is_open(origin.host.removeprefix(_WILDCARD)) and origin.host.startswith(_WILDCARD):
            raise ValueError(
                f"{name}: {origin} would send credentials to strangers, since anyone may register a name"
                " there. List the hosts that you trust one by one, or list the wildcard in anonymous_origins, whose"
                " origins get no credentials"
            )
    return trusted


def checked_origin(name: str, url: str, parse: Callable[[str], ParsedURL], *, path: bool = False) -> Origin:
    """Return the origin of one URL."""
    try:
        parsed = parse(url)
        origin = origin_of(parsed)
    except Exception as error:
        raise ValueError(f"{name}: not an http or https URL") from error
    authority, _, rest = url.partition("://")[2].partition("/")
    if (port := _PORT.search(authority)) is not None and not (port[1].isdecimal() and origin.port):
        raise ValueError(f"{name}: the port of {origin.shown()} must be 1 to 65535")
    if not is_addressable(origin) or parsed.userinfo or any(mark in url for mark in "?#@\\") or (rest and not path):
        raise ValueError(
            f"{name}: {origin.shown()} is to be given as scheme, host and port alone, such as 'https://host:8443'"
        )
    return origin


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


def checked_initial_url(url: str, parse: Callable[[str], ParsedURL]) -> str:
    """Return a URL from which the HTTP library drops nothing when it completes the URL with the client's base URL.

    It drops a scheme without a host, such as that of `documentModels:build`, and a host without a scheme.
    """
    text = str(url)
    if not text.strip():
        raise ValueError("the URL of the initial request must not be empty")
    try:
        parsed = parse(text)
    except Exception:  # noqa: BLE001 - the URL class may raise any exception; the library refuses this URL too
        return url
    if bool(parsed.scheme) is not bool(parsed.raw_host) or text.startswith("//"):
        raise ValueError(
            "the URL must be absolute, or relative without a scheme and a host. Where the first segment of a path has a"
            " colon, begin the path with a slash"
        )
    return url


def checked_followed_url(url: str, base_url: str, parse: Callable[[str], ParsedURL]) -> str:
    """Return the polling URL of a caller in absolute form.

    A text that is probably no path is not completed with the client's base URL, which may be empty (rule 47).
    """
    if url.strip() != url:
        raise ValueError("the URL to follow begins or ends with a blank")
    if "://" in url.partition("?")[0]:
        return url
    if not base_url:
        raise ValueError("the URL to follow is relative, and the client has no base_url")
    if " " in url and not url.startswith("/"):
        raise ValueError("the URL to follow holds a blank. A relative URL with a blank must begin with a slash")
    return f"{base_url.rstrip('/')}/{checked_initial_url(url, parse).lstrip('/')}"


def _checked_list(name: str, entries: object, parse: Callable[[str], ParsedURL]) -> frozenset[Origin]:
    if isinstance(entries, (str, bytes)) or not _is_iterable(entries):
        raise TypeError(f"{name} must be a collection of URLs, such as a list, not {type(entries).__name__}")
    return frozenset(_checked_entry(name, entry, parse) for entry in entries)


def _checked_entry(name: str, entry: object, parse: Callable[[str], ParsedURL]) -> Origin:
    """Return the origin of an entry, or the wildcard: an origin whose host begins with `*.`."""
    scheme, _, authority = str(entry).partition("://")
    try:
        origin = checked_origin(name, f"{scheme}://{authority.removeprefix(_WILDCARD)}", parse)
    except ValueError as error:
        raise ValueError(f"{error}, {_LISTABLE}") from error
    if not authority.startswith(_WILDCARD):
        return origin
    labels = origin.host.split(".")
    if origin.scheme != "https" or len(labels) < 2 or not all(labels) or labels[-1].isdigit():  # noqa: PLR2004 - labels
        shown = escape_for_display(str(entry), 300)
        raise ValueError(f"{name}: {shown} is no wildcard. Give 'https://host:8443', {_LISTABLE}")
    return origin._replace(host=_WILDCARD + origin.host)


def _is_iterable(value: object) -> TypeGuard[Iterable[object]]:
    return isinstance(value, Iterable)
