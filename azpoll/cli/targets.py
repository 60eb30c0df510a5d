"""`Target`: one operation named on the command line, by its polling URL or by a resume token."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx

from azpoll.cli.exit_codes import UsageError
from azpoll.cli.origins import origin_of
from azpoll.cli.pattern_guess import LOCATION, STATUS_MONITOR, guess_pattern
from azpoll.protocol.redaction import escape_for_display, masked_url
from azpoll.protocol.resume_token import decode, encode
from azpoll.protocol.token_content import InvalidToken, Token

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

PATTERNS = {
    "aao": STATUS_MONITOR,
    "operation-location": "Operation-Location",
    "location": LOCATION,
    "resource": "resource",
}
"""Value of `--pattern` to the name of the pattern in resume tokens."""

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Target:
    """One operation to read.

    Attributes:
        number: its position among the targets, from 0.
        name: the last two segments of its path, safe to print.
        url: the polling URL with masked query values, safe to print.
        token: the state from which the operation is resumed.
        origin: of its resource URL.
        trusted: whether the user named the origin by giving the URL on the command line.
        guessed: whether azpoll guessed the pattern.
    """

    number: int
    name: str
    url: str
    token: Token = field(repr=False)
    origin: str
    trusted: bool
    guessed: bool

    @property
    def resume_token(self) -> str:
        """The resume token as text."""
        return encode(self.token)

    def as_monitor(self) -> Target:
        """Return the same target with the status monitor pattern."""
        return replace(self, token=self.token._replace(pattern=STATUS_MONITOR), guessed=False)

    def due_now(self) -> Target:
        """Return the same target without the earliest poll time of its token."""
        return replace(self, token=self.token._replace(not_before=0.0))


def read_targets(words: Iterable[str], stdin: TextIO, pattern: str | None) -> list[Target]:
    """Return the targets of the command line in order, without duplicates.

    Args:
        words: URLs, resume tokens, and `-` to read one of either per line from `stdin`.
        stdin: read only for `-`.
        pattern: a key of `PATTERNS`, for the URLs; None to guess.

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


def _target(number: int, word: str, pattern: str | None, *, trusted: bool) -> Target:
    if "://" in word:
        # The initial request is unknown. With GET, a 404 does not count as a deletion, and no result is fetched.
        name = PATTERNS[pattern] if pattern else guess_pattern(word)
        token = Token(method="GET", resource_url=word, pattern=name, url=word)
        return _checked(number, token, trusted=trusted, guessed=pattern is None)
    try:
        token = decode(word)
    except InvalidToken as error:
        raise UsageError(f"neither a URL nor a resume token: {error}") from error
    return _checked(number, token, trusted=False, guessed=False)


def _checked(number: int, token: Token, *, trusted: bool, guessed: bool) -> Target:
    origin = origin_of(token.resource_url)
    try:
        decode(encode(token))
    except InvalidToken as error:
        raise UsageError(f"the URL cannot be used: {error}") from error
    path = [segment for segment in token.url.partition("?")[0].split("/")[3:] if segment]
    last_segments = "/".join(path[-2:]) or httpx.URL(origin).raw_host.decode("ascii")
    name = escape_for_display(last_segments, _LONGEST_NAME)
    return Target(number, name, masked_url(token.url), token, origin, trusted, guessed)
