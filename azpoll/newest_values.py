"""`NewestValues`: the iterator behind `AsyncOperation.snapshots` and `Group.progress`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class NewestValues(Generic[T]):
    """Yields a value now and after each change; a slow reader gets only the newest.

    It is not an async generator, which must be closed when it is left early.

    Args:
        read: returns the present value, and whether it is the last.
        version: returns a value that differs after each change.
        wait_changed: waits for the next change.
    """

    def __init__(
        self,
        read: Callable[[], tuple[T, bool]],
        version: Callable[[], object],
        wait_changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._read = read
        self._version = version
        self._wait_changed = wait_changed
        self._seen: object = None
        self._is_last = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._is_last:
            raise StopAsyncIteration
        while self._seen == self._version():
            await self._wait_changed()
        self._seen = self._version()
        value, self._is_last = self._read()
        return value
