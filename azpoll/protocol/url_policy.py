"""The one trust check for every URL azpoll is told to ask (rules 8-13).

A service names URLs in five places: the initial headers, every later header, `resourceLocation` in a
body, a redirect, and a resume token. All five come through `URLPolicy.target`, and nothing is sent to a URL
that did not pass it.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile each of its own when it is imported.

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol, Self
from urllib.parse import unquote

from azpoll.protocol.redaction import escape_for_display

MAX_URL = 8192
"""Longest URL accepted, in characters (rule 13)."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST_SHOWN = 300  # a DNS name has 253 characters at most
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/?#]*")
_HOSTLESS = re.compile(r"//(?:[/?]|$)")  # resolving it would drop the empty host in silence


class ParsedURL(Protocol):
    """What the check reads of a URL: the members `httpx.URL` and `httpx2.URL` share."""

    @property
    def scheme(self) -> str:
        """Lower case, empty when absent."""
        ...

    @property
    def raw_host(self) -> bytes:
        """Lower-case IDNA host."""
        ...

    @property
    def port(self) -> int | None:
        """None when it is the default of the scheme."""
        ...

    @property
    def userinfo(self) -> bytes:
        """`user:password`, empty when absent."""
        ...

    def join(self, url: str) -> Self:
        """Resolve a relative URL."""
        ...


class Origin(NamedTuple):
    """Scheme, lower-case IDNA host and effective port: what a credential is bound to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    def shown(self) -> str:
        """Return it for people: a URL's host may be as long as the URL, a name's is no longer than this shows."""
        return escape_for_display(str(self), _LONGEST_SHOWN)


class RejectedURL(NamedTuple):
    """A URL that will not be asked, and why.

    Attributes:
        reason: one clause for people; it names no query value.
        url: the absolute URL where its origin is all there is against it, so that whoever lists that
            origin can resume there; else None.
    """

    reason: str
    url: str | None = None

    def __repr__(self) -> str:
        """Say nothing of the URL: its query may be secret (rule 45)."""
        return f"<Refusal: {self.reason}>"


class URLPolicy(NamedTuple):
    """Where one operation's requests may go.

    Attributes:
        parse: the URL class that will also send, so that no second parser can disagree with it.
        initial: the origin of the initial request.
        allowed: further origins the caller listed.
        rebase_to: origin, with an optional path prefix, that every URL of another origin is moved to
            (a gateway in front of ARM); None leaves URLs where they are.
    """

    parse: Callable[[str], ParsedURL]
    initial: Origin
    allowed: frozenset[Origin] = frozenset()
    rebase_to: str | None = None

    def resolve(self, named: str, *, base: str, resource_url: str) -> str | RejectedURL:
        """Return the absolute URL to ask for `named`, or why it is refused.

        Args:
            named: the URL as a header, a body or a token gave it; relative URLs are welcome (rule 8).
            base: the URL of the answer that carried it.
            resource_url: the URL of the initial request, whose `api-version` is added when `named` has
                none and stays on the initial origin (rule 12). Nothing else is rewritten.
        """
        if not named.isascii() or not named.isprintable() or " " in named or "\\" in named or "#" in named:
            return RejectedURL("it holds a blank, a control or non-ASCII character, a backslash or a fragment")
        if _HOSTLESS.match(named):
            return RejectedURL("it names no host")
        try:
            url = named if _ABSOLUTE.match(named) else str(self.parse(base).join(named))
            # What is wrong with a URL must be seen before it is moved to the gateway.
            origin = self.initial if self._is_at_home(url) else self._origin_of(url)
            if isinstance(origin, RejectedURL):
                return origin
            if (moved := self._rebased(url, origin)) != url:
                url, origin = moved, origin_of(self.parse(moved))
        except Exception:  # noqa: BLE001 - each URL class has its own errors; all mean the same here
            return RejectedURL("it is not a URL")
        if not self._trusts(origin):
            return RejectedURL(
                f"its origin {origin.shown()} is neither that of the initial request, {self.initial},"
                " nor listed in allowed_origins",
                url if len(url) <= MAX_URL else None,
            )
        if origin == self.initial:
            url = _with_api_version(url, resource_url)
        return RejectedURL(f"it is longer than {MAX_URL} characters") if len(url) > MAX_URL else url

    def _is_at_home(self, url: str) -> bool:
        """Whether a URL begins so plainly with the initial origin that no parser can read another one in it."""
        return url.startswith(_home_of(self.initial))

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
            return False  # plain http only where the initial request used it (rule 9)
        return origin in self.allowed

    def _rebased(self, url: str, origin: Origin) -> str:
        if self.rebase_to is None or origin == origin_of(self.parse(self.rebase_to)):
            return url
        return self.rebase_to.rstrip("/") + url[len(_authority(url)) :]


def origin_of(url: ParsedURL) -> Origin:
    """Return the origin of a parsed URL; an unknown scheme has port 0 unless one is given.

    Raises:
        ValueError: the scheme is neither http nor https.
    """
    if url.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"not an http or https URL: scheme {url.scheme!r}")
    port = _DEFAULT_PORTS[url.scheme] if url.port is None else url.port
    return Origin(url.scheme, url.raw_host.decode("ascii").lower(), port)


@lru_cache(maxsize=64)
def _home_of(origin: Origin) -> str:
    return f"{origin}/"


def _authority(url: str) -> str:
    match = _AUTHORITY.match(url)
    return match.group() if match else ""


def _with_api_version(url: str, resource_url: str) -> str:
    if _api_version(url) is not None or (version := _api_version(resource_url)) is None:
        return url
    return f"{url}{'&' if '?' in url else '?'}{version}"


def _api_version(url: str) -> str | None:
    """Return the `api-version=...` pair of a URL's query as it stands there, its name in any case."""
    for pair in url.partition("?")[2].split("&"):
        if unquote(pair.partition("=")[0]).lower() == "api-version":
            return pair
    return None
