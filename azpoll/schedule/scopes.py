"""All lanes: a throttled one never delays another, since each is ready when its own meter is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, assert_never

from azpoll.protocol.answer import Answer
from azpoll.protocol.throttling import TOO_MANY_REQUESTS, Throttle, ThrottleLevel, remaining, throttle_of
from azpoll.schedule.due_heap import DueHeap
from azpoll.schedule.scope import Scope, names_scopes, scope_of
from azpoll.schedule.scope_queue import JobT, ProviderQueue, ScopeQueue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.throttling import Counted
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.scope_queue import Priority

COLLECTIONS_KEPT = 1024
"""URLs in one collection are counted alike; so many collections are remembered."""

PLACES_KEPT = 1024
"""So many places are remembered in any case; of more, those that have nothing to remember are forgotten."""

RECHECK_S = 0.001
"""A lane that was ready and had no job after all is not looked at again before."""


class ScopeStatistics(NamedTuple):
    """One scope: what its reads are given out at, and how late they are.

    Attributes:
        scope: origin, subscription and principal.
        rate: reads per second now; None without a budget.
        tokens: reads saved up now; None without a budget.
        waiting: operations that are due and wait for a read.
        reads: requests sent.
        throttled: 429s received.
        lateness_p50_s: seconds between due time and sending, median of all requests; None before the first.
        lateness_p99_s: the same, 99th percentile.
        detection_p50_s: seconds between the end a status monitor told of and its being told, median; None while
            none told.
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


