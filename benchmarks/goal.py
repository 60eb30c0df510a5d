"""A goal, and whether it was reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """One line of a verdict.

    Attributes:
        text: what was asked.
        found: what there was.
        met: whether that does.
    """

    text: str
    found: str
    met: bool

    def __str__(self) -> str:
        """Return one line."""
        return f"{'PASS' if self.met else 'FAIL'}  {self.text}: {self.found}"
