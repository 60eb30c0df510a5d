"""Cells of CSV that no spreadsheet runs as formulas; services and callers supply the text of cells."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""A spreadsheet runs the text of a cell that begins like this, also after blanks. Source: OWASP CSV injection."""


def cell_of(value: T) -> T | str:
    """Return a value as a cell: a text that a spreadsheet would run begins with an apostrophe."""
    is_formula = isinstance(value, str) and (value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA))
    return f"'{value}" if is_formula else value
