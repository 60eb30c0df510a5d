"""`wait` for one operation without a tracker; `as_completed`: operations in the order in which they end."""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Generic, Self, TypeVar, Unpack, overload

import anyio

from azpoll.operation import AsyncOperation
from azpoll.tracker import Tracker
from azpoll.tracking.settings import checked_seconds
from azpoll.transport.transport import MAX_BODY, REQUEST_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from azpoll.options import TrackingOptions, WaitOptions
    from azpoll.transport.library import HTTPClient, ResponseT
    from azpoll.transport.received_response import InitialResponse

T = TypeVar("T")


@overload
async def wait(
    client: HTTPClient[ResponseT], initial_response: InitialResponse | str, **options: Unpack[WaitOptions]
) -> ResponseT: ...


@overload
async def wait(
    client: HTTPClient[ResponseT],
    initial_response: InitialResponse | str,
    *,
    decode: Callable[[ResponseT], T],
    **options: Unpack[WaitOptions],
) -> T: ...


async def wait(
    client: HTTPClient[ResponseT],
    initial_response: InitialResponse | str,
    *,
    decode: Callable[[ResponseT], T] | None = None,
    **options: Unpack[WaitOptions],
) -> ResponseT | T:
    """Wait for the operation that an initial response started, and return its result.

    Args:
        client: an `httpx.AsyncClient` or `httpx2.AsyncClient`.
        initial_response: as for `Tracker.track`.
        decode: converts the final response into the result.
        **options: keywords of `Tracker.track`, and of `Tracker` `allowed_origins`, `anonymous_origins`, `rebase_to`,
            `min_interval`, `request_timeout` and `max_body`.

    Raises:
        AzpollError: as awaiting an `AsyncOperation` does.
        ValueError: an argument is out of its range; nothing was sent.
        TypeError: the client or the response is of another library.
    """
    tracker = Tracker(
        client,
        allowed_origins=options.pop("allowed_origins", ()),
        anonymous_origins=options.pop("anonymous_origins", ()),
        rebase_to=options.pop("rebase_to", None),
        min_interval=options.pop("min_interval", 1.0),
        request_timeout=options.pop("request_timeout", REQUEST_TIMEOUT_S),
        max_body=options.pop("max_body", MAX_BODY),
    )
    tracking: TrackingOptions = options
    async with tracker:
        if decode is None:
            return await tracker.track(initial_response, **tracking)
        return await tracker.track(initial_response, decode=decode, **tracking)


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


def _check_iterable(operations: object) -> None:
    if not isinstance(operations, Iterable):
        raise TypeError(f"as_completed takes an iterable of operations, not {type(operations).__name__}")


def _check_operation(operation: object) -> None:
    """Raise `TypeError` for anything but an operation, before a callback is added to any."""
    if not isinstance(operation, AsyncOperation):
        name = type(operation).__name__
        advice = ": await it to get its operation" if isinstance(operation, Coroutine) else ""
        raise TypeError(f"as_completed takes operations, not {name}{advice}")


class _Completed(Generic[T]):
    """An iterator rather than an async generator, which must be closed when it is left early."""

    __slots__ = ("_deadline_s", "_ended", "_missing", "_progress", "_timeout_s", "_total")

    def __init__(self, operations: Iterable[AsyncOperation[T]], timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._deadline_s = anyio.current_time() + timeout_s
        self._ended: deque[AsyncOperation[T]] = deque()
        self._progress = anyio.Event()
        _check_iterable(operations)
        operations = tuple(operations)
        for operation in operations:
            _check_operation(operation)
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
