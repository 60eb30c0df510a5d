"""Headers as an `Answer` has them, written independently of the transport that makes them (rule 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def fold_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return lower-case name to value: the first non-blank value of each name."""
    folded: dict[str, str] = {}
    for name, value in pairs:
        if text := value.strip(" \t"):
            folded.setdefault(name.lower(), text)
    return folded
