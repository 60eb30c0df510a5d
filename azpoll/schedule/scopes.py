"""The queues of all scopes. Each scope waits for its own token bucket, so a throttled one never delays another."""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Generic, NamedTuple, assert_never

from azpoll.protocol.answer import Answer
from azpoll.protocol.throttling import TOO_MANY_REQUESTS, Throttle, ThrottleLevel, remaining, throttle_of
from azpoll.schedule.job import QueuedT
from azpoll.schedule.scope import Scope, names_scopes, scope_of
from azpoll.schedule.scope_queue import ProviderQueue, ScopeQueue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.throttling import Counted
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.job import Priority

COLLECTIONS_KEPT = 1024
"""Number of collections whose provider queue is cached: all URLs of a collection have the same one."""

PROVIDER_QUEUES_KEPT = 1024
"""Number of provider queues kept in any case; beyond it idle ones are dropped."""

RECHECK_S = 0.001
"""A scope that was ready and had no request after all is checked again after 1 ms."""


class ScopeStatistics(NamedTuple):
    """The reads of one scope: at which rate tokens come, and how late requests are.

    Attributes:
        scope: origin, subscription and principal.
        rate: reads per second now; None without a budget.
        tokens: reads saved up now; None without a budget.
        waiting: operations that are due and wait for a read.
        reads: requests sent.
        throttled: 429s received.
        lateness_p50_s: seconds between due time and sending, median of all requests; None before the first.
        lateness_p99_s: the same, 99th percentile.
        detection_p50_s: seconds between the end time that a status monitor reports and the answer that reports it,
            median; None before the first.
        detection_p99_s: the same, 99th percentile.
    """

    scope: str
    rate: float | None
    tokens: float | None
    waiting: int
    reads: int
    throttled: int
    lateness_p50_s: float | None
    lateness_p99_s: float | None
    detection_p50_s: float | None
    detection_p99_s: float | None


