"""The calls of a tracker that need a journal: they recover, read and forget its operations."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar, Unpack, overload

from azpoll.operation import AsyncOperation
from azpoll.operation_source import OperationSource
from azpoll.transport.library import ResponseT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from azpoll.options import TrackingOptions
    from azpoll.tracking.journal import JournalResult, JournalRow
    from azpoll.tracking.journal_session import JournalSession

T = TypeVar("T")


class StoredOperations(OperationSource[ResponseT]):
    """Recovers, reads and forgets the operations of a journal."""

    @overload
    async def recover(self, **tracking: Unpack[TrackingOptions]) -> list[AsyncOperation[ResponseT]]: ...

    @overload
    async def recover(
        self, *, decode: Callable[[ResponseT], T], **tracking: Unpack[TrackingOptions]
    ) -> list[AsyncOperation[T]]: ...

    async def recover(
        self, *, decode: Callable[[ResponseT], T] | None = None, **tracking: Unpack[TrackingOptions]
    ) -> list[AsyncOperation[T]] | list[AsyncOperation[ResponseT]]:
        """Track every open operation of the journal that this tracker does not track, and return them.

        Each has its id, label, group and options of before, but for `decode` and for headers that are not among its
        `stored_headers`. Options that are given here count for all of them. Polls are spread over the budget.

        A process may have stopped between an initial request and its answer. An `InitialRequestUnknown` event reports
        each such request. After a PUT, PATCH or DELETE its resource is polled (rule 53); another one ends as unknown. A
        row that cannot be used is kept, and a `JournalFailed` event says why.

        Raises:
            JournalError: the tracker has no journal, or the journal cannot be read.
        """
        session, _ = self._enter({})
        async with aclosing(session.journal().recover(tracking)) as records:
            return [AsyncOperation(session, record, decode) async for record in records]

    def results(self, group: str | None = None) -> AsyncIterator[JournalResult]:
        """Iterate over the ended operations of the journal: those of the groups with this label, or all.

        Raises:
            JournalError: the tracker has no journal, or the journal cannot be read.
        """
        return self._journal().storage.results(group)

    async def get(self, operation_id: str) -> JournalRow | JournalResult | None:
        """Return the journal's row of one operation: it runs, or it has ended. None if there is none.

        Raises:
            JournalError: the tracker has no journal, or the journal cannot be read.
        """
        return await self._journal().storage.get(operation_id)

    async def forget(self, operation_id: str) -> bool:
        """Delete the journal's row of one operation; returns whether there was one. Its tracking stops.

        Raises:
            JournalError: the tracker has no journal, or the journal cannot be written.
        """
        return await self._journal().forget(operation_id)

    def _journal(self) -> JournalSession:
        return self._enter({})[0].journal()
