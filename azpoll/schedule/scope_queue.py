"""The queue of one scope: its due requests, and the order in which they get a token.

Owners take turns, and each turn costs one token, so a large group does not delay a small one. Within an owner's turn
the request that came due first is first, or the one that has most likely ended where durations were learned. A
request with a hint goes before those without one, which keep a small share of the reads.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeAlias

from azpoll.schedule.fair_queue import FairQueue, Turns
from azpoll.schedule.histogram import Histogram
from azpoll.schedule.job import Priority, QueuedT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpoll.schedule.token_bucket import TokenBucket

    _Queue: TypeAlias = FairQueue[QueuedT, "ProviderQueue[QueuedT]"]

SPARE_SHARE = 0.9
"""There are spare reads while the bucket holds this share of its burst; the others are saved for hints."""

BACKGROUND_EVERY = 64
"""One read in 64 goes to a background request in any case: the hint that it runs may be wrong."""

NORMAL_EVERY, NORMAL_TURN = 128, 31
"""One read in 128 goes to a NORMAL request before any HIGH one, so that hints delay no request without limit."""

HINTED_S = 60.0
"""Seconds after a hint in which the scope saves reads for the next one."""

_BY_HINT: tuple[Priority, ...] = (Priority.HIGH, Priority.NORMAL)
_BY_TURN: tuple[Priority, ...] = (Priority.NORMAL, Priority.HIGH)
_HINTED: tuple[Priority, ...] = (Priority.HIGH,)
_BACKGROUND: tuple[Priority, ...] = (Priority.LOW,)


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


class ProviderQueue(Generic[QueuedT]):
    """The due requests of one provider and location in a scope, which share a token bucket beneath the scope's.

    Providers without a bucket share the queues of their scope, so that thousands of them cost no more than one.

    Attributes:
        bucket: None while no limit is known.
        waiting: number of due requests.
        in_flight: number of requests that got their token and have not ended; their sender subtracts them.
        queues: due requests, one queue for each `Priority`.
    """

    def __init__(self, scope_queue: ScopeQueue[QueuedT], bucket: TokenBucket | None) -> None:
        self.scope_queue = scope_queue
        self.bucket: TokenBucket | None = None
        self.waiting = 0
        self.in_flight = 0
        self.queues: Sequence[_Queue[QueuedT]] = scope_queue.queues
        if bucket is not None:
            self.limit(bucket)

    def limit(self, bucket: TokenBucket) -> None:
        """Set the first bucket; the provider has queues of its own from now on."""
        scope_queue, self.bucket = self.scope_queue, bucket
        self.queues = tuple(FairQueue(scope_queue.turns) for _ in Priority)
        if self.waiting:
            for shared, own in zip(scope_queue.queues, self.queues, strict=True):
                shared.move_to(own, self)
            scope_queue.limited[self] = None

    def has_token(self, now_s: float) -> bool:
        """Whether its own bucket lets it send a request now."""
        return self.bucket is None or self.bucket.available_at(now_s) <= now_s

    def is_idle(self, now_s: float) -> bool:
        """Whether no request waits, and a new bucket would be no different."""
        return not self.waiting and (self.bucket is None or self.bucket.is_recovered(now_s))

    def shortage(self, now_s: float) -> float:
        """Return the share (0..1) of reads that is missing, in this queue or in its scope; see `TokenBucket`."""
        missing = 0.0 if self.bucket is None else self.bucket.shortage(now_s)
        scope_bucket = self.scope_queue.bucket
        return missing if scope_bucket is None else max(missing, scope_bucket.shortage(now_s))


class ScopeQueue(Generic[QueuedT]):
    """The due requests of one scope. It satisfies `due_heap.HeapItem` with the time at which it may have a token.

    Attributes:
        bucket: None without a limit.
        reads: number of requests that got their token.
        throttled: number of 429s.
        lateness: seconds between due time and sending, of all requests.
        detection: seconds between the end time that a service reports and the answer that reports it.
        queues: due requests of all providers without a bucket, one queue for each `Priority`.
        limited: the providers with a bucket that have due requests.
    """

    def __init__(self, scope: str, bucket: TokenBucket | None) -> None:
        self.scope = scope
        self.bucket = bucket
        self.waiting = 0
        self.reads = 0
        self.throttled = 0
        self.lateness = Histogram()
        self.detection = Histogram()
        self.turns = Turns()
        self.due_s = 0.0
        self.heap_entry = 0
        self._hinted_until_s = -math.inf
        self.queues: Sequence[_Queue[QueuedT]] = tuple(FairQueue(self.turns) for _ in Priority)
        self.limited: dict[ProviderQueue[QueuedT], None] = {}

    def note_hint(self, now_s: float) -> None:
        """Save reads for the next hints from now on."""
        self._hinted_until_s = now_s + HINTED_S

    def consume(self, job: QueuedT, provider_queue: ProviderQueue[QueuedT], now_s: float) -> bool:
        """Take the tokens of a request that came due alone; False if one is missing, or the request is LOW."""
        if (
            job.priority is Priority.LOW
            or (job.priority is Priority.NORMAL and self._is_saving(now_s))
            or (self.bucket is not None and self.bucket.available_at(now_s) > now_s)
            or not provider_queue.has_token(now_s)
        ):
            return False
        self._consume(job, provider_queue, now_s)
        return True

    def add(self, job: QueuedT, provider_queue: ProviderQueue[QueuedT], number: int) -> bool:
        """Queue a due request; True if `next_s` may change."""
        self.waiting += 1
        provider_queue.waiting += 1
        if provider_queue.bucket is not None:
            self.limited[provider_queue] = None
        job.heap_entry = number
        queue = provider_queue.queues[job.priority]
        queue.add(job, job.priority_time, provider_queue)
        return queue.waiting == 1

    def forget(self, provider_queue: ProviderQueue[QueuedT], priority: Priority) -> None:
        """Count out a request that was queued here and whose entry is no longer valid."""
        provider_queue.queues[priority].forget()
        self._count_out(provider_queue)

    def take(self, now_s: float) -> tuple[QueuedT, ProviderQueue[QueuedT]] | None:
        """Remove the next request and take its tokens; None if no request may be sent now."""
        if self.bucket is not None and self.bucket.available_at(now_s) > now_s:
            return None
        normal = self.queues[Priority.NORMAL]
        if 0 < self.waiting == normal.waiting and not self._is_saving(now_s):  # nearly always
            normal.first()
            return self._take_from(normal, now_s)
        if self.reads % BACKGROUND_EVERY == BACKGROUND_EVERY - 1:
            return self._take(_BACKGROUND, now_s) or self._take(_BY_HINT, now_s)
        has_spare = self._spare_at(now_s) <= now_s
        priorities = _BY_TURN if self.reads % NORMAL_EVERY == NORMAL_TURN else _BY_HINT
        if priorities is _BY_HINT and self._is_saving(now_s) and not has_spare:
            priorities = _HINTED
        taken = self._take(priorities, now_s)
        return self._take(_BACKGROUND, now_s) if taken is None and has_spare else taken

    def next_s(self, now_s: float) -> float:
        """Return the earliest time at which `take` may return a request; infinite if none waits."""
        if self.bucket is None and self.waiting and not self.limited:
            return now_s
        soonest_s = self._scope_token_s(self, now_s)
        for provider_queue in self.limited:
            if soonest_s <= now_s:
                break
            soonest_s = min(soonest_s, self.next_of(provider_queue, now_s))
        return soonest_s

    def next_of(self, provider_queue: ProviderQueue[QueuedT], now_s: float) -> float:
        """Return the earliest time at which `take` may return a request of one provider."""
        at_s = self._scope_token_s(provider_queue, now_s)
        return at_s if provider_queue.bucket is None else max(at_s, provider_queue.bucket.available_at(now_s))

    def _scope_token_s(self, queues: ScopeQueue[QueuedT] | ProviderQueue[QueuedT], now_s: float) -> float:
        """Return the time at which the scope has a token for the first of these requests; infinite without one."""
        high, normal, background = queues.queues
        if not high.waiting and (not normal.waiting or self._is_saving(now_s)):
            return self._spare_at(now_s) if normal.waiting or background.waiting else math.inf
        return now_s if self.bucket is None else self.bucket.available_at(now_s)

    def is_idle(self, now_s: float) -> bool:
        """Whether no request waits, and a new bucket would be no different."""
        return not self.waiting and (self.bucket is None or self.bucket.is_recovered(now_s))

    def statistics(self, now_s: float) -> ScopeStatistics:
        """Return the statistics at `now_s`."""
        bucket = self.bucket
        if bucket is not None:
            bucket.shortage(now_s)  # brings the tokens up to now
        return ScopeStatistics(
            scope=self.scope,
            rate=None if bucket is None else bucket.rate,
            tokens=None if bucket is None else bucket.tokens,
            waiting=self.waiting,
            reads=self.reads,
            throttled=self.throttled,
            lateness_p50_s=self.lateness.quantile(0.5),
            lateness_p99_s=self.lateness.quantile(0.99),
            detection_p50_s=self.detection.quantile(0.5),
            detection_p99_s=self.detection.quantile(0.99),
        )

    def _take(self, priorities: tuple[Priority, ...], now_s: float) -> tuple[QueuedT, ProviderQueue[QueuedT]] | None:
        """Give the next turn to the owner that has waited longest, among those with a request that may be sent.

        The owner sends its request with the first of the priorities.
        """
        chosen = self._first(priorities, now_s)
        return None if chosen is None else self._take_from(chosen, now_s)

    def _take_from(self, queue: _Queue[QueuedT], now_s: float) -> tuple[QueuedT, ProviderQueue[QueuedT]]:
        """Remove the request that `first` of a queue has found, and take its tokens."""
        job, provider_queue = queue.take()
        self._count_out(provider_queue)
        self._consume(job, provider_queue, now_s)
        return job, provider_queue

    def _first(self, priorities: tuple[Priority, ...], now_s: float) -> _Queue[QueuedT] | None:
        """Return the queue with the next request; None without one."""
        chosen: _Queue[QueuedT] | None = None
        least = (0, 0, 0.0, 0)
        with_token = [each.queues for each in self.limited if each.has_token(now_s)]
        for queues in (self.queues, *with_token):
            for rank, priority in enumerate(priorities):
                queue = queues[priority]
                if queue.waiting:
                    turn, priority_time, number = queue.first()
                    place = (turn, rank, priority_time, number)
                    if chosen is None or place < least:
                        chosen, least = queue, place
        return chosen

    def _count_out(self, provider_queue: ProviderQueue[QueuedT]) -> None:
        self.waiting -= 1
        provider_queue.waiting -= 1
        if not provider_queue.waiting:
            self.limited.pop(provider_queue, None)

    def _consume(self, job: QueuedT, provider_queue: ProviderQueue[QueuedT], now_s: float) -> None:
        self.reads += 1
        self.lateness.add(now_s - job.due_s)
        provider_queue.in_flight += 1
        if self.bucket is not None:
            self.bucket.consume()
        if provider_queue.bucket is not None:
            provider_queue.bucket.consume()

    def give_back(self, job: QueuedT, provider_queue: ProviderQueue[QueuedT], now_s: float) -> None:
        """Give back the tokens of a request that was taken at `now_s`, and is not sent."""
        self.reads -= 1
        self.lateness.remove(now_s - job.due_s)
        provider_queue.in_flight -= 1
        for bucket in (self.bucket, provider_queue.bucket):
            if bucket is not None:
                bucket.give_back()

    def _is_saving(self, now_s: float) -> bool:
        """Whether reads are saved for hints; not among several owners, whose shares hints do not change."""
        return now_s < self._hinted_until_s and len(self.turns.last) <= 1

    def _spare_at(self, now_s: float) -> float:
        """Return the time at which the bucket has tokens to spare for background requests."""
        return now_s if self.bucket is None else self.bucket.available_at(now_s, self.bucket.burst * SPARE_SHARE)
