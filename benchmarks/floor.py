"""The raw floor: what a poll costs without an HTTP library, by which machines and hours are told apart."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.peers import FLOOR
from benchmarks.suite import Key

if TYPE_CHECKING:
    from benchmarks.results import Results

FLOOR_US = 35
"""What it cost on the machine where the goals in microseconds were set: they are judged as times of what it costs in
the same run, since machines differ."""


def floor_rounds(results: Results) -> list[list[float]]:
    """Return the microseconds of each round, for each number of operations."""
    return [results.of(Key("cost", FLOOR.name, operations), "us") for operations in (100, 500, 1_000, 10_000)]


def floor_us(results: Results) -> float | None:
    """Return the median of all rounds; None where it was not measured."""
    values = [us for rounds in floor_rounds(results) for us in rounds]
    return statistics.median(values) if values else None
