"""Initial requests: a few concurrently, at the rate of ARM's write limits, and again after a 429.

Each caller that begins an operation waits here until one task admits its request. Owners take turns as they do for
polls, and a throttled scope delays no other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import anyio

from azpoll.eventloop.clock import loop_clock
from azpoll.eventloop.wakeup import wakeup
from azpoll.protocol.initial_retry import next_retry
from azpoll.schedule.job import Priority
from azpoll.schedule.scopes import ScopeQueues

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from anyio.abc import TaskGroup

    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.protocol.delay import DelayLimits
    from azpoll.protocol.initial_retry import Retry
    from azpoll.protocol.throttling import Throttle
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.concurrency import ConcurrencyLimit
    from azpoll.schedule.scope_queue import ProviderQueue, ScopeStatistics


class QueuedRequest:
    """An initial request that waits; it satisfies `job.Queued`.

    Attributes:
        may_go: set when it may be sent, and when no more requests are sent.
    """

    __slots__ = ("due_s", "heap_entry", "may_go", "owner", "priority", "priority_time")

    def __init__(self, owner: Hashable, now_s: float) -> None:
        self.owner = owner
        self.priority = Priority.NORMAL
        self.due_s = self.priority_time = now_s
        self.heap_entry = 0
        self.may_go = anyio.Event()


class InitialRequests:
    """Sends the initial requests of one tracker.

    Args:
        tasks: task group of the task that admits requests.
        limit: number of initial requests that may be in flight, besides the polls.
        budget: writes, and as many deletes, of each scope; None without limits.
        throttled: called for each 429, with the scope and its new rate.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        limit: ConcurrencyLimit,
        budget: Budget | None,
        throttled: Callable[[ScopeStatistics, Throttle], object],
    ) -> None:
        self._limit = limit
        self._throttled = throttled
        self._writes: ScopeQueues[QueuedRequest] = ScopeQueues(budget, "writes")
        self._deletes: ScopeQueues[QueuedRequest] = ScopeQueues(budget, "deletes")
        self._now = loop_clock()
        self._waiting: dict[QueuedRequest, None] = {}
        self._changed = wakeup()
        self._closing = anyio.Event()
        tasks.start_soon(self._admit, name="azpoll initial requests")

    @property
    def waiting(self) -> int:
        """Number of requests that wait."""
        return len(self._waiting)

    def close(self) -> None:
        """Send no more requests, and wake the callers of those that wait."""
        self._closing.set()
        for queued in self._waiting:
            queued.may_go.set()

    async def send(
        self,
        send: Callable[[], Awaitable[Answer | RequestFailure]],
        *,
        method: str,
        url: str,
        owner: Hashable,
        delay_limits: DelayLimits,
        repeatable: bool,
        idempotent: bool,
    ) -> Answer | RequestFailure | None:
        """Send an initial request in its turn; None if this was closed before anything was sent.

        `send` raises nothing but cancellation. A `repeatable` request can be sent twice at all, which a streamed body
        cannot. The service may execute an `idempotent` one twice.
        """
        outcome: Answer | RequestFailure | None = None
        retry: Retry | None = None
        queued = QueuedRequest(owner, self._now())
        scope_queues = self._deletes if method == "DELETE" else self._writes
        while True:
            provider_queue = await self._turn(queued, scope_queues, url)
            if provider_queue is None:
                return outcome
            try:
                outcome = await send()
            finally:
                self._end()
            throttle = scope_queues.on_answer(provider_queue, outcome, outcome.at_s)
            if throttle is not None:
                self._throttled(provider_queue.scope_queue.statistics(outcome.at_s), throttle)
            retry = next_retry(outcome, retry, delay_limits, idempotent=idempotent) if repeatable else None
            if retry is None:
                return outcome
            with anyio.move_on_after(retry.delay.seconds):
                await self._closing.wait()

    async def _turn(
        self, queued: QueuedRequest, scope_queues: ScopeQueues[QueuedRequest], url: str
    ) -> ProviderQueue[QueuedRequest] | None:
        """Wait until a request may be sent; None if no more requests are sent."""
        if self._closing.is_set():
            return None
        now_s = self._now()
        provider_queue = scope_queues.queue_for(url, now_s)
        queued.may_go = anyio.Event()
        self._waiting[queued] = None
        scope_queues.add(queued, provider_queue, now_s)
        self._changed.set()
        try:
            await queued.may_go.wait()
        except BaseException:
            if queued in self._waiting:
                del self._waiting[queued]
                scope_queues.withdraw(queued, provider_queue)
            else:  # it was admitted and cancelled in the same turn of the event loop
                self._end()
            raise
        if queued not in self._waiting:
            return provider_queue
        del self._waiting[queued]
        return None

    def _end(self) -> None:
        self._limit.end()
        self._changed.set()

    async def _admit(self) -> None:
        """Admit waiting requests while there are tokens and slots."""
        limit = self._limit
        while not self._closing.is_set():
            now_s = self._now()
            if self._waiting and limit.is_reached:
                limit.adapt(next(iter(self._waiting)).due_s, now_s)
            while not limit.is_reached and (taken := self._writes.take(now_s) or self._deletes.take(now_s)):
                queued, _ = taken
                del self._waiting[queued]
                limit.begin(queued.due_s, now_s)
                queued.may_go.set()
            await self._changed.wait(self._next_s(now_s))

    def _next_s(self, now_s: float) -> float:
        """Return the earliest time at which a request may be admitted, unless another is answered before."""
        if self._waiting and self._limit.is_reached:
            return self._limit.recheck_s(now_s)
        times = (self._writes.next_s(), self._deletes.next_s())
        return min((time_s for time_s in times if time_s is not None), default=math.inf)
