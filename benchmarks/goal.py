"""A goal and its verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """One line of the verdict.

    Attributes:
        text: the goal.
        found: the figure that was measured.
        met: whether the figure meets the goal.
    """

    text: str
    found: str
    met: bool

    def __str__(self) -> str:
        """Return one line, PASS or FAIL first."""
        return f"{'PASS' if self.met else 'FAIL'}  {self.text}: {self.found}"
