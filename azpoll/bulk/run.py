"""`BulkRun`: the async iterator that `Tracker.begin_all` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Self, TypeVar

from azpoll.bulk.requests import RequestReader
from azpoll.bulk.work import BulkWork

if TYPE_CHECKING:
    from azpoll.bulk.outcome import BulkOutcome
    from azpoll.bulk.report import BulkReport
    from azpoll.bulk.requests import Requests
    from azpoll.bulk.work import Origin
    from azpoll.tracking.registry import EventDispatcher

T = TypeVar("T")


class BulkRun(Generic[T]):
    """Iterates over the outcomes of the requests of `Tracker.begin_all`, in the order in which they end.

    Leaving the loop early, by `break` or by an exception, ends it: no more requests are read or sent. Requests in
    flight are completed, and the tracker keeps the operations that have begun. A program that keeps a reference to the
    iterator calls `aclose` when it leaves the loop, or uses `contextlib.aclosing`.
    """

    def __init__(self, work: BulkWork[T], report: BulkReport | None, events: EventDispatcher) -> None:
        self._report = report
        self._unsubscribe = None if report is None else events.subscribe(report.on_event)
        self._work = work

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> BulkOutcome[T]:
        """Return the next outcome.

        Raises:
            Exception: an error of the iterable of requests, after the outcomes of the requests before it.
            JournalError: the journal cannot be read.
            TrackerClosed: the tracker was closed before all requests were read.
        """
        outcome = await self._work.next()
        if outcome is None:
            self._end()
            raise StopAsyncIteration
        if self._report is not None:
            self._report.add(outcome)
        return outcome

    async def aclose(self) -> None:
        """Read and send no more requests; begun operations stay tracked. Calling it again does nothing."""
        self._end()

    def __del__(self) -> None:
        """End the run if it was left early: the tasks of the tracker have no reference to this object."""
        if hasattr(self, "_work"):
            self._end()

    def _end(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._work.stop()


def bulk_run(origin: Origin[T], requests: Requests, concurrency: int, report: BulkReport | None) -> BulkRun[T]:
    """Return the iterator over the outcomes of requests."""
    return BulkRun(BulkWork(origin, RequestReader(requests), concurrency), report, origin.session.events)
