"""`Target`: one operation named on the command line, by its polling URL or by a resume token."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx

from azpoll.cli.exit_codes import UsageError
from azpoll.cli.origins import origin_of
from azpoll.cli.pattern_guess import guess_pattern
from azpoll.protocol import url_policy
from azpoll.protocol.redaction import escape_for_display, masked_url
from azpoll.protocol.resume_token import decode, encode
from azpoll.protocol.token_content import InvalidToken, Token

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from azpoll.options import PatternName

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Target:
    """One operation to read.

    Attributes:
        number: its position among the targets, from 0.
        name: the last two segments of its path, safe to print.
        url: the polling URL with masked query values, safe to print.
        source: the polling URL to follow, or the resume token.
        origin: of its resource URL; that of the polling URL if only that is known.
        trusted: whether the user named the origin by giving the URL on the command line.
        pattern: how the URL is read; None for a resume token.
        guessed: whether azpoll guessed the pattern.
    """

    number: int
    name: str
    url: str
    source: str | Token = field(repr=False)
    origin: str
    trusted: bool = False
    pattern: PatternName | None = None
    guessed: bool = False

    @property
    def resume_token(self) -> str | None:
        """The resume token as text; None if a URL was given."""
        return encode(self.source) if isinstance(self.source, Token) else None

    @property
    def polls_until_gone(self) -> bool:
        """Whether a resource is polled until it is not found."""
        return isinstance(self.source, Token) and self.source.pattern == "until-gone"

    def as_monitor(self) -> Target:
        """Return the same target with the status monitor pattern."""
        return replace(self, pattern="azure-async-operation", guessed=False)

    def due_now(self) -> Target:
        """Return the same target without the earliest poll time of its token."""
        return replace(self, source=self.source._replace(not_before=0.0)) if isinstance(self.source, Token) else self


def read_targets(words: Iterable[str], stdin: TextIO, pattern: PatternName | None) -> list[Target]:
    """Return the targets of the command line in order, without duplicates.

    Args:
        words: URLs, resume tokens, and `-` to read one of either per line from `stdin`.
        stdin: read only for `-`.
        pattern: of the URLs; None to guess.

    Raises:
        UsageError: a word is neither a URL nor a resume token, or there are no targets.
    """
    found: dict[str, Target] = {}
    for word in words:
        if word == "-":
            for line in filter(None, map(str.strip, stdin)):
                found.setdefault(line, _target(len(found), line, pattern, trusted=False))
        else:
            found.setdefault(word, _target(len(found), word, pattern, trusted=True))
    if not found:
        raise UsageError("nothing to read: standard input contains no URL or resume token")
    return list(found.values())


def _target(number: int, word: str, pattern: PatternName | None, *, trusted: bool) -> Target:
    if "://" in word:
        origin = _origin_of_usable(word)
        chosen = guess_pattern(word) if pattern is None else pattern
        return Target(number, _name_of(word), masked_url(word), word, origin, trusted, chosen, guessed=pattern is None)
    try:
        token = decode(word)
    except InvalidToken as error:
        raise UsageError(f"neither a URL nor a resume token: {error}") from error
    return Target(number, _name_of(token.url), masked_url(token.url), token, origin_of(token.resource_url))


def _origin_of_usable(url: str) -> str:
    """Return the origin of a URL that can be requested."""
    origin = origin_of(url)
    policy = url_policy.URLPolicy(httpx.URL, url_policy.origin_of(httpx.URL(origin)))
    resolved = policy.resolve(url, base=url, resource_url=url)
    if isinstance(resolved, url_policy.RejectedURL):
        raise UsageError(f"the URL cannot be used: {resolved.reason}")
    return origin


def _name_of(url: str) -> str:
    path = [segment for segment in url.partition("?")[0].split("/")[3:] if segment]
    last_segments = "/".join(path[-2:]) or httpx.URL(origin_of(url)).raw_host.decode("ascii")
    return escape_for_display(last_segments, _LONGEST_NAME)
