"""`Target`: one operation named on the command line, by its polling URL or by a resume token."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx

from azpoll.cli.exit_codes import UsageError
from azpoll.cli.origins import origin_of
from azpoll.cli.pattern_guess import guess_pattern
from azpoll.protocol import url_policy
from azpoll.protocol.redaction import escape_for_display, masked_label, masked_url
from azpoll.protocol.resume_token import decode, encode
from azpoll.protocol.token_content import InvalidToken, Token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azpoll.cli.words import Word
    from azpoll.options import PatternName

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Target:
    """One operation to read.

    Attributes:
        number: its position among the URLs and tokens of the input, from 0. Duplicates have the position of the first.
        name: the name before it in the input, or the last two segments of its path; safe to print.
        place: where it was given: `argument 2` or `line 3 of standard input`.
        url: the polling URL with masked query values, safe to print.
        source: the polling URL to follow, or the resume token.
        origin: of its resource URL; that of the polling URL if only that is known.
        trusted: whether the user named the origin by giving the URL on the command line.
        pattern: how the URL is read; None for a resume token.
        guessed: whether azpoll guessed the pattern.
    """

    number: int
    name: str
    place: str
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
    def deadline(self) -> float | None:
        """The deadline of its resume token, as a Unix time; None if it has none, or if a URL was given."""
        return self.source.deadline if isinstance(self.source, Token) else None

    @property
    def polls_until_gone(self) -> bool:
        """Whether a resource is polled until it is not found."""
        return isinstance(self.source, Token) and self.source.pattern == "until-gone"

    def identity(self) -> dict[str, object]:
        """Return the members that join an object of the output to the input; they contain no query value."""
        return {"index": self.number, "input": self.place, "name": self.name, "target": self.url}

    def as_monitor(self) -> Target:
        """Return the same target with the status monitor pattern."""
        return replace(self, pattern="azure-async-operation", guessed=False)

    def due_now(self) -> Target:
        """Return the same target without the earliest poll time of its token."""
        return replace(self, source=self.source._replace(not_before=0.0)) if isinstance(self.source, Token) else self


def read_targets(words: Iterable[Word], pattern: PatternName | None) -> list[Target]:
    """Return the targets in order, without duplicates.

    Args:
        words: URLs and resume tokens.
        pattern: of the URLs; None to guess.

    Raises:
        UsageError: a word is neither a URL nor a resume token, or there are no targets.
    """
    found: dict[str, Target] = {}
    for number, word in enumerate(words):
        if word.text not in found:
            try:
                found[word.text] = _target(number, word, pattern)
            except UsageError as error:
                raise UsageError(f"{word.place}: {error}") from error
    if not found:
        raise UsageError("nothing to read: standard input contains no URL or resume token")
    return list(found.values())


def _target(number: int, word: Word, pattern: PatternName | None) -> Target:
    text = word.text
    if "://" in text:
        origin, url = _origin_of_usable(text), text
        source: str | Token = text
        chosen = guess_pattern(text) if pattern is None else pattern
    else:
        try:
            source = decode(text)
        except InvalidToken as error:
            why = "a URL begins with https:// or http://" if "." in text.partition("/")[0] and "/" in text else error
            raise UsageError(f"neither a URL nor a resume token: {why}") from error
        origin, url, chosen = origin_of(source.resource_url), source.url, None
    return Target(
        number,
        name_of(url) if word.name is None else _shown_name(word.name),
        word.place,
        masked_url(url),
        source,
        origin,
        word.trusted and chosen is not None,
        chosen,
        guessed=chosen is not None and pattern is None,
    )


def _origin_of_usable(url: str) -> str:
    """Return the origin of a URL that can be requested."""
    origin = origin_of(url)
    policy = url_policy.URLPolicy(httpx.URL, url_policy.origin_of(httpx.URL(origin)))
    resolved = policy.resolve(url, base=url, resource_url=url)
    if isinstance(resolved, url_policy.RejectedURL):
        raise UsageError(f"the URL cannot be used: {resolved.reason}")
    return origin


def name_of(url: str) -> str:
    """Return the last two segments of the path of a URL, safe to print."""
    path = [segment for segment in url.partition("?")[0].split("/")[3:] if segment]
    last_segments = "/".join(path[-2:]) or httpx.URL(origin_of(url)).raw_host.decode("ascii")
    return escape_for_display(last_segments, _LONGEST_NAME)


def _shown_name(name: str) -> str:
    return escape_for_display(masked_label(name), _LONGEST_NAME)
