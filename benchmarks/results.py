"""Figures of a run by measurement, one set for each round; ratios are taken within a round."""

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
    """All figures of a run."""

    def __init__(self) -> None:
        self._rounds: dict[Key, list[Figures]] = {}

    def __contains__(self, key: Key) -> bool:
        """Return whether a measurement was part of the run."""
        return key in self._rounds

    def add(self, key: Key, figures: Figures) -> None:
        """Keep the figures of one round; they are empty if the measurement took too long."""
        self._rounds.setdefault(key, []).append(figures)

    def of(self, key: Key, name: str) -> list[float]:
        """Return a figure of each round that has it."""
        return [figures[name] for figures in self._rounds.get(key, ()) if name in figures]

    def median(self, key: Key, name: str) -> float | None:
        """Return the median of a figure; None if no round has it."""
        values = self.of(key, name)
        return statistics.median(values) if values else None

    def ratios(self, key: Key, other: Key, name: str) -> list[float]:
        """Return a figure divided by that of another measurement, for each round that has both."""
        both = zip(self._rounds.get(key, ()), self._rounds.get(other, ()), strict=False)
        return [mine[name] / theirs[name] for mine, theirs in both if name in mine and name in theirs]

    def ratio(self, key: Key, other: Key, name: str) -> float | None:
        """Return the median of `ratios`; None if no round has both figures."""
        values = self.ratios(key, other, name)
        return statistics.median(values) if values else None

    def keys(self, measure: str) -> Iterator[Key]:
        """Yield the measurements of one measure, in the order in which they were first made."""
        return (key for key in self._rounds if key.measure == measure)

    def save(self, path: Path) -> None:
        """Write all figures to a file."""
        path.write_text(json.dumps([[key, rounds] for key, rounds in self._rounds.items()]), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read a file that `save` wrote."""
        results = cls()
        for (measure, peer, operations), rounds in json.loads(path.read_text(encoding="utf-8")):
            results._rounds[Key(measure, peer, operations)] = rounds
        return results
