"""`ListJournal`: a journal in memory that records its calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from azpoll.tracking.journal import EndedRow, OpenRow

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
        self.calls: list[tuple[str, OpenRow | EndedRow]] = []
        self.batches: list[int] = []
        self.rows: dict[str, OpenRow | EndedRow] = {}

    @property
    def names(self) -> list[str]:
        """The names of the calls, in their order."""
        return [name for name, _ in self.calls]

    async def intent(self, row: OpenRow) -> None:
        await self._store("intent", row)

    async def started(self, row: OpenRow) -> None:
        await self._store("started", row)

    async def changed(self, rows: Sequence[OpenRow]) -> None:
        self.batches.append(len(rows))
        for row in rows:
            await self._store("changed", row)

    async def ended(self, row: EndedRow) -> None:
        await self._store("ended", row)

    async def open_rows(self) -> list[OpenRow]:
        return [row for row in self.rows.values() if isinstance(row, OpenRow)]

    async def results(self) -> list[EndedRow]:
        return [row for row in self.rows.values() if isinstance(row, EndedRow)]

    async def get(self, operation_id: str) -> OpenRow | EndedRow | None:
        return self.rows.get(operation_id)

    async def _store(self, name: str, row: OpenRow | EndedRow) -> None:
        await anyio.sleep(self._delay_s)
        self.calls.append((name, row))
        if self._error is not None:
            raise self._error
        self.rows[row.operation_id] = row
