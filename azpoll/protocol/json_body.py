"""JSON read once, whatever its encoding, and in a time that its length bounds."""

from __future__ import annotations

import gc
import json

LARGE = 64 * 1024
"""Of so much, how long it takes begins to matter."""

_BLANKS = " \t\n\r"
_decode = json.JSONDecoder().raw_decode


def value_in(text: str) -> object:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is not the text of one value, or a number in it is too long to read.
        RecursionError: it is too deep.
    """
    text = text.strip(_BLANKS)
    value, end = _decode(text) if len(text) <= LARGE else _decoded_at_once(text)
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


def _decoded_at_once(text: str) -> tuple[object, int]:
    """Make many values without looking for cycles among them again and again: JSON has none."""
    if not gc.isenabled():
        return _decode(text)
    gc.disable()
    try:
        return _decode(text)
    finally:
        gc.enable()
