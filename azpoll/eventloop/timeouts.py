"""A time limit for each exchange, kept by one timer.

All exchanges have the same limit, so they reach it in the order in which they began, and only the oldest one needs a
timer. The timer keeps running when that exchange ends, and is then set for the next one. So it is set once per time
limit, not once per exchange.

Gain over a cancel scope of anyio with a timer of its own: 0.6 us of CPU time for each exchange instead of 5.5 us, on
CPython 3.11 under asyncio. Without it a poll costs 2 % more over httpx, and up to 18 % more over `azpoll.fast`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, Self
from weakref import WeakKeyDictionary

import anyio

from azpoll.eventloop.clock import is_asyncio

if TYPE_CHECKING:
    from types import TracebackType


class Exchange(Protocol):
    """The context of one exchange.

    At its time limit it cancels the exchange and suppresses the cancellation; execution continues after the `with`
    block.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool: ...

    def cancel(self) -> None:
        """End the exchange as if it had reached the limit."""


class ExchangeTimeouts:
    """Cancels each exchange of the running event loop that exceeds the time limit of `limit_s` seconds."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._in_flight: dict[_Exchange, None] = {}  # the oldest first
        self._scopes = WeakKeyDictionary[anyio.CancelScope, int]()  # and their tasks, under trio
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop() if is_asyncio() else None

    def exchange(self, now_s: float) -> Exchange:
        """Return the context of an exchange that begins now."""
        until_s = now_s + self._limit_s
        loop = self._loop
        task = None if loop is None else asyncio.current_task(loop)
        if loop is None or task is None:
            scope = anyio.CancelScope(deadline=until_s)
            self._scopes[scope] = anyio.get_current_task().id
            return scope
        exchange = _Exchange(self._in_flight, until_s, task)
        if self._timer is None:
            self._timer = loop.call_at(until_s, self._cancel_late, loop)
        return exchange

    def abort(self, task_id: int | None = None) -> None:
        """End the exchange of one task as if it had reached the limit; or those of all tasks, and release the timer.

        Args:
            task_id: as in `anyio.TaskInfo`; None for all tasks.
        """
        for scope, owner in self._scopes.items():
            if task_id in (None, owner):
                scope.cancel()
        for exchange in tuple(self._in_flight):
            if task_id in (None, exchange.task_id):
                exchange.cancel()
        if task_id is None and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cancel_late(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now_s = loop.time()
        for exchange in tuple(self._in_flight):
            if exchange.until_s > now_s:
                self._timer = loop.call_at(exchange.until_s, self._cancel_late, loop)
                return
            exchange.cancel()


class _Exchange:
    """One exchange of an asyncio task. It is cancelled as by `asyncio.timeout`."""

    __slots__ = ("_cancelling", "_in_flight", "_late", "_task", "until_s")

    def __init__(self, in_flight: dict[_Exchange, None], until_s: float, task: asyncio.Task[Any]) -> None:
        self.until_s = until_s
        self._in_flight = in_flight
        self._task = task
        self._cancelling = task.cancelling()
        self._late = False

    @property
    def task_id(self) -> int:
        """The id of the task, as in `anyio.TaskInfo`."""
        return id(self._task)

    def __enter__(self) -> Self:
        self._in_flight[self] = None
        return self

    def cancel(self) -> None:
        if not self._late:
            self._late = True
            del self._in_flight[self]
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not self._late:
            del self._in_flight[self]
            return False
        return self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError
