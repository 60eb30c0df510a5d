"""The URLs and resume tokens that a command is given: as arguments, and as lines of standard input.

A line of standard input is a URL or a token, alone or after a name: `name: TOKEN`. That is how `azpoll wait` prints
tokens. The rest of what it prints to standard error is skipped, and so are blank lines and lines that begin with `#`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from azpoll.cli.exit_codes import InputError
from azpoll.cli.terminal import write_error_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

_PROGRESS = re.compile(r".*[;,] next (?:read )?in [0-9.]+ (?:s|min|h|d)(?: [0-9]+ (?:s|min|h))?")
"""A line of progress, which is in the same file as the tokens if standard error goes there."""


class Word(NamedTuple):
    """One URL or token.

    Attributes:
        text: the URL or token.
        place: where it was given, for messages: `argument 2` or `line 3`.
        name: the name before it; None for none.
        trusted: whether it is an argument. A line of standard input is data.
    """

    text: str
    place: str
    name: str | None
    trusted: bool


def words_of(arguments: Iterable[str], stdin: TextIO | None) -> Iterator[Word]:
    """Yield the words of the arguments, and in place of `-` those of standard input.

    Raises:
        InputError: standard input cannot be read.
    """
    for number, argument in enumerate(arguments, 1):
        if argument == "-":
            yield from _words_of_lines(stdin)
        else:
            name, text = _parts_of(argument.strip())
            yield Word(text, f"argument {number}", name, trusted=True)


def _words_of_lines(stdin: TextIO | None) -> Iterator[Word]:
    if stdin is None:
        raise InputError("standard input is closed")
    if stdin.isatty():
        write_error_line("# Enter a URL or a resume token per line, and end with Ctrl-D.")
    try:
        for number, line in enumerate(stdin, 1):
            text = line.strip().lstrip("\ufeff")
            if text and not text.startswith("#") and not _PROGRESS.fullmatch(text):
                name, text = _parts_of(text)
                yield Word(text, f"line {number} of standard input", name, trusted=False)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is closed or not text"
        raise InputError(f"standard input cannot be read: {reason}") from error


def _parts_of(text: str) -> tuple[str | None, str]:
    """Return the name and the word of `name: word`; a name may contain colons and blanks. The name is None for none."""
    name, colon, word = text.rpartition(": ")
    if not colon and "://" not in text:
        name, colon, word = text.rpartition(":")
    # Without its leading `#`, a line with the name is no comment.
    return (name.strip().lstrip("# ") or None, word.strip()) if colon else (None, text)
