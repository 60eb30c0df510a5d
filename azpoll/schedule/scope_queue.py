"""The queue of one scope: its due requests, and the order in which they get a token.

Owners take turns, and each turn costs one token, so a large group does not delay a small one. Within an owner's turn
the request that came due first is first, or the one that has most likely ended where durations were learned. A
request with a hint has a head start.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic, NamedTuple

from azpoll.schedule.fair_queue import FairQueue, Turns
from azpoll.schedule.histogram import Histogram
from azpoll.schedule.job import Priority, QueuedT

if TYPE_CHECKING:
    from azpoll.schedule.token_bucket import TokenBucket

SPARE_SHARE = 0.5
"""Background requests are sent only while the bucket holds this share of its burst."""

BACKGROUND_EVERY = 64
"""One read in 64 goes to a background request in any case: the hint that it runs may be wrong."""

HEAD_START_S = 60.0
"""A HIGH request goes before NORMAL ones that came due up to 60 s earlier, so it delays none without limit."""


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

    Attributes:
        bucket: None while no limit is known.
        in_flight: number of requests that got their token and have not ended; who sends them counts them out.
        normal: due requests with HIGH and NORMAL priority.
        background: due requests with LOW priority.
    """

    def __init__(self, scope_queue: ScopeQueue[QueuedT], bucket: TokenBucket | None) -> None:
        self.scope_queue = scope_queue
        self.bucket = bucket
        self.in_flight = 0
        self.normal: FairQueue[QueuedT] = FairQueue(scope_queue.turns)
        self.background: FairQueue[QueuedT] = FairQueue(scope_queue.turns)

    @property
    def is_empty(self) -> bool:
        """Whether no request waits here."""
        return not self.normal.waiting and not self.background.waiting

    def is_idle(self, now_s: float) -> bool:
        """Whether no request waits, and a new bucket would be no different."""
        return self.is_empty and (self.bucket is None or self.bucket.is_recovered(now_s))

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
        self._active: dict[ProviderQueue[QueuedT], None] = {}

    def consume(self, job: QueuedT, provider_queue: ProviderQueue[QueuedT], now_s: float) -> bool:
        """Take the tokens of a request that came due alone; False if one is missing, or the request is LOW."""
        if (
            job.priority is Priority.LOW
            or (self.bucket is not None and self.bucket.available_at(now_s) > now_s)
            or (provider_queue.bucket is not None and provider_queue.bucket.available_at(now_s) > now_s)
        ):
            return False
        self._consume(job, provider_queue, now_s)
        return True

    def add(self, job: QueuedT, provider_queue: ProviderQueue[QueuedT], number: int) -> bool:
        """Queue a due request; True if `next_s` may change."""
        self.waiting += 1
        self._active[provider_queue] = None
        job.heap_entry = number
        queue = provider_queue.background if job.priority is Priority.LOW else provider_queue.normal
        queue.add(job, job.priority_time - HEAD_START_S if job.priority is Priority.HIGH else job.priority_time)
        return queue.waiting == 1

    def forget(self, provider_queue: ProviderQueue[QueuedT], priority: Priority) -> None:
        """Count out a request that was queued here and whose entry is no longer valid."""
        queue = provider_queue.background if priority is Priority.LOW else provider_queue.normal
        queue.forget()
        self.waiting -= 1
        if not queue.waiting and provider_queue.is_empty:
            del self._active[provider_queue]

    def take(self, now_s: float) -> tuple[QueuedT, ProviderQueue[QueuedT]] | None:
        """Remove the next request and take its tokens; None if no request may be sent now."""
        if self.bucket is not None and self.bucket.available_at(now_s) > now_s:
            return None
        if self.reads % BACKGROUND_EVERY == BACKGROUND_EVERY - 1:
            return self._take(Priority.LOW, now_s) or self._take(Priority.NORMAL, now_s)
        taken = self._take(Priority.NORMAL, now_s)
        if taken is None and self._spare_at(now_s) <= now_s:
            taken = self._take(Priority.LOW, now_s)
        return taken

    def next_s(self, now_s: float) -> float:
        """Return the earliest time at which `take` may return a request; infinite if none waits."""
        soonest_s = math.inf
        for provider_queue in self._active:
            at_s = now_s
            if self.bucket is not None:
                at_s = self.bucket.available_at(now_s) if provider_queue.normal.waiting else self._spare_at(now_s)
            if provider_queue.bucket is not None:
                at_s = max(at_s, provider_queue.bucket.available_at(now_s))
            if at_s <= now_s:
                return now_s
            soonest_s = min(soonest_s, at_s)
        return soonest_s

    def is_idle(self, now_s: float) -> bool:
        """Whether no request waits, and a new bucket would be no different."""
        return not self.waiting and (self.bucket is None or self.bucket.is_recovered(now_s))

    def statistics(self, now_s: float) -> ScopeStatistics:
        """Return the statistics at `now_s`."""
        bucket = self.bucket
        if bucket is not None:
            bucket.available_at(now_s)
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

    def _take(self, priority: Priority, now_s: float) -> tuple[QueuedT, ProviderQueue[QueuedT]] | None:
        """Give the next turn to the owner that has waited longest, among those with a request that may be sent."""
        chosen: tuple[FairQueue[QueuedT], ProviderQueue[QueuedT]] | None = None
        least = (0, 0.0, 0)
        for provider_queue in self._active:
            queue = provider_queue.background if priority is Priority.LOW else provider_queue.normal
            if queue.waiting and (provider_queue.bucket is None or provider_queue.bucket.available_at(now_s) <= now_s):
                first = queue.first()
                if chosen is None or first < least:
                    chosen, least = (queue, provider_queue), first
        if chosen is None:
            return None
        queue, provider_queue = chosen
        job = queue.take()
        self.waiting -= 1
        if not queue.waiting and provider_queue.is_empty:
            del self._active[provider_queue]
        self._consume(job, provider_queue, now_s)
        return job, provider_queue

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

    def _spare_at(self, now_s: float) -> float:
        """Return the time at which the bucket has tokens to spare for background requests."""
        return now_s if self.bucket is None else self.bucket.available_at(now_s, self.bucket.burst * SPARE_SHARE)
