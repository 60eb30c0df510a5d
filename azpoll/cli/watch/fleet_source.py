"""The view of a fleet: its counts, its budgets, and the operations with a problem."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from azpoll.cli.exit_codes import InputError, UsageError
from azpoll.cli.watch.view import BudgetRow, OperationRow, View, shown_name, shown_reason, shown_scope

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from azpoll.fleet import Fleet, FleetBudget

INTERVAL_S = 1.0
"""The shortest time between two reads: each counts the rows of two tables."""

_FROM_ENVIRONMENT = "env:"


class FleetSource:
    """Reads the statistics of a fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def read(self, most: int) -> View:
        """Return the present view with at most `most` operations: those with a problem.

        Raises:
            InputError: the database could not be reached for 30 s, or has no tables of a fleet.
        """
        with _database_errors():
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


@asynccontextmanager
async def connected_fleet(dsn: str) -> AsyncGenerator[FleetSource]:
    """Connect to the fleet of a DSN, or of `env:NAME`. No message repeats the DSN, which may hold a password.

    Raises:
        UsageError: the extra `fleet` is missing, or the DSN is invalid.
        InputError: the database cannot be reached, or refused the connection.
    """
    try:
        from azpoll.fleet import Fleet  # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        raise UsageError("--dsn needs pgqueuer: python -m pip install 'azpoll[fleet]'") from error
    if dsn.startswith(_FROM_ENVIRONMENT):
        dsn = os.environ.get(dsn.removeprefix(_FROM_ENVIRONMENT), "")
    if not dsn.startswith(("postgresql://", "postgres://")):
        raise UsageError("--dsn: postgresql://USER@HOST/DATABASE is needed, or env:NAME for a variable that holds it")
    async with AsyncExitStack() as stack:
        try:
            with _database_errors():
                fleet = await stack.enter_async_context(Fleet.connect(dsn, listen=False, connections=2))
        except ValueError as error:
            raise UsageError("--dsn is invalid") from error
        yield FleetSource(fleet)


@contextmanager
def _database_errors() -> Generator[None]:
    """Raise the error of a command in place of an error of the fleet or of its database."""
    from asyncpg import PostgresError  # noqa: PLC0415 - optional

    from azpoll.fleet import FleetError  # noqa: PLC0415 - optional

    try:
        yield
    except FleetError as error:
        raise InputError(str(error)) from error
    except PostgresError as error:  # its text may name the user or the database
        raise InputError(f"the database refused a request: {type(error).__name__}") from error


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _row(ident: str, problem: str) -> OperationRow:
    name = shown_name(None, ident)
    return OperationRow(ident, name, None, "running", None, None, None, None, shown_reason(problem), "failing")


def _budget(budget: FleetBudget) -> BudgetRow:
    return BudgetRow(shown_scope(budget.name), budget.rate, budget.tokens, closed_s=budget.closed_s or None)
