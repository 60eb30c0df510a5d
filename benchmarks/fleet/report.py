"""The printed table of outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.fleet.scenario import Fleet, Outcome

HEAD = (
    f"{'policy':27}{'lost':>8}{'mean s':>9}{'p50 s':>9}{'p99 s':>9}"
    f"{'reads':>12}{'429s':>8}{'early':>9}{'simulated in':>14}"
)


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the lines of the table, by fleet in the order of size, then by policy."""
    fleets: dict[Fleet, list[Outcome]] = {}
    for outcome in outcomes:
        fleets.setdefault(outcome.fleet, []).append(outcome)
    for fleet in sorted(fleets, key=lambda fleet: (fleet.shared, fleet.every_s, fleet.operations)):
        yield f"\n{fleet}"
        yield HEAD
        for outcome in sorted(fleets[fleet], key=lambda outcome: outcome.policy):
            yield line(outcome)


def line(outcome: Outcome) -> str:
    """Return one row of the table."""
    return (
        f"{outcome.policy:27}{outcome.lost:8,}{outcome.mean_s:9.1f}{outcome.quantile_s(0.5):9.1f}"
        f"{outcome.quantile_s(0.99):9.1f}{outcome.reads:12,}{outcome.throttled_share:8.2%}{outcome.early:9,}"
        f"{outcome.wall_s:12.1f} s"
    )
