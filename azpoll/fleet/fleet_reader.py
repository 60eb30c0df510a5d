"""The methods of a `Fleet` that only read: counts, problems, an overview, and all operations."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from azpoll.fleet.overview import read_overview
from azpoll.fleet.statistics import FleetStatistics, read_problems, read_statistics
from azpoll.fleet.stored_entries import ended_page, last_result, open_page
from azpoll.tracking.settings import checked_count

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from azpoll.fleet.cipher import Cipher
    from azpoll.fleet.result_reader import Transact
    from azpoll.journal import JournalEntry, JournalOverview


class FleetReader:
    """Reads the tables of a fleet; each method is a transaction or more.

    Args:
        transact: runs a transaction, again if the database could not be reached.
        cipher: for tokens, requests and bodies.
    """

    def __init__(self, transact: Transact, cipher: Cipher) -> None:
        self._transact, self._cipher = transact, cipher

    async def statistics(self) -> FleetStatistics:
        """Return the present counts and budgets."""
        return await self._transact(read_statistics)

    async def problems(self, limit: int = 100) -> dict[str, str]:
        """Return why open operations are not tracked or were not canceled, by id; of at most `limit` operations."""
        return await self._transact(partial(read_problems, limit=checked_count("limit", limit)))

    async def overview(self, most: int = 20) -> JournalOverview:
        """Return counts by group, with at most `most` failures and running operations each.

        It has the 1,000 groups with the most running operations, without `oldest_at`. Running operations with a problem
        or a failed last poll come first. Workers store the percentage and the last error at each heartbeat, at least
        every 10 s. A million operations take some 0.6 s.
        """
        return await self._transact(partial(read_overview, cipher=self._cipher, most=checked_count("most", most)))

    async def entries(self, *, group: str | None = None) -> AsyncIterator[JournalEntry]:
        """Iterate over all operations as the entries of a journal, for `azpoll.report`: open ones, then ended ones.

        A fleet counts no polls, so `polls` and `throttled` are None. `last_error` is also the reason why an operation
        is not tracked, as `problems` returns it. An operation that ends meanwhile counts as open.

        Args:
            group: only the operations of the group; None for all.
        """
        last = await self._transact(last_result)
        ident, number = "", 0
        while page := await self._transact(
            partial(open_page, cipher=self._cipher, group=group, after=ident, last=last)
        ):
            for entry in page:
                yield entry
            ident = page[-1].row.operation_id
        while page := await self._transact(
            partial(ended_page, cipher=self._cipher, group=group, after=number, last=last)
        ):
            for entry in page:
                yield entry
            number = page[-1].number
