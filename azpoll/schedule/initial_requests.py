"""Initial requests: a few concurrently, at the rate of ARM's write limits, and again after a failure that may pass.

Each caller that begins an operation waits here until its request may be sent. Owners take turns as they do for polls,
and a throttled scope delays no other.

An initial request that hangs cannot be ended, for the service may have executed it. So it is counted as slow after
`SLOW_S`, as a poll is, and a scope with slow requests holds at most half of the connections for initial requests.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeAlias

import anyio

from azpoll.eventloop.clock import loop_clock
from azpoll.protocol.initial_retry import next_retry, outcome_after
from azpoll.protocol.patience import DEFAULT_PATIENCE
from azpoll.schedule.concurrency import SLOW_S
from azpoll.schedule.job import Priority, RequestT
from azpoll.schedule.scopes import ScopeQueues

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from anyio.abc import TaskGroup

    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.protocol.delay import DelayLimits
    from azpoll.protocol.initial_retry import InitialOutcome, Retry
    from azpoll.protocol.patience import Patience
    from azpoll.protocol.throttling import Throttle
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.concurrency import ConcurrencyLimit
    from azpoll.schedule.scope_queue import ProviderQueue, ScopeQueue, ScopeStatistics


class QueuedRequest(Generic[RequestT]):
    """An initial request that waits; it satisfies `job.Queued`.

    Attributes:
        request: the request.
        may_go: set when it may be sent, and when no more requests are sent.
        sent_s: when it was admitted.
        is_slow: whether it is in flight and counts as slow.
    """

    __slots__ = ("due_s", "heap_entry", "is_slow", "may_go", "owner", "priority", "priority_time", "request", "sent_s")

    def __init__(self, request: RequestT, owner: Hashable, now_s: float) -> None:
        self.request = request
        self.owner = owner
        self.priority = Priority.NORMAL
        self.due_s = self.priority_time = self.sent_s = now_s
        self.heap_entry = 0
        self.is_slow = False
        self.may_go = anyio.Event()


_Queues: TypeAlias = "tuple[ScopeQueues[QueuedRequest[RequestT]], ProviderQueue[QueuedRequest[RequestT]]]"


class InitialRequests(Generic[RequestT]):
    """Sends the initial requests of one tracker.

    Args:
        send: sends one request; raises nothing but cancellation.
        tasks: task group for a timer.
        limit: number of initial requests that may be in flight, besides the polls.
        budget: writes, and as many deletes, of each scope; None without limits.
        throttled: called for each 429, with the scope and its new rate.
        repeated: called before a request waits to be sent again, with the outcome of the last attempt.
    """

    def __init__(
        self,
        send: Callable[[RequestT], Awaitable[Answer | RequestFailure]],
        tasks: TaskGroup,
        limit: ConcurrencyLimit,
        budget: Budget | None,
        *,
        throttled: Callable[[ScopeStatistics, Throttle], object],
        repeated: Callable[[RequestT, Answer | RequestFailure, Retry], object],
    ) -> None:
        self._send = send
        self._tasks = tasks
        self._throttled = throttled
        self._repeated = repeated
        self._writes: ScopeQueues[QueuedRequest[RequestT]] = ScopeQueues(budget, count(1), "writes")
        self._deletes: ScopeQueues[QueuedRequest[RequestT]] = ScopeQueues(budget, count(1), "deletes")
        self._now = loop_clock()
        self._waiting: dict[QueuedRequest[RequestT], None] = {}
        self._in_flight: dict[QueuedRequest[RequestT], ProviderQueue[QueuedRequest[RequestT]]] = {}
        self._slow: Counter[ScopeQueue[QueuedRequest[RequestT]]] = Counter()  # slow requests in flight of each scope
        self._held: dict[QueuedRequest[RequestT], _Queues[RequestT]] = {}  # of slow scopes, in the order of their turns
        self._limit = limit
        self._changed: anyio.Event | None = None
        self._closing = anyio.Event()

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
        request: RequestT,
        owner: Hashable,
        delay_limits: DelayLimits,
        *,
        repeatable: bool,
        idempotent: bool,
        patience: Patience = DEFAULT_PATIENCE,
        before: Callable[[], Awaitable[object]] | None = None,
    ) -> InitialOutcome | None:
        """Send an initial request in its turn; None if this was closed before anything was sent.

        Args:
            request: the request.
            owner: shares the writes of its scope with other owners.
            delay_limits: limits of the delay before it is sent again.
            repeatable: whether it can be sent twice at all: a streamed body cannot.
            idempotent: whether the service may execute it twice.
            patience: the bounds after which it is not sent again (rule 25).
            before: awaited once, before the request is first sent.
        """
        outcome: InitialOutcome | None = None
        retry: Retry | None = None
        queued = QueuedRequest(request, owner, self._now())
        scope_queues = self._deletes if request.method == "DELETE" else self._writes
        while (provider_queue := await self._turn(queued, scope_queues)) is not None:
            sent_s = self._now()
            last = await self._attempt(queued, sent_s, provider_queue, scope_queues, None if outcome else before)
            if last is None:
                break
            outcome = outcome_after(outcome, last, sent_s)
            if repeatable:
                retry = next_retry(last, retry, delay_limits, idempotent=idempotent, patience=patience)
            if retry is None:
                break
            self._repeated(request, last, retry)
            await self._pause(retry.delay.seconds)
        return outcome

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until this is closed."""
        with anyio.move_on_after(seconds):
            await self._closing.wait()

    async def _attempt(
        self,
        queued: QueuedRequest[RequestT],
        sent_s: float,
        provider_queue: ProviderQueue[QueuedRequest[RequestT]],
        scope_queues: ScopeQueues[QueuedRequest[RequestT]],
        before: Callable[[], Awaitable[object]] | None,
    ) -> Answer | RequestFailure | None:
        """Send a request that was admitted, and slow its scope down after a 429; None if this was closed before."""
        try:
            if before is not None:
                await before()
            if self._closing.is_set():
                return None
            outcome = await self._send(queued.request)
            throttle = scope_queues.on_answer(provider_queue, outcome, outcome.at_s, sent_s, queued)
        finally:
            self._end(queued)
        if throttle is not None:
            self._throttled(provider_queue.scope_queue.statistics(outcome.at_s), throttle)
        return outcome

    async def _turn(
        self, queued: QueuedRequest[RequestT], scope_queues: ScopeQueues[QueuedRequest[RequestT]]
    ) -> ProviderQueue[QueuedRequest[RequestT]] | None:
        """Wait until a request may be sent; None if no more requests are sent."""
        if self._closing.is_set():
            return None
        now_s = self._now()
        provider_queue = scope_queues.queue_for(str(queued.request.url), now_s)
        queued.may_go = anyio.Event()
        self._waiting[queued] = None
        scope_queues.add(queued, provider_queue, now_s)
        try:
            self._admit()
            await queued.may_go.wait()
        except BaseException:
            if queued not in self._waiting:  # it was admitted and cancelled in the same turn of the event loop
                self._end(queued)
                raise
            del self._waiting[queued]
            if self._held.pop(queued, None) is None:
                scope_queues.withdraw(queued, provider_queue)
            raise
        if queued not in self._waiting:
            return provider_queue
        del self._waiting[queued]
        return None

    def _admit(self) -> None:
        """Admit waiting requests while there are tokens and slots."""
        now_s = self._now()
        limit = self._limit
        if self._waiting and limit.is_reached:
            limit.adapt(next(iter(self._waiting)).due_s, now_s)
            self._count_slow(now_s)
        while not limit.is_reached and not self._closing.is_set():
            taken = self._take(now_s)
            if taken is None:
                break
            queued, provider_queue = taken
            del self._waiting[queued]
            self._in_flight[queued] = provider_queue
            queued.sent_s = now_s
            limit.begin(queued.due_s, now_s)
            queued.may_go.set()
        if self._changed is not None:
            self._changed.set()
        elif self._waiting and not self._closing.is_set():
            self._changed = anyio.Event()
            self._tasks.start_soon(self._admit_in_time, name="azpoll initial requests")

    def _take(self, now_s: float) -> tuple[QueuedRequest[RequestT], ProviderQueue[QueuedRequest[RequestT]]] | None:
        """Remove the next request that may be sent; those of slow scopes are held while their share is full."""
        held, slow = self._held, self._slow
        of_slow = sum(queue.scope_queue in slow for queue in self._in_flight.values()) if slow else 0
        is_full = of_slow >= self._limit.share
        while True:
            if held and not is_full:
                queued = next(iter(held))
                scope_queues, provider_queue = held.pop(queued)
                scope_queues.add(queued, provider_queue, now_s)
            scope_queues = self._writes
            taken = scope_queues.take(now_s)
            if taken is None:
                scope_queues = self._deletes
                taken = scope_queues.take(now_s)
            if taken is None:
                if held and not is_full:
                    continue  # the request that was held waits for a token
                return None
            queued, provider_queue = taken
            if not is_full or provider_queue.scope_queue not in slow:
                return taken
            provider_queue.scope_queue.give_back(queued, provider_queue, now_s)
            held[queued] = (scope_queues, provider_queue)

    def _count_slow(self, now_s: float) -> None:
        """Count the requests in flight that have become slow, while others wait for their places."""
        for queued, provider_queue in self._in_flight.items():
            if now_s - queued.sent_s < SLOW_S:
                return
            if not queued.is_slow:
                queued.is_slow = True
                self._slow[provider_queue.scope_queue] += 1
                self._limit.count_slow(1)

    async def _admit_in_time(self) -> None:
        """Admit requests as tokens become available, while requests wait."""
        while self._waiting and not self._closing.is_set():
            self._changed = anyio.Event()
            with anyio.CancelScope(deadline=self._next_s()):
                await self._changed.wait()
                continue
            self._admit()
        self._changed = None

    def _next_s(self) -> float:
        """Return the time at which a request may be admitted even if no other is answered."""
        if self._limit.is_reached:
            return self._limit.recheck_s(self._now())
        times = (self._writes.next_s(), self._deletes.next_s())
        return min((time_s for time_s in times if time_s is not None), default=math.inf)

    def _end(self, queued: QueuedRequest[RequestT]) -> None:
        """Count out a request, and admit others."""
        provider_queue = self._in_flight.pop(queued)
        provider_queue.in_flight -= 1
        self._limit.end()
        if queued.is_slow:
            queued.is_slow = False
            self._limit.count_slow(-1)
            scope_queue = provider_queue.scope_queue
            self._slow[scope_queue] -= 1
            if not self._slow[scope_queue]:
                del self._slow[scope_queue]
        self._admit()
