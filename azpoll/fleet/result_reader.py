"""Reads results, and waits for them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from azpoll.fleet.results import ResultIterator
from azpoll.tracking.settings import checked_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from azpoll.fleet.database import Connection
    from azpoll.fleet.notifications import Notifications
    from azpoll.fleet.operation_table import OperationTable
    from azpoll.fleet.results import FleetResult

T = TypeVar("T")


class Transact(Protocol):
    """Runs a transaction, again if the database could not be reached."""

    async def __call__(self, call: Callable[[Connection], Awaitable[T]]) -> T:
        """Return the result of the transaction."""
        ...


class ResultReader:
    """Reads the results of a fleet; `Fleet` documents each method."""

    def __init__(self, transact: Transact, table: OperationTable, wakeups: Notifications) -> None:
        self._transact = transact
        self._table = table
        self._wakeups = wakeups

    def results(self, group: str | None, after: int) -> AsyncIterator[FleetResult]:
        """Iterate over the results of a group after a number."""

        async def read(last: int) -> Sequence[FleetResult]:
            return await self._transact(partial(self._table.results, group=group, after=last))

        async def is_complete(last: int) -> bool:
            return await self._transact(partial(self._table.is_complete, group=group, last=last))

        return ResultIterator(read, is_complete, partial(self._wakeups.next, "results"), after)

    async def wait(self, ids: Iterable[str], timeout_s: float | None) -> list[FleetResult]:
        """Wait until operations have ended."""
        wanted = list(ids)
        limit_s = checked_seconds("timeout", timeout_s)
        await self.check_known(wanted)
        found: dict[str, FleetResult] = {}
        try:
            async with asyncio.timeout(None if timeout_s is None else limit_s):
                await self._collect(wanted, found)
        except TimeoutError:
            text = f"{len(set(wanted) - found.keys())} of {len(set(wanted))} operations had not ended"
            raise TimeoutError(f"{text} after {limit_s:g} s") from None
        return [found[each] for each in wanted]

    async def get(self, operation_id: str) -> FleetResult | None:
        """Return the result of an operation; None while it is open."""
        results = await self._transact(partial(self._table.results_by_id, ids=[operation_id], after=0))
        if not results:
            await self.check_known([operation_id])
        return results[0] if results else None

    async def check_known(self, ids: Sequence[str]) -> None:
        """Raise `LookupError` if there is no operation of an id."""
        missing = await self._transact(partial(self._table.missing, ids=ids))
        if missing:
            raise LookupError(f"the fleet has no operation {min(missing)!r}")

    async def _collect(self, wanted: Sequence[str], found: dict[str, FleetResult]) -> None:
        last = 0
        while True:
            wait = self._wakeups.next("results")
            missing = [each for each in wanted if each not in found]
            if not missing:
                return
            new = await self._transact(partial(self._table.results_by_id, ids=missing, after=last))
            for result in new:
                found[result.operation_id] = result
                last = max(last, result.number)
            if not new:
                await wait()
