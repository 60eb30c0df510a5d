"""The view of a fleet: its counts, its budgets, and the operations with a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.cli.watch.view import BudgetRow, OperationRow, View, shown_name, shown_reason, shown_scope

if TYPE_CHECKING:
    from azpoll.fleet import Fleet, FleetBudget

INTERVAL_S = 1.0
"""The shortest time between two reads: each counts the rows of two tables."""


class FleetSource:
    """Reads the statistics of a fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def read(self, most: int) -> View:
        """Return the present view with at most `most` operations: those with a problem.

        Raises:
            FleetError: the database could not be reached for 30 s, or has no tables of a fleet.
        """
        found, problems = await self._fleet.statistics(), await self._fleet.problems(most)
        names = ("running", "succeeded", "failed", "canceled", "unknown", "not_started")
        workers, leased = _number(found.shards.workers, "worker"), _number(found.shards.leased, "shard")
        return View(
            {**{name: getattr(found, name) for name in names}, "refused": found.problems},
            (f"{workers}; {leased} leased, {found.shards.queued:,} queued",),
            operations=tuple(_row(ident, problem) for ident, problem in problems.items()),
            others=max(found.running - len(problems), 0),
            budgets=tuple(map(_budget, found.budgets)),
        )

    def ended(self) -> bool:
        """Return False: other processes may begin operations at any time."""
        return False


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _row(ident: str, problem: str) -> OperationRow:
    name = shown_name(None, ident)
    return OperationRow(ident, name, None, "running", None, None, None, None, shown_reason(problem), "failing")


def _budget(budget: FleetBudget) -> BudgetRow:
    return BudgetRow(shown_scope(budget.name), budget.rate, budget.tokens, closed_s=budget.closed_s or None)
