"""The one check of every URL that azpoll may send a request to (rules 8-13).

URLs come from five places: the initial headers, later headers, `resourceLocation` in a body, redirects and resume
tokens. `URLPolicy.resolve` checks all of them, and azpoll sends nothing to a URL that it rejects.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol, Self
from urllib.parse import unquote

from azpoll.protocol.open_suffixes import is_open
from azpoll.protocol.redaction import escape_for_display

MAX_URL = 8192
"""Longest URL accepted, in characters (rule 13)."""

MAX_PORT = 65_535

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/?#]*")
_BEFORE_PATH = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.\-]*:)?//[^/?# ]*(?=[/?#])|[A-Za-z][A-Za-z0-9+.\-]*:(?!//)|(?=/)(?!//)"
)
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|[0-9a-f:]*:[0-9a-f:.]*")  # a name or IPv4, or IPv6
_DOT_SEGMENT = r"/(?:\.|%2[eE]){1,2}(?=/|$)"
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
    """Scheme, lower-case IDNA host and effective port.

    In a list of origins, a host whose first label is `*` stands for every host with another label in its place.
    """

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
        url: the absolute URL if only its origin speaks against it: a caller who trusts the origin can resume there.
        advice: one clause for people that names the option by which the caller can trust it; empty if none helps.
        is_malformed: whether it is no URL that could be requested at all (rule 8), rather than one that is not trusted.
    """

    reason: str
    url: str | None = None
    advice: str = ""
    is_malformed: bool = False

    @property
    def explanation(self) -> str:
        """The reason and the advice."""
        return f"{self.reason}; nothing was sent{'. ' if self.advice else ''}{self.advice}"

    def __repr__(self) -> str:  # without the URL, whose query may be secret (rule 45)
        return f"<RejectedURL: {self.reason}>"


class URLPolicy(NamedTuple):
    """The origins to which the requests of one operation may go.

    Attributes:
        parse: the URL class that also sends the request, so that no second parser can disagree with it.
        allowed: origins that get the client's credentials besides the initial one; with wildcards.
        rebase_to: the origin, with an optional path prefix, to which every URL of another origin moves: a gateway in
            front of ARM.
        anonymous: origins that get no credentials; with wildcards. Their URLs do not move to `rebase_to`.
    """

    parse: Callable[[str], ParsedURL]
    initial: Origin
    allowed: frozenset[Origin] = frozenset()
    rebase_to: str | None = None
    anonymous: frozenset[Origin] = frozenset()

    def resolve(self, named: str, *, base: str, resource_url: str) -> str | RejectedURL:
        """Return the absolute URL for one that the answer of `base` names, or its rejection (rule 8).

        A URL of the initial origin without an `api-version` gets that of `resource_url` (rule 12). Raw blanks in path
        and query are percent-encoded: HDInsight sends names of regions with blanks. Nothing else is rewritten.
        """
        has_blank = " " in named and " " in (named := _encode_blanks(named))
        if has_blank or not named.isascii() or not named.isprintable() or "\\" in named or "#" in named:
            return _malformed("it holds a blank, a control or non-ASCII character, a backslash or a fragment")
        if _HOSTLESS.match(named):
            return _malformed("it names no host")
        try:
            url = named if _ABSOLUTE.match(named) else str(self.parse(base).join(named))
            # The URL is checked before it moves to the gateway: the move would hide its defects. No parser can read
            # another origin in a URL that begins literally with the initial one.
            origin = self.initial if url.startswith(_prefix_of(self.initial)) else self._origin_of(url)
            if isinstance(origin, RejectedURL):
                return origin
            if ("/." in url or "%2e" in url or "%2E" in url) and re.search(_DOT_SEGMENT, url.partition("?")[0]):
                return _malformed("its path has a segment of dots, which not every HTTP library sends as it is named")
            if self.rebase_to is not None and not self._is_anonymous(origin):
                gateway = origin_of(self.parse(self.rebase_to))
                if origin != gateway:
                    url, origin = self.rebase_to.rstrip("/") + url[len(_authority(url)) :], gateway
        except Exception:  # noqa: BLE001 - each URL class has errors of its own
            return _malformed("it is not a URL")
        if not self._trusts(origin):
            reason = f"its origin {origin.shown()} is neither that of the initial request, {self.initial}, nor listed"
            return RejectedURL(reason, url if len(url) <= MAX_URL else None, _advice(origin, self.initial))
        if origin == self.initial and _api_version(url) is None and (version := _api_version(resource_url)) is not None:
            url = f"{url}{'&' if '?' in url else '?'}{version}"
        return RejectedURL(f"it is longer than {MAX_URL} characters") if len(url) > MAX_URL else url

    def _origin_of(self, url: str) -> Origin | RejectedURL:
        parsed = self.parse(url)
        origin = origin_of(parsed)
        if parsed.userinfo or "@" in _authority(url):
            return _malformed("it carries user information")
        if not origin.host:
            return _malformed("it names no host")
        return origin if is_addressable(origin) else _malformed("it is not a URL")

    def is_anonymous(self, url: str) -> bool:
        """Whether a URL from `resolve` is requested without the client's credentials (rule 9)."""
        return bool(self.anonymous) and self._is_anonymous(origin_of(self.parse(url)))

    def is_same_origin(self, url: str, other: str) -> bool:
        """Whether two absolute URLs have one origin; a redirect from one to another loses the credentials (rule 9)."""
        return origin_of(self.parse(url)) == origin_of(self.parse(other))

    def _is_anonymous(self, origin: Origin) -> bool:
        """Whether an origin gets no credentials, although it may be the initial one or a trusted one.

        Only an exact entry in `allowed` outweighs a wildcard in `anonymous`.
        """
        return origin in self.anonymous or (origin not in self.allowed and lists(self.anonymous, origin))

    def _trusts(self, origin: Origin) -> bool:
        if origin == self.initial:
            return True
        if origin.scheme != "https" and self.initial.scheme == "https":
            return False  # plain http only if the initial request used it (rule 9)
        return lists(self.allowed, origin) or lists(self.anonymous, origin)


