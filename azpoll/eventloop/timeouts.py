"""A time limit for every exchange under way, kept by one timer.

A cancel scope for each exchange has a timer of its own, a tenth of what a poll costs. But all exchanges have the same
limit, so they reach it in the order in which they began, and only the oldest needs to be watched. The timer is left
running when that one is over: it then finds the next, so it is set once in a limit's time and not for each exchange.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import anyio

from azpoll.eventloop.clock import is_asyncio

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType


EXCHANGE_S = 30.0
"""Seconds for one whole poll (rule 38): httpx's own limits are per read, and a dripping server outlives them."""


class ExchangeTimeouts:
    """Cancels what takes longer, wherever it waits.

    Args:
        seconds: for one exchange.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._under_way: dict[_Exchange, None] = {}  # the oldest first
        self._scopes = WeakSet[anyio.CancelScope]()  # under trio
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Note that all exchanges will be made in the running event loop."""
        if is_asyncio():
            self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Leave no timer behind."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def end_all(self) -> None:
        """Let the limit of all exchanges under way be over now."""
        for scope in self._scopes:
            scope.cancel()
        for exchange in self._under_way:
            exchange.cancel()
        self._under_way.clear()

    def exchange(self, now_s: float) -> AbstractContextManager[object, bool]:
        """Return what an exchange that begins now is to run in; what follows it tells that the limit has passed."""
        until_s = now_s + self.seconds
        if self._loop is None:
            scope = anyio.CancelScope(deadline=until_s)
            self._scopes.add(scope)
            return scope
        task: asyncio.Task[Any] | None = asyncio.current_task(self._loop)
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        exchange = _Exchange(self._under_way, until_s, task)
        if self._timer is None:
            self._watch(exchange)
        return exchange

    def _watch(self, oldest: _Exchange) -> None:
        assert self._loop is not None  # noqa: S101 - only asyncio's exchanges are watched
        self._timer = self._loop.call_at(oldest.until_s, self._cancel_late)

    def _cancel_late(self) -> None:
        assert self._loop is not None  # noqa: S101 - as in `_watch`
        self._timer = None
        now_s = self._loop.time()
        for exchange in tuple(self._under_way):
            if exchange.until_s > now_s:
                self._watch(exchange)
                return
            del self._under_way[exchange]
            exchange.cancel()


class _Exchange:
    """One exchange of an asyncio task, cancelled and told of it as `asyncio.timeout` does."""

    __slots__ = ("_cancelling", "_late", "_task", "_under_way", "until_s")

    def __init__(self, under_way: dict[_Exchange, None], until_s: float, task: asyncio.Task[Any]) -> None:
        self.until_s = until_s
        self._under_way = under_way
        self._task = task
        self._cancelling = task.cancelling()
        self._late = False

    def __enter__(self) -> None:
        self._under_way[self] = None

    def cancel(self) -> None:
        self._late = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not self._late:
            del self._under_way[self]
            return False
        return self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError
