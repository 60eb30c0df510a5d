"""The one check of every URL that azpoll may send a request to (rules 8-13).

URLs come from five places: the initial headers, later headers, `resourceLocation` in a body, redirects and resume
tokens. `URLPolicy.resolve` checks all of them, and azpoll sends nothing to a URL that it rejects.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol, Self
from urllib.parse import unquote

from azpoll.protocol.redaction import escape_for_display

MAX_URL = 8192
"""Longest URL accepted, in characters (rule 13)."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/?#]*")
_HOSTLESS = re.compile(r"//(?:[/?]|$)")  # resolving it would silently drop the empty host


class ParsedURL(Protocol):
    """The members of a URL that the check reads; `httpx.URL` and `httpx2.URL` have them."""

    @property
    def scheme(self) -> str:
        """Lower case; empty if absent."""
        ...

    @property
    def raw_host(self) -> bytes:
        """Lower-case IDNA host."""
        ...

    @property
    def port(self) -> int | None:
        """None if it is the default of the scheme."""
        ...

    @property
    def userinfo(self) -> bytes:
        """`user:password`; empty if absent."""
        ...

    def join(self, url: str) -> Self:
        """Resolve a relative URL."""
        ...


class Origin(NamedTuple):
    """Scheme, lower-case IDNA host and effective port: a credential is sent to one origin only."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    def shown(self) -> str:
        """Return the text for people, escaped and cut: a host may be longer than any DNS name (253 characters)."""
        return escape_for_display(str(self), 300)


class RejectedURL(NamedTuple):
    """A URL to which azpoll sends nothing.

    Attributes:
        reason: one clause for people; it has no query value.
        url: the absolute URL if only its origin speaks against it: a caller who lists the origin can resume there.
    """

    reason: str
    url: str | None = None

    def __repr__(self) -> str:  # without the URL, whose query may be secret (rule 45)
        return f"<RejectedURL: {self.reason}>"


class URLPolicy(NamedTuple):
    """The origins to which the requests of one operation may go.

    Attributes:
        parse: the URL class that also sends the request, so that no second parser can disagree with it.
        allowed: origins that the caller listed besides the initial one.
        rebase_to: the origin, with an optional path prefix, to which every URL of another origin moves: a gateway in
            front of ARM.
    """

    parse: Callable[[str], ParsedURL]
    initial: Origin
    allowed: frozenset[Origin] = frozenset()
    rebase_to: str | None = None

    def resolve(self, named: str, *, base: str, resource_url: str) -> str | RejectedURL:
        """Return the absolute URL for one that the answer of `base` names, or its rejection (rule 8).

        A URL of the initial origin without an `api-version` gets that of `resource_url` (rule 12). Nothing else is
        rewritten.
        """
        if not named.isascii() or not named.isprintable() or " " in named or "\\" in named or "#" in named:
            return RejectedURL("it holds a blank, a control or non-ASCII character, a backslash or a fragment")
        if _HOSTLESS.match(named):
            return RejectedURL("it names no host")
        try:
            url = named if _ABSOLUTE.match(named) else str(self.parse(base).join(named))
            # The URL is checked before it moves to the gateway: the move would hide its defects. No parser can read
            # another origin in a URL that begins literally with the initial one.
            origin = self.initial if url.startswith(_prefix_of(self.initial)) else self._origin_of(url)
            if isinstance(origin, RejectedURL):
                return origin
            if self.rebase_to is not None and origin != origin_of(self.parse(self.rebase_to)):
                url = self.rebase_to.rstrip("/") + url[len(_authority(url)) :]
                origin = origin_of(self.parse(url))
        except Exception:  # noqa: BLE001 - each URL class has errors of its own
            return RejectedURL("it is not a URL")
        if not self._trusts(origin):
            return RejectedURL(
                f"its origin {origin.shown()} is neither that of the initial request, {self.initial},"
                " nor listed in allowed_origins",
                url if len(url) <= MAX_URL else None,
            )
        if origin == self.initial and _api_version(url) is None and (version := _api_version(resource_url)) is not None:
            url = f"{url}{'&' if '?' in url else '?'}{version}"
        return RejectedURL(f"it is longer than {MAX_URL} characters") if len(url) > MAX_URL else url

    def _origin_of(self, url: str) -> Origin | RejectedURL:
        parsed = self.parse(url)
        origin = origin_of(parsed)
        if parsed.userinfo or "@" in _authority(url):
            return RejectedURL("it carries user information")
        return origin if origin.host else RejectedURL("it names no host")

    def _trusts(self, origin: Origin) -> bool:
        if origin == self.initial:
            return True
        if origin.scheme != "https" and self.initial.scheme == "https":
            return False  # plain http only if the initial request used it (rule 9)
        return origin in self.allowed


def origin_of(url: ParsedURL) -> Origin:
    """Return the origin of a parsed URL.

    Raises:
        ValueError: the scheme is neither http nor https.
    """
    if url.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"not an http or https URL: scheme {url.scheme!r}")
    port = _DEFAULT_PORTS[url.scheme] if url.port is None else url.port
    return Origin(url.scheme, url.raw_host.decode("ascii").lower(), port)


def before_path(url: str) -> str:
    """Return the part of an absolute URL before its path."""
    end = url.find("/", len("https://"))
    return url if end < 0 else url[:end]


@lru_cache(maxsize=64)
def _prefix_of(origin: Origin) -> str:
    return f"{origin}/"


def _authority(url: str) -> str:
    match = _AUTHORITY.match(url)
    return match.group() if match else ""


def _api_version(url: str) -> str | None:
    """Return the `api-version=...` pair of a URL's query as sent; its name may be in any case."""
    for pair in url.partition("?")[2].split("&"):
        if unquote(pair.partition("=")[0]).lower() == "api-version":
            return pair
    return None
