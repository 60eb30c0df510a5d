"""Lines that fit the width of a terminal. A stream that is no terminal has 80 columns."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_DEFAULT, _MIN = 80, 20
_CUT = "..."
_BREAKS = re.compile(r"\s+|[^\s/?&]+[/?&]*|[/?&]+")
"""Spaces, and the parts of words after which a line may break. URLs break after their separators."""


def columns(stream: TextIO) -> int:
    """Return the columns of the stream's terminal, at least 20; `COLUMNS` overrides, and the default is 80."""
    named = os.environ.get("COLUMNS", "")
    if named.isascii() and named.isdigit() and int(named):
        return max(int(named), _MIN)
    if stream.isatty():
        try:
            return max(os.get_terminal_size(stream.fileno()).columns or _DEFAULT, _MIN)
        except OSError:  # a stream without a descriptor
            pass
    return _DEFAULT


def width_of(text: str) -> int:
    """Return the columns that a text of one line takes."""
    return len(text) if text.isascii() else sum(map(_width_of_character, text))


def without_start(text: str, width: int) -> str:
    """Return at most `width` columns, with `...` in place of the start: names differ at their ends."""
    return text if width_of(text) <= width else without_end(text[::-1], width)[::-1]


def without_end(text: str, width: int) -> str:
    """Return at most `width` columns, with `...` in place of the end."""
    if width_of(text) <= width:
        return text
    return (_start(text, max(width - len(_CUT), 0)) + _CUT)[: max(width, 0)]


def wrapped(text: str, width: int, indent: str = "") -> str:
    """Return the text as lines of at most `width` columns.

    Args:
        text: one line. Blanks at its start remain.
        width: the greatest number of columns of a line.
        indent: the start of each line but the first.
    """
    if width_of(text) <= width:
        return text
    lines, line = list[str](), ""
    for piece in _pieces(text, max(width - len(indent), 1)):
        if width_of(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = indent + piece.lstrip()
        else:
            line += piece
    return "\n".join([*lines, line.rstrip()])


def _pieces(text: str, width: int) -> Iterator[str]:
    """Yield the text in pieces; a line may break between any two of them."""
    words = re.findall(r"\s*\S+", text)
    for word in words:
        parts: list[str] = [word] if width_of(word.strip()) <= width else _BREAKS.findall(word)
        for part in parts:
            rest = part
            while width_of(rest.strip()) > width:
                start = _start(rest, width)
                yield start
                rest = rest[len(start) :]
            yield rest


def _start(text: str, width: int) -> str:
    """Return the longest start of the text that takes at most `width` columns."""
    for size, character in enumerate(text):
        width -= _width_of_character(character)
        if width < 0:
            return text[:size]
    return text


def _width_of_character(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "FW" else 1