def origin_of(url: ParsedURL) -> Origin:
    """Return the origin of a parsed URL.

    Raises:
        ValueError: the scheme is neither http nor https.
    """
    if url.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"not an http or https URL: scheme {url.scheme!r}")
    port = _DEFAULT_PORTS[url.scheme] if url.port is None else url.port
    return Origin(url.scheme, url.raw_host.decode("ascii").lower(), port)


def is_addressable(origin: Origin) -> bool:
    """Whether host and port are ones that a server can have."""
    return 0 < origin.port <= MAX_PORT and _HOST.fullmatch(origin.host) is not None


def lists(origins: frozenset[Origin], origin: Origin) -> bool:
    """Whether a list of origins names an origin, or a wildcard for its first label (rule 9)."""
    label, dot, suffix = origin.host.partition(".")
    return origin in origins or (bool(label and suffix) and origin._replace(host=f"*{dot}{suffix}") in origins)


def before_path(url: str) -> str:
    """Return the part of an absolute URL before its path."""
    end = url.find("/", len("https://"))
    return url if end < 0 else url[:end]


@lru_cache(maxsize=64)
def _prefix_of(origin: Origin) -> str:
    return f"{origin}/"


def _malformed(reason: str) -> RejectedURL:
    return RejectedURL(reason, is_malformed=True)


def _encode_blanks(named: str) -> str:
    """Percent-encode the blanks in path and query of a URL with a scheme or a leading slash (rule 8).

    Blanks anywhere else stay, and `resolve` rejects them.
    """
    before = _BEFORE_PATH.match(named)
    return named if before is None else before.group() + named[before.end() :].replace(" ", "%20")


def _advice(origin: Origin, initial: Origin) -> str:
    """Return the advice for a URL whose origin is not trusted: the option by which the caller can trust it (rule 9)."""
    if origin.scheme == "http" and initial.scheme == "https":
        return f"If the same paths work at {initial}, give rebase_to={str(initial)!r}, since plain http is not used"
    if is_open(origin.host):
        return (
            "Anyone may register a host beside it. If the URL needs no credential, list its origin in anonymous_origins"
        )
    if _is_regional(origin.host, initial.host) and origin.port == initial.port:
        return f"If it is a regional host of the same service, give rebase_to={str(initial)!r}"
    return "If you trust that origin, list it in allowed_origins"


def _is_regional(host: str, other: str) -> bool:
    """Whether one host is one label below the other, as `westus.management.azure.com` is."""
    shorter, longer = sorted((host, other), key=len)
    return shorter.count(".") > 1 and longer.partition(".")[2] == shorter


def _authority(url: str) -> str:
    match = _AUTHORITY.match(url)
    return match.group() if match else ""


def _api_version(url: str) -> str | None:
    """Return the `api-version=...` pair of a URL's query as sent; its name may be in any case."""
    for pair in url.partition("?")[2].split("&"):
        if unquote(pair.partition("=")[0]).lower() == "api-version":
            return pair
    return None
