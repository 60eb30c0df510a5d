"""JSON read once, whatever its encoding, and in a time that its length bounds."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE = 64 * 1024
"""Of so much, how long it takes begins to matter."""

_BLANKS = " \t\n\r"
_scan: Callable[[str, int], tuple[object, int]] = vars(json.JSONDecoder())["scan_once"]  # typeshed does not know it


def value_in(text: str) -> object:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is not the text of one value, or a number in it is too long to read.
        RecursionError: it is too deep.
    """
    text = text.strip(_BLANKS)
    try:
        value, end = _scan(text, 0) if len(text) <= LARGE else _scanned_at_once(text)
    except StopIteration:
        raise ValueError("there is no value") from None
    if end != len(text):
        raise ValueError("there is more than one value")
    return value


def text_of(body: bytes) -> str:
    """Return the text of bytes that may hold JSON: in UTF-8, UTF-16 or UTF-32, with or without a BOM.

    Raises:
        UnicodeDecodeError: they are no text.
    """
    encoding = "utf-8" if body.startswith(b'{"') else json.detect_encoding(body)
    return body.decode(encoding, "surrogatepass")


def _scanned_at_once(text: str) -> tuple[object, int]:
    """Make many values without looking for cycles among them again and again: JSON has none."""
    if not gc.isenabled():
        return _scan(text, 0)
    gc.disable()
    try:
        return _scan(text, 0)
    finally:
        gc.enable()