class ScopeQueues(Generic[QueuedT]):
    """The queues of one scheduler by scope.

    Args:
        budget: of each scope; None without limits.
        numbers: as for `DueHeap`.
        counted: the kind of requests that the budget counts.

    Attributes:
        waiting: number of due requests in all scopes.
    """

    def __init__(self, budget: Budget | None, numbers: Iterator[int], counted: Counted = "reads") -> None:
        self._budget = budget
        self._counted: Counted = counted
        self._numbers = numbers
        self._scope_queues: dict[Scope, ScopeQueue[QueuedT]] = {}
        self._provider_queues: dict[tuple[Scope, str], ProviderQueue[QueuedT]] = {}
        self._by_collection: dict[str, ProviderQueue[QueuedT]] = {}
        self._kept = PROVIDER_QUEUES_KEPT
        self._wakes: list[tuple[float, int, ScopeQueue[QueuedT]]] = []  # scopes with requests, by their next token
        self.waiting = 0

    def queue_for(self, url: str, now_s: float) -> ProviderQueue[QueuedT]:
        """Return the provider queue of a URL."""
        collection = url.partition("?")[0].rpartition("/")[0]
        if collection in self._by_collection:
            return self._by_collection[collection]
        provider_queue = self._provider_queue(
            *scope_of(url, "" if self._budget is None else self._budget.principal), now_s
        )
        if not names_scopes(collection):
            if len(self._by_collection) >= COLLECTIONS_KEPT:
                self._by_collection.clear()
            self._by_collection[collection] = provider_queue
        return provider_queue

    def add(self, job: QueuedT, provider_queue: ProviderQueue[QueuedT], now_s: float) -> None:
        """Queue a due request until its scope and provider have a token."""
        self.waiting += 1
        scope_queue = provider_queue.scope_queue
        if scope_queue.add(job, provider_queue, next(self._numbers)):
            self._wake_at(scope_queue, scope_queue.next_s(now_s))

    def move(self, job: QueuedT, provider_queue: ProviderQueue[QueuedT], before: Priority, now_s: float) -> None:
        """Queue a waiting request by its new priority; `before` is the one it had."""
        scope_queue = provider_queue.scope_queue
        scope_queue.add(job, provider_queue, next(self._numbers))
        scope_queue.forget(provider_queue, before)
        self._wake_at(scope_queue, scope_queue.next_s(now_s))

    def withdraw(self, job: QueuedT, provider_queue: ProviderQueue[QueuedT]) -> None:
        """Remove a waiting request."""
        job.heap_entry = 0
        self.waiting -= 1
        provider_queue.scope_queue.forget(provider_queue, job.priority)

    def take(self, now_s: float) -> tuple[QueuedT, ProviderQueue[QueuedT]] | None:
        """Remove the next request that may be sent now and take its tokens; scopes with tokens take turns."""
        wakes = self._wakes
        while wakes and wakes[0][0] <= now_s:
            _, number, scope_queue = wakes[0]
            if scope_queue.wake_entry != number:
                heapq.heappop(wakes)
                continue
            taken = scope_queue.take(now_s)
            if taken is not None:
                self.waiting -= 1
                wake_s = now_s if scope_queue.waiting else math.inf
            else:
                wake_s = max(scope_queue.next_s(now_s), now_s + RECHECK_S)
            if wake_s < math.inf:
                scope_queue.wake_entry = number = next(self._numbers)
                heapq.heapreplace(wakes, (wake_s, number, scope_queue))
            else:
                heapq.heappop(wakes)
            if taken is not None:
                return taken
        return None

    def next_s(self) -> float | None:
        """Return the time of the next `take` that may return a request; None while none waits.

        Directly after a `take` it may be too early.
        """
        while self._wakes:
            wake_s, number, scope_queue = self._wakes[0]
            if scope_queue.wake_entry == number:
                return wake_s
            heapq.heappop(self._wakes)
        return None

    def on_answer(
        self, provider_queue: ProviderQueue[QueuedT], outcome: Answer | RequestFailure, now_s: float
    ) -> Throttle | None:
        """Adapt the buckets to what an answer says about read limits; return the throttle of a 429."""
        head = outcome if isinstance(outcome, Answer) else outcome.head
        if head is None:
            return None
        scope_queue = provider_queue.scope_queue
        if scope_queue.bucket is not None and (left := remaining(head, self._counted)) is not None:
            scope_queue.bucket.limit_to(left)
        throttle = throttle_of(head) if head.status_code == TOO_MANY_REQUESTS else None
        if throttle is not None:
            scope_queue.throttled += 1
            if self._budget is not None:
                self._back_off(provider_queue, throttle, self._budget, now_s)
        return throttle

    def statistics(self, now_s: float) -> tuple[ScopeStatistics, ...]:
        """Return the statistics of each scope that is kept: of very many, idle ones are dropped."""
        return tuple(statistics_of(scope_queue, now_s) for scope_queue in self._scope_queues.values())

    def _provider_queue(self, scope: Scope, sub_scope: str, now_s: float) -> ProviderQueue[QueuedT]:
        provider_queue = self._provider_queues.get((scope, sub_scope))
        if provider_queue is None:
            if len(self._provider_queues) >= self._kept:
                self._drop_idle(now_s)
            scope_queue = self._scope_queues.get(scope)
            if scope_queue is None:
                scope_queue = self._scope_queues[scope] = ScopeQueue(
                    scope, None if self._budget is None else self._budget.bucket(now_s)
                )
            bucket = None if self._budget is None else self._budget.provider_bucket(sub_scope, now_s)
            provider_queue = self._provider_queues[scope, sub_scope] = ProviderQueue(scope_queue, bucket)
        return provider_queue

    def _drop_idle(self, now_s: float) -> None:
        """Drop idle queues. The next time comes when their number has doubled, so the cost per queue is constant."""
        self._by_collection.clear()
        self._provider_queues = {
            key: provider_queue
            for key, provider_queue in self._provider_queues.items()
            if not provider_queue.is_idle(now_s)
        }
        in_use = {provider_queue.scope_queue for provider_queue in self._provider_queues.values()}
        self._scope_queues = {
            scope: scope_queue
            for scope, scope_queue in self._scope_queues.items()
            if scope_queue in in_use or not scope_queue.is_idle(now_s)
        }
        self._kept = max(PROVIDER_QUEUES_KEPT, 2 * len(self._provider_queues))

    def _back_off(
        self, provider_queue: ProviderQueue[QueuedT], throttle: Throttle, budget: Budget, now_s: float
    ) -> None:
        """Close the bucket that a 429 concerns for its Retry-After, and decrease its rate."""
        scope_queue = provider_queue.scope_queue
        match throttle.level:
            case ThrottleLevel.SCOPE:
                bucket = scope_queue.bucket
            case ThrottleLevel.PROVIDER:
                bucket = provider_queue.bucket = provider_queue.bucket or budget.discovered_bucket(now_s)
            case ThrottleLevel.OPERATION:
                bucket = None
            case _:
                assert_never(throttle.level)
        if bucket is not None:
            bucket.back_off(now_s, throttle.retry_after_s, budget.decrease_factor)
            self._wake_at(scope_queue, scope_queue.next_s(now_s))

    def _wake_at(self, scope_queue: ScopeQueue[QueuedT], wake_s: float) -> None:
        """Set when `take` looks at a scope; infinite if no request waits there."""
        scope_queue.wake_entry = number = next(self._numbers)
        if wake_s < math.inf:
            heapq.heappush(self._wakes, (wake_s, number, scope_queue))
            if len(self._wakes) > 2 * len(self._scope_queues) + 64:
                self._wakes = [entry for entry in self._wakes if entry[2].wake_entry == entry[1]]
                heapq.heapify(self._wakes)


def statistics_of(scope_queue: ScopeQueue[QueuedT], now_s: float) -> ScopeStatistics:
    """Return the statistics of one scope at `now_s`."""
    bucket = scope_queue.bucket
    if bucket is not None:
        bucket.available_at(now_s)
    return ScopeStatistics(
        scope=str(scope_queue.scope),
        rate=None if bucket is None else bucket.rate,
        tokens=None if bucket is None else bucket.tokens,
        waiting=scope_queue.waiting,
        reads=scope_queue.reads,
        throttled=scope_queue.throttled,
        lateness_p50_s=scope_queue.lateness.quantile(0.5),
        lateness_p99_s=scope_queue.lateness.quantile(0.99),
        detection_p50_s=scope_queue.detection.quantile(0.5),
        detection_p99_s=scope_queue.detection.quantile(0.99),
    )
