"""`as_completed`: operations in the order in which they end."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import anyio

from azpoll.tracking.settings import checked_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from azpoll.operation import AsyncOperation

T = TypeVar("T")


def as_completed(
    operations: Iterable[AsyncOperation[T]],
    *,
    timeout: float | None = None,
) -> AsyncIterator[AsyncOperation[T]]:
    """Iterate over operations as they end. The iterator yields the same objects, which are then `done()`.

    Args:
        operations: of any trackers in this event loop; an operation that is given twice is yielded twice.
        timeout: seconds for the whole iteration; None waits without limit. Tracking goes on afterwards.

    Raises:
        TimeoutError: while iterating, if not all operations ended in time.
        ValueError: `timeout` is negative or not a number.
    """
    return _Completed(operations, checked_seconds("timeout", timeout))


class _Completed(Generic[T]):
    """An iterator rather than an async generator, which must be closed when it is left early."""

    __slots__ = ("_deadline_s", "_ended", "_missing", "_progress", "_timeout_s", "_total")

    def __init__(self, operations: Iterable[AsyncOperation[T]], timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._deadline_s = anyio.current_time() + timeout_s
        self._ended: deque[AsyncOperation[T]] = deque()
        self._progress = anyio.Event()
        self._total = len([operation.add_done_callback(self._on_end) for operation in operations])
        self._missing = self._total

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AsyncOperation[T]:
        if not self._missing:
            raise StopAsyncIteration
        if not self._ended:
            self._progress = anyio.Event()
            with anyio.CancelScope(deadline=self._deadline_s):
                await self._progress.wait()
        if not self._ended:
            raise TimeoutError(f"{self._missing} of {self._total} operations had not ended after {self._timeout_s:g} s")
        self._missing -= 1
        return self._ended.popleft()

    def _on_end(self, operation: AsyncOperation[T]) -> None:
        self._ended.append(operation)
        self._progress.set()
