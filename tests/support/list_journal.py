"""`ListJournal`: a journal in memory that records its calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from azpoll.tracking.journal import JournalResult, JournalRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from types import TracebackType


class ListJournal:
    """Records each stored row with its stage, and keeps the rows as a database would.

    The stages are "intent", "started", "changed" and "ended".

    Args:
        delay_s: seconds that each call takes.
        error: raised by each call; None for none.
    """

    def __init__(self, *, delay_s: float = 0.0, error: Exception | None = None) -> None:
        self.delay_s = delay_s
        self.error = error
        self.calls: list[tuple[str, JournalRow | JournalResult]] = []
        self.batches: list[int] = []
        self.rows: dict[str, JournalRow | JournalResult] = {}
        self.entered = 0
        self.left = 0

    async def __aenter__(self) -> None:
        self.entered += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left += 1

    @property
    def names(self) -> list[str]:
        """The stages of the stored rows, in their order."""
        return [name for name, _ in self.calls]

    @property
    def open(self) -> list[JournalRow]:
        """The operations that have not ended."""
        return [row for row in self.rows.values() if isinstance(row, JournalRow)]

    @property
    def ended(self) -> list[JournalResult]:
        """The operations that have ended."""
        return [row for row in self.rows.values() if isinstance(row, JournalResult)]

    async def store(self, rows: Sequence[JournalRow | JournalResult]) -> None:
        await anyio.sleep(self.delay_s)
        self.batches.append(len(rows))
        for row in rows:
            self.calls.append((self._stage(row), row))
            if self.error is None:
                self.rows[row.operation_id] = row
        if self.error is not None:
            raise self.error

    async def open_rows(self) -> AsyncIterator[JournalRow]:
        for row in self.open:
            await anyio.sleep(self.delay_s)
            yield row

    async def results(self, group: str | None = None) -> AsyncIterator[JournalResult]:
        for row in self.ended:
            if group is None or row.group == group:
                yield row

    async def get(self, operation_id: str) -> JournalRow | JournalResult | None:
        return self.rows.get(operation_id)

    async def forget(self, operation_id: str) -> bool:
        return self.rows.pop(operation_id, None) is not None

    def _stage(self, row: JournalRow | JournalResult) -> str:
        if isinstance(row, JournalResult):
            return "ended"
        if row.intent:
            return "intent"
        before = self.rows.get(row.operation_id)
        return "changed" if isinstance(before, JournalRow) and not before.intent else "started"
