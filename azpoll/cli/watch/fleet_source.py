"""The view of a fleet: its counts, groups, budgets and operations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from azpoll.cli.watch.stored_rows import ended_counts, group_row, operation_row
from azpoll.cli.watch.view import BudgetRow, View, first_rows, shown_scope

if TYPE_CHECKING:
    from azpoll.fleet import Fleet, FleetBudget

INTERVAL_S = 1.0
"""The shortest time between two reads: each counts the rows of two tables."""


class FleetSource:
    """Reads the statistics and the overview of a fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def read(self, most: int) -> View:
        """Return the present view with at most `most` operations.

        Raises:
            FleetError: the database could not be reached for 30 s, or has no tables of a fleet.
        """
        found, overview, now_s = await self._fleet.statistics(), await self._fleet.overview(most), time.time()
        workers, leased = _number(found.shards.workers, "worker"), _number(found.shards.leased, "shard")
        failures = [operation_row(entry, now_s, is_polled=False) for entry in overview.failures]
        running = [operation_row(entry, now_s, is_polled=False) for entry in overview.running]
        operations = first_rows(failures, running, most)
        listed = sum(row.concern != "failed" for row in operations)
        return View(
            {"running": found.running, **ended_counts(found), "refused": found.problems},
            (f"{workers}; {leased} leased, {found.shards.queued:,} queued",),
            tuple(group_row(group, now_s) for group in overview.groups),
            operations,
            max(found.running - listed, 0),
            tuple(map(_budget, found.budgets)),
        )

    def ended(self) -> bool:
        """Return False: other processes may begin operations at any time."""
        return False


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _budget(budget: FleetBudget) -> BudgetRow:
    return BudgetRow(shown_scope(budget.name), budget.rate, budget.tokens, closed_s=budget.closed_s or None)
