"""The pictures of `docs/performance.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.chart import BOUND, OURS, THEIRS, Bar, chart
from benchmarks.peers import FLOOR, PEERS
from benchmarks.suite import Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.results import Results


def pictures(results: Results) -> dict[str, str]:
    """Return SVG by file name, of what was measured in full."""
    cost = chart(
        "CPU of one poll",
        "Microseconds of the client, 1,000 operations; the server is a process of its own.",
        list(_bars(results, "cost", "us", 1_000, "us")),
    )
    lateness = chart(
        "How late polls are",
        "Milliseconds at p99: 10,000 operations whose service asks for 1 to 17 s between polls.",
        list(_bars(results, "lateness", "p99_ms", 10_000, "ms")),
    )
    return {"performance-cost.svg": cost, "performance-lateness.svg": lateness}


def _bars(results: Results, measure: str, name: str, operations: int, unit: str) -> Iterator[Bar]:
    ours = {peer.name for peer in PEERS if peer.ours}
    found = (
        (key.who, results.median(Key(measure, key.who, operations), name)) for key in results.keys(measure, operations)
    )
    values = [(who, value) for who, value in found if value is not None]
    for who, value in sorted(values, key=lambda row: row[1]):
        color = OURS if who in ours else BOUND if who == FLOOR.name else THEIRS
        yield Bar(who, value, f"{value:,.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}", color)
