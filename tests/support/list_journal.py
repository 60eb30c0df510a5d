"""`ListJournal`: a journal in memory that records its calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from azpoll.tracking.journal import JournalResult, JournalRow

if TYPE_CHECKING:
    from collections.abc import Sequence


class ListJournal:
    """Records each call as a name and its row, and keeps the rows as a database would.

    Args:
        delay_s: seconds that each call takes.
        error: raised by each call; None for none.
    """

    def __init__(self, *, delay_s: float = 0.0, error: Exception | None = None) -> None:
        self._delay_s = delay_s
        self._error = error
        self.calls: list[tuple[str, JournalRow | JournalResult]] = []
        self.batches: list[int] = []
        self.rows: dict[str, JournalRow | JournalResult] = {}

    @property
    def names(self) -> list[str]:
        """The names of the calls, in their order."""
        return [name for name, _ in self.calls]

    async def intent(self, row: JournalRow) -> None:
        await self._store("intent", row)

    async def started(self, row: JournalRow) -> None:
        await self._store("started", row)

    async def changed(self, rows: Sequence[JournalRow]) -> None:
        self.batches.append(len(rows))
        for row in rows:
            await self._store("changed", row)

    async def ended(self, row: JournalResult) -> None:
        await self._store("ended", row)

    async def open_rows(self) -> list[JournalRow]:
        return [row for row in self.rows.values() if isinstance(row, JournalRow)]

    async def results(self) -> list[JournalResult]:
        return [row for row in self.rows.values() if isinstance(row, JournalResult)]

    async def get(self, operation_id: str) -> JournalRow | JournalResult | None:
        return self.rows.get(operation_id)

    async def _store(self, name: str, row: JournalRow | JournalResult) -> None:
        await anyio.sleep(self._delay_s)
        self.calls.append((name, row))
        if self._error is not None:
            raise self._error
        self.rows[row.operation_id] = row
