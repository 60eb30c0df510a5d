"""`Target`: one operation to wait for, given as a polling URL or as a resume token."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from azpoll.cli import origins
from azpoll.cli.command import UsageError
from azpoll.protocol import resume_token as tokens
from azpoll.protocol.redaction import escape_for_display, masked_url

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from azpoll.protocol.url_policy import Origin

PATTERNS = {
    "aao": "Azure-AsyncOperation",
    "operation-location": "Operation-Location",
    "location": "Location",
    "resource": "resource",
}
"""`--pattern` to its name in resume tokens."""

_MONITORS = frozenset(
    {
        *("operationstatuses", "operationstatus", "operationsstatus", "operations"),
        *("asyncoperations", "asyncoperation", "azureasyncoperation", "azureasyncoperations"),
    }
)
"""Lower-case path segments that services give to status monitors."""

_RESULT = "monitor=true"
"""The query by which ARM's `Location` URLs are known, those below `/operations/` too."""


@dataclass(frozen=True, slots=True)
class Target:
    """One operation to wait for.

    Attributes:
        number: its place among the targets, from 0.
        name: the end of its path, safe to print.
        url: safe to print: query values are masked.
        token: what tracking is resumed from.
        origin: of its URL.
        trusted: whether the user named the origin by giving the URL itself.
        guessed: whether the pattern is azpoll's own guess.
    """

    number: int
    name: str
    url: str
    token: tokens.Token = field(repr=False)
    origin: Origin
    trusted: bool
    guessed: bool

    @property
    def text(self) -> str:
        """The resume token as text."""
        return tokens.encode(self.token)

    def as_monitor(self) -> Target:
        """Return the same target, read as a status monitor."""
        return replace(self, token=self.token._replace(pattern=PATTERNS["aao"]), guessed=False)

    def at_once(self) -> Target:
        """Return the same target, without the time its token says to wait."""
        return replace(self, token=self.token._replace(not_before=0.0))


def read_targets(words: Iterable[str], stdin: TextIO, pattern: str | None) -> list[Target]:
    """Return the targets that command-line words name, in order and each once.

    Args:
        words: URLs, resume tokens, and `-` for one of either per line of `stdin`.
        stdin: read at `-`.
        pattern: a key of `PATTERNS`, for the URLs; None to guess.

    Raises:
        UsageError: one is neither, or there is none.
    """
    found: dict[str, Target] = {}
    for word in words:
        if word == "-":
            for line in filter(None, map(str.strip, stdin)):
                found.setdefault(line, _target(len(found), line, pattern, trusted=False))
        else:
            found.setdefault(word, _target(len(found), word, pattern, trusted=True))
    if not found:
        raise UsageError("nothing to wait for: no line came from standard input")
    return list(found.values())


def guess(url: str) -> str:
    """Return the pattern, as resume tokens name it, that a polling URL most likely belongs to."""
    location, _, query = url.partition("?")
    if _RESULT not in query.lower().split("&") and _MONITORS.intersection(location.lower().split("/")):
        return PATTERNS["aao"]
    return PATTERNS["location"]


def _target(number: int, word: str, pattern: str | None, *, trusted: bool) -> Target:
    if "://" in word:
        # GET: it is not known what began the operation, and so a 404 is no deletion and no result is fetched.
        name = PATTERNS[pattern] if pattern else guess(word)
        token = tokens.Token(method="GET", resource_url=word, pattern=name, url=word)
        return _checked(number, token, trusted=trusted, guessed=pattern is None)
    try:
        token = tokens.decode(word)
    except tokens.InvalidToken as error:
        raise UsageError(f"neither a URL nor a resume token: {error}") from error
    return _checked(number, token, trusted=False, guessed=False)


def _checked(number: int, token: tokens.Token, *, trusted: bool, guessed: bool) -> Target:
    origin = origins.origin(token.resource_url)
    try:
        tokens.decode(tokens.encode(token))
    except tokens.InvalidToken as error:
        raise UsageError(f"a URL cannot be used: {error}") from error
    path = [part for part in token.url.partition("?")[0].split("/")[3:] if part]
    name = escape_for_display("/".join(path[-2:]) or origin.host, 100)
    return Target(number, name, masked_url(token.url), token, origin, trusted, guessed)
