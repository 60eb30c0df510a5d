"""Initial requests: few at once, at the pace that ARM's write limits allow, and again when refused with 429.

Whoever begins an operation waits here for its turn. Owners take turns as they do for reads, and a throttled scope
holds up nobody but itself.
"""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING

import anyio

from azpoll.eventloop.clock import loop_clock
from azpoll.protocol.initial_retry import repeat
from azpoll.schedule.in_flight import InFlight
from azpoll.schedule.scope_queue import Priority
from azpoll.schedule.scopes import ScopeQueues, statistics_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterator

    from anyio.abc import TaskGroup

    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.protocol.delay import DelayLimits
    from azpoll.protocol.initial_retry import Repeat
    from azpoll.protocol.throttling import Throttle
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.concurrency import ConcurrencyLimit
    from azpoll.schedule.scope_queue import ProviderQueue
    from azpoll.schedule.scopes import ScopeStatistics
    from azpoll.transport.transport import InitialRequest


class QueuedRequest:
    """An initial request that waits for its turn; its attributes are those of `scope_queue.Waiting`.

    Attributes:
        request: to be sent.
        may_go: set when it is its turn, or when nothing is sent any more.
    """

    __slots__ = ("due_s", "heap_entry", "may_go", "owner", "priority", "priority_time", "request")

    def __init__(self, request: InitialRequest, owner: Hashable, now_s: float) -> None:
        self.request = request
        self.owner = owner
        self.priority = Priority.NORMAL
        self.due_s = self.priority_time = now_s
        self.heap_entry = 0
        self.may_go = anyio.Event()


class InitialRequests:
    """Sends the initial requests of one tracker.

    Args:
        send: sends one and returns what came; raises nothing but cancellation.
        tasks: where a timer may run.
        limit: how many requests may be under way, beside the polls.
        budget: writes, and as many deletes, of each scope; None without limits.
        throttled: hears of each 429, and of the rate its scope has now.
    """

    def __init__(
        self,
        send: Callable[[InitialRequest], Awaitable[Answer | RequestFailure]],
        tasks: TaskGroup,
        limit: ConcurrencyLimit,
        budget: Budget | None,
        throttled: Callable[[ScopeStatistics, Throttle], object],
    ) -> None:
        self._send = send
        self._tasks = tasks
        self._throttled = throttled
        numbers: Iterator[int] = count(1)
        self._writes: ScopeQueues[QueuedRequest] = ScopeQueues(budget, numbers, "writes")
        self._deletes: ScopeQueues[QueuedRequest] = ScopeQueues(budget, numbers, "deletes")
        self._now = loop_clock()
        self._waiting: dict[QueuedRequest, None] = {}
        self._in_flight = InFlight(limit)
        self._news: anyio.Event | None = None
        self._closing = anyio.Event()

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return len(self._waiting)

    def close(self) -> None:
        """Send nothing more; whoever waits is told."""
        self._closing.set()
        for start in self._waiting:
            start.may_go.set()

    async def send(
        self, request: InitialRequest, owner: Hashable, delay_limits: DelayLimits, *, repeatable: bool, idempotent: bool
    ) -> Answer | RequestFailure | None:
        """Send an initial request at its turn; None when this was closed before anything was sent.

        Args:
            request: to be sent.
            owner: who shares the writes of its scope with other owners.
            delay_limits: of waits before it is sent again.
            repeatable: whether it can be sent twice at all: a streamed body cannot.
            idempotent: whether it may be executed twice.
        """
        outcome: Answer | RequestFailure | None = None
        again: Repeat | None = None
        start = QueuedRequest(request, owner, self._now())
        scope_queues = self._deletes if request.method == "DELETE" else self._writes
        while True:
            provider_queue = await self._turn(start, scope_queues)
            if provider_queue is None:
                return outcome
            try:
                outcome = await self._send(request)
            finally:
                self._over()
            throttle = scope_queues.on_answer(provider_queue, outcome, outcome.at_s)
            if throttle is not None:
                self._throttled(statistics_of(provider_queue.scope_queue, outcome.at_s), throttle)
            again = repeat(outcome, again, delay_limits, idempotent=idempotent) if repeatable else None
            if again is None:
                return outcome
            with anyio.move_on_after(again.wait.seconds):
                await self._closing.wait()

    async def _turn(
        self, start: QueuedRequest, scope_queues: ScopeQueues[QueuedRequest]
    ) -> ProviderQueue[QueuedRequest] | None:
        """Wait until a request may be sent; None when nothing is sent any more."""
        if self._closing.is_set():
            return None
        now_s = self._now()
        provider_queue = scope_queues.queue_for(start.request.url, now_s)
        start.may_go = anyio.Event()
        self._waiting[start] = None
        scope_queues.add(start, provider_queue, now_s)
        try:
            self._let_in()
            await start.may_go.wait()
        except BaseException:
            if start not in self._waiting:  # its turn came as it was cancelled
                self._over()
                raise
            del self._waiting[start]
            scope_queues.withdraw(start, provider_queue)
            raise
        if start not in self._waiting:
            return provider_queue
        del self._waiting[start]
        return None

    def _let_in(self) -> None:
        """Give their turn to those that have waited for it longest, as far as it goes."""
        now_s = self._now()
        in_flight = self._in_flight
        if self._waiting and in_flight.is_full:
            in_flight.widens(next(iter(self._waiting)).due_s, now_s)
        while not in_flight.is_full and not self._closing.is_set():
            start = self._writes.take(now_s) or self._deletes.take(now_s)
            if start is None:
                break
            del self._waiting[start]
            in_flight.begin(start.due_s, now_s)
            start.may_go.set()
        if self._news is not None:
            self._news.set()
        elif self._waiting and not self._closing.is_set():
            self._news = anyio.Event()
            self._tasks.start_soon(self._watch, name="azpoll starts")

    async def _watch(self) -> None:
        """Look again when the next request may be sent, for as long as one waits."""
        while self._waiting and not self._closing.is_set():
            self._news = anyio.Event()
            with anyio.CancelScope(deadline=self._next_s()):
                await self._news.wait()
                continue
            self._let_in()
        self._news = None

    def _next_s(self) -> float:
        """Return when time alone may give one its turn."""
        if self._in_flight.is_full:
            return self._in_flight.look_s(self._now())
        times = (self._writes.next_s(), self._deletes.next_s())
        return min((time_s for time_s in times if time_s is not None), default=math.inf)

    def _over(self) -> None:
        self._in_flight.over()
        self._let_in()
