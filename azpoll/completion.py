"""Operations in the order they end."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

import anyio

from azpoll.options import checked_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from azpoll.operation import AsyncOperation

T = TypeVar("T")


async def as_completed(
    operations: Iterable[AsyncOperation[T]],
    *,
    timeout: float | None = None,  # noqa: ASYNC109 - the limit is on the whole iteration, not on one call
) -> AsyncIterator[AsyncOperation[T]]:
    """Yield each operation as it ends: the same objects, whose `result()` and `exception()` can be read at once.

    Args:
        operations: of any trackers in this event loop; one given twice is yielded twice.
        timeout: seconds for the whole iteration; None waits without limit. Tracking goes on after it.

    Raises:
        TimeoutError: not all had ended in time.
        ValueError: `timeout` is negative or not a number.
    """
    deadline_s = anyio.current_time() + checked_seconds("timeout", timeout)
    ended: deque[AsyncOperation[T]] = deque()
    news = anyio.Event()

    def note(operation: AsyncOperation[T]) -> None:
        ended.append(operation)
        news.set()

    removers = [operation.add_done_callback(note) for operation in operations]
    try:
        for missing in range(len(removers), 0, -1):
            if not ended:
                news = anyio.Event()
                with anyio.CancelScope(deadline=deadline_s):
                    await news.wait()
            if not ended:
                raise TimeoutError(f"{missing} of {len(removers)} operations had not ended after {timeout:g} s")
            yield ended.popleft()
    finally:
        for remove in removers:
            remove()
