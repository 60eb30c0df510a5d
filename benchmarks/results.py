"""Figures by what they are of, one for each round; ratios are taken within a round, then their median."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING

from benchmarks.suite import Key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.jobs import Figures


class Results:
    """What was measured."""

    def __init__(self) -> None:
        self._rounds: dict[Key, list[Figures]] = {}

    def add(self, key: Key, figures: Figures) -> None:
        """Keep the figures of one round; none at all is a measurement that took too long."""
        self._rounds.setdefault(key, []).append(figures)

    def of(self, key: Key, name: str) -> list[float]:
        """Return a figure in each round that has it."""
        return [figures[name] for figures in self._rounds.get(key, ()) if name in figures]

    def median(self, key: Key, name: str) -> float | None:
        """Return its median; None where it was not measured."""
        values = self.of(key, name)
        return statistics.median(values) if values else None

    def ratios(self, key: Key, other: Key, name: str) -> list[float]:
        """Return how many times that of another it is, in each round that has both."""
        both = zip(self._rounds.get(key, ()), self._rounds.get(other, ()), strict=False)
        return [mine[name] / theirs[name] for mine, theirs in both if name in mine and name in theirs]

    def ratio(self, key: Key, other: Key, name: str) -> float | None:
        """Return the median of `ratios`."""
        values = self.ratios(key, other, name)
        return statistics.median(values) if values else None

    def keys(self, measure: str, operations: int = 0) -> Iterator[Key]:
        """Yield what a measure was taken of, in the order in which it first was."""
        return (key for key in self._rounds if key.measure == measure and key.operations == operations)

    def save(self, path: Path) -> None:
        """Write all figures to a file."""
        path.write_text(json.dumps([[key, rounds] for key, rounds in self._rounds.items()]), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what `save` wrote."""
        results = cls()
        for (measure, who, operations), rounds in json.loads(path.read_text(encoding="utf-8")):
            results._rounds[Key(measure, who, operations)] = rounds
        return results