class ScopeQueues(Generic[JobT]):
    """The lanes of one scheduler.

    Args:
        budget: of each scope; None without limits.
        numbers: as for `DueHeap`.
        counted: what the budget is of.

    Attributes:
        waiting: due jobs in all lanes.
    """

    def __init__(self, budget: Budget | None, numbers: Iterator[int], counted: Counted = "reads") -> None:
        self._budget = budget
        self._counted: Counted = counted
        self._numbers = numbers
        self._scope_queues: dict[Scope, ScopeQueue[JobT]] = {}
        self._provider_queues: dict[tuple[Scope, str], ProviderQueue[JobT]] = {}
        self._beneath: dict[str, ProviderQueue[JobT]] = {}
        self._kept = PLACES_KEPT
        self._ready: DueHeap[ScopeQueue[JobT]] = DueHeap(numbers)
        self.waiting = 0

    def queue_for(self, url: str, now_s: float) -> ProviderQueue[JobT]:
        """Return where the reads of a URL are counted."""
        collection = url.partition("?")[0].rpartition("/")[0]
        if collection in self._beneath:
            return self._beneath[collection]
        provider_queue = self._provider_queue(
            *scope_of(url, "" if self._budget is None else self._budget.principal), now_s
        )
        if not names_scopes(collection):
            if len(self._beneath) >= COLLECTIONS_KEPT:
                self._beneath.clear()
            self._beneath[collection] = provider_queue
        return provider_queue

    def _provider_queue(self, scope: Scope, sub_scope: str, now_s: float) -> ProviderQueue[JobT]:
        provider_queue = self._provider_queues.get((scope, sub_scope))
        if provider_queue is None:
            if len(self._provider_queues) >= self._kept:
                self._forget_idle(now_s)
            scope_queue = self._scope_queues.get(scope)
            if scope_queue is None:
                scope_queue = self._scope_queues[scope] = ScopeQueue(
                    scope, None if self._budget is None else self._budget.bucket(now_s)
                )
            bucket = None if self._budget is None else self._budget.provider_bucket(sub_scope, now_s)
            provider_queue = self._provider_queues[scope, sub_scope] = ProviderQueue(scope_queue, sub_scope, bucket)
        return provider_queue

    def _forget_idle(self, now_s: float) -> None:
        """Forget places and lanes where nobody waits and whose meters are as good as new.

        Done only once there are twice as many as were left, so it costs little.
        """
        self._beneath.clear()
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
        self._kept = max(PLACES_KEPT, 2 * len(self._provider_queues))

    def add(self, job: JobT, provider_queue: ProviderQueue[JobT], now_s: float) -> None:
        """Let a due job wait for a read."""
        self.waiting += 1
        if provider_queue.scope_queue.add(job, provider_queue, next(self._numbers)):
            self._reschedule(provider_queue.scope_queue, now_s)

    def move(self, job: JobT, provider_queue: ProviderQueue[JobT], left: Priority, now_s: float) -> None:
        """Put a job that waits where its new rank belongs; `left` is the one it had."""
        provider_queue.scope_queue.add(job, provider_queue, next(self._numbers))
        provider_queue.scope_queue.withdraw(job, provider_queue, left)
        self._reschedule(provider_queue.scope_queue, now_s)

    def withdraw(self, job: JobT, provider_queue: ProviderQueue[JobT]) -> None:
        """Take a job that waits out of its lane."""
        job.heap_entry = 0
        self.waiting -= 1
        provider_queue.scope_queue.withdraw(job, provider_queue, job.priority)

    def take(self, now_s: float) -> JobT | None:
        """Take the next job that may be asked now; lanes that are ready take turns."""
        while (scope_queue := self._ready.take(now_s)) is not None:
            job = scope_queue.take(now_s)
            if job is not None:
                self.waiting -= 1
                self._reschedule(scope_queue, now_s)
                return job
            if scope_queue.waiting:
                self._ready.put(scope_queue, max(scope_queue.next_s(now_s), now_s + RECHECK_S))
        return None

    def next_s(self) -> float | None:
        """Return when `take` may give a job; None while none waits."""
        return self._ready.next_s()

    def on_answer(
        self, provider_queue: ProviderQueue[JobT], outcome: Answer | RequestFailure, now_s: float
    ) -> Throttle | None:
        """Learn from an answer what the service says of its read limits; returns whom it refuses, if it is a 429."""
        head = outcome if isinstance(outcome, Answer) else outcome.head
        if head is None:
            return None
        scope_queue = provider_queue.scope_queue
        if scope_queue.bucket is not None and (left := remaining(head, self._counted)) is not None:
            scope_queue.bucket.remaining(left)
        throttle = throttle_of(head) if head.status_code == TOO_MANY_REQUESTS else None
        if throttle is not None:
            scope_queue.throttled += 1
            if self._budget is not None:
                self._slow(provider_queue, throttle, self._budget, now_s)
        return throttle

    def statistics(self, now_s: float) -> tuple[ScopeStatistics, ...]:
        """Return what each scope did so far; of very many scopes, not of those that are idle."""
        return tuple(statistics_of(scope_queue, now_s) for scope_queue in self._scope_queues.values())

    def _slow(self, provider_queue: ProviderQueue[JobT], throttle: Throttle, budget: Budget, now_s: float) -> None:
        """Ask nothing of what a 429 concerns for its time, and less from then on."""
        match throttle.reach:
            case ThrottleLevel.SCOPE:
                bucket = provider_queue.scope_queue.bucket
            case ThrottleLevel.PROVIDER:
                bucket = provider_queue.bucket = provider_queue.bucket or budget.discovered_bucket(now_s)
            case ThrottleLevel.OPERATION:
                bucket = None
            case _:
                assert_never(throttle.reach)
        if bucket is not None:
            bucket.throttled(now_s, throttle.retry_after_s, budget.decrease_factor)
            self._reschedule(provider_queue.scope_queue, now_s)

    def _reschedule(self, scope_queue: ScopeQueue[JobT], now_s: float) -> None:
        """Let a lane be looked at when it may next give a job."""
        if scope_queue.waiting:
            self._ready.put(scope_queue, scope_queue.next_s(now_s))
        else:
            self._ready.withdraw(scope_queue)


def statistics_of(scope_queue: ScopeQueue[JobT], now_s: float) -> ScopeStatistics:
    """Return what one scope did so far."""
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
