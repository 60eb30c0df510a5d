"""A group of operations: one label, one progress, one end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar, Unpack, overload

import anyio

from azpoll.errors import TrackerClosed
from azpoll.snapshot import OperationState
from azpoll.transport.library import ResponseT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from azpoll.operation import AsyncOperation
    from azpoll.options import BeginOptions, TrackingOptions
    from azpoll.tracker import Tracker
    from azpoll.transport.library import HTTPResponse

T = TypeVar("T")


class GroupProgress(NamedTuple):
    """How far a group is.

    Attributes:
        running: operations that have not ended, those whose result is being read included.
        succeeded: operations that succeeded.
        failed: operations that the service said failed.
        canceled: operations that were canceled.
        unknown: operations whose status cannot be read, or that are no longer tracked.
        oldest_s: seconds since the oldest running operation came into the group; None when none runs.
        eta_s: seconds until all have ended, if the rest end at the pace of those that have; None before the
            first has ended, 0 after the last.
    """

    running: int
    succeeded: int
    failed: int
    canceled: int
    unknown: int
    oldest_s: float | None
    eta_s: float | None

    @property
    def total(self) -> int:
        """All operations of the group."""
        return self.running + self.ended

    @property
    def ended(self) -> int:
        """Operations that have ended, in whatever way."""
        return self.succeeded + self.failed + self.canceled + self.unknown


class Group(Generic[ResponseT]):
    """Operations that belong together; made by `Tracker.group` and used as an async context manager.

    Leaving it waits for all of them, then raises one `ExceptionGroup` of those that did not succeed. A failure
    does not stop the tracking of the others: they run in Azure anyway. When the block raises, its error goes on
    and the operations stay with the tracker.
    """

    def __init__(self, tracker: Tracker[ResponseT], label: str | None) -> None:
        self.label = label
        self._tracker = tracker
        self._members: list[tuple[float, AsyncOperation[Any]]] = []
        self._news = _News()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        self._note()
        if error is not None:
            return
        for _, operation in self._members:
            await operation.wait()
        failures = [failure for _, operation in self._members if (failure := operation.exception()) is not None]
        if failures:
            text = f"operations of the group {self.label!r}" if self.label else "operations of the group"
            raise ExceptionGroup(f"{text} did not succeed", failures)

    @property
    def operations(self) -> tuple[AsyncOperation[Any], ...]:
        """The operations, in the order they came."""
        return tuple(operation for _, operation in self._members)

    @overload
    async def begin(self, method: str, url: str, **arguments: Unpack[BeginOptions]) -> AsyncOperation[ResponseT]: ...

    @overload
    async def begin(
        self, method: str, url: str, *, decode: Callable[[ResponseT], T], **arguments: Unpack[BeginOptions]
    ) -> AsyncOperation[T]: ...

    async def begin(
        self,
        method: str,
        url: str,
        *,
        decode: Callable[[ResponseT], T] | None = None,
        **arguments: Unpack[BeginOptions],
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        """Begin an operation of this group, as `Tracker.begin` does; its label is the group's unless given."""
        self._check_open()
        arguments = {"label": self.label, "owner": self, **arguments}
        if decode is None:
            return self._add(await self._tracker.begin(method, url, **arguments))
        return self._add(await self._tracker.begin(method, url, decode=decode, **arguments))

    @overload
    def track(self, response: HTTPResponse, **tracking: Unpack[TrackingOptions]) -> AsyncOperation[ResponseT]: ...

    @overload
    def track(
        self, response: HTTPResponse, *, decode: Callable[[ResponseT], T], **tracking: Unpack[TrackingOptions]
    ) -> AsyncOperation[T]: ...

    def track(
        self,
        response: HTTPResponse,
        *,
        decode: Callable[[ResponseT], T] | None = None,
        **tracking: Unpack[TrackingOptions],
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        """Track an operation of this group, as `Tracker.track` does."""
        self._check_open()
        tracking = {"label": self.label, "owner": self, **tracking}
        if decode is None:
            return self._add(self._tracker.track(response, **tracking))
        return self._add(self._tracker.track(response, decode=decode, **tracking))

    @overload
    def resume(self, token: str, **tracking: Unpack[TrackingOptions]) -> AsyncOperation[ResponseT]: ...

    @overload
    def resume(
        self, token: str, *, decode: Callable[[ResponseT], T], **tracking: Unpack[TrackingOptions]
    ) -> AsyncOperation[T]: ...

    def resume(
        self, token: str, *, decode: Callable[[ResponseT], T] | None = None, **tracking: Unpack[TrackingOptions]
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        """Resume an operation of this group, as `Tracker.resume` does."""
        self._check_open()
        tracking = {"label": self.label, "owner": self, **tracking}
        if decode is None:
            return self._add(self._tracker.resume(token, **tracking))
        return self._add(self._tracker.resume(token, decode=decode, **tracking))

    def snapshot(self) -> GroupProgress:
        """Return how far the group is now. Does no I/O."""
        counts = Counter(operation.state for _, operation in self._members)
        now_s = anyio.current_time()
        since = [since_s for since_s, operation in self._members if not operation.done()]
        ended = len(self._members) - len(since)
        elapsed_s = now_s - self._members[0][0] if self._members else 0.0
        return GroupProgress(
            running=len(since),
            succeeded=counts[OperationState.SUCCEEDED],
            failed=counts[OperationState.FAILED],
            canceled=counts[OperationState.CANCELED],
            unknown=counts[OperationState.UNKNOWN],
            oldest_s=now_s - min(since) if since else None,
            eta_s=elapsed_s / ended * len(since) if ended else None,
        )

    def progress(self) -> AsyncIterator[GroupProgress]:
        """Iterate over how far the group is: now and after each change, until all have ended.

        A slow reader misses what lies between and gets the newest.
        """
        return _Progress(self.snapshot, self._news, lambda: self._closed)

    def _add(self, operation: AsyncOperation[T]) -> AsyncOperation[T]:
        self._members.append((anyio.current_time(), operation))
        self._note()
        operation.add_done_callback(self._note)
        return operation

    def _note(self, _operation: object = None) -> None:
        self._news.tell()

    def _check_open(self) -> None:
        if self._closed:
            raise TrackerClosed("the group is closed: it takes no more operations")


class _News:
    """Counts changes, and wakes whoever waits for the next."""

    def __init__(self) -> None:
        self._count = 0
        self._next = anyio.Event()

    def tell(self) -> None:
        """Note a change."""
        self._count += 1
        told, self._next = self._next, anyio.Event()
        told.set()

    async def since(self, count: int) -> int:
        """Wait until there were other than `count` changes, and return how many."""
        while self._count == count:
            await self._next.wait()
        return self._count


class _Progress:
    """Not an async generator: those must be closed by whoever leaves them early, and trio warns where they are not."""

    def __init__(self, snapshot: Callable[[], GroupProgress], news: _News, is_closed: Callable[[], bool]) -> None:
        self._snapshot = snapshot
        self._news = news
        self._is_closed = is_closed
        self._seen = -1
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> GroupProgress:
        if self._over:
            raise StopAsyncIteration
        self._seen = await self._news.since(self._seen)
        now = self._snapshot()
        self._over = not now.running and (now.total > 0 or self._is_closed())
        return now
