"""The lane of one scope: its due jobs, and who is next to read.

Owners take turns, each turn costs one read, so a large group does not delay a small one. An owner's jobs leave in
the order they came due, or in the order in which they have probably ended where that was learned; hinted ones
first.
"""

from __future__ import annotations

import math
from enum import IntEnum
from itertools import count
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from azpoll.schedule.fair_queue import FairQueue, Owner
from azpoll.schedule.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azpoll.schedule.budget import TokenBucket
    from azpoll.schedule.scope import Scope

SPARE_SHARE = 0.5
"""Covered jobs are asked only while the meter holds this share of its burst."""

COVERED_EVERY = 64
"""One read in so many goes to a covered job all the same: what covers it may be wrong."""


HEAD_START_S = 60.0
"""How much earlier than others a hinted job is asked: it comes first, but holds nobody up for ever."""


class Priority(IntEnum):
    """How soon a due job is asked, within its owner's turn."""

    HIGH = 0
    """Something cheap has told that it may have ended."""
    NORMAL = 1
    LOW = 2
    """Something cheap tells that it runs: asked only with reads that are to spare."""


class Waiting(Protocol):
    """A due job.

    Attributes:
        heap_entry: number of its valid entry, in the heap or in a lane; 0 while it has none.
        due_s: when it came due.
        priority_time: earlier ones of the same rank are asked first.
        priority: how soon it is asked.
        owner: who shares the scope's reads with other owners.
    """

    heap_entry: int
    due_s: float
    priority_time: float
    priority: Priority
    owner: Hashable


JobT = TypeVar("JobT", bound=Waiting)


class ProviderQueue(Generic[JobT]):
    """Where a URL's reads are counted: a lane, and a sub-scope of it with a meter of its own.

    Attributes:
        bucket: of the sub-scope; None while it has no limit that is known.
        normal: due jobs to be asked.
        background: due jobs to be asked with reads to spare.
    """

    __slots__ = ("background", "bucket", "normal", "scope_queue", "sub_scope")

    def __init__(self, scope_queue: ScopeQueue[JobT], sub_scope: str, bucket: TokenBucket | None) -> None:
        self.scope_queue = scope_queue
        self.sub_scope = sub_scope
        self.bucket = bucket
        self.normal: FairQueue[JobT] = FairQueue()
        self.background: FairQueue[JobT] = FairQueue()

    def queue_of(self, priority: Priority) -> FairQueue[JobT]:
        """Return where jobs of a rank wait."""
        return self.background if priority is Priority.LOW else self.normal

    def is_idle(self, now_s: float) -> bool:
        """Whether nobody waits here, and it has nothing to remember."""
        return (
            not self.normal.waiting
            and not self.background.waiting
            and (self.bucket is None or self.bucket.is_recovered(now_s))
        )


class ScopeQueue(Generic[JobT]):
    """The due jobs of one scope.

    Args:
        scope: whose reads these are.
        bucket: gives them out; None without limit.

    Attributes:
        waiting: due jobs in the lane.
        reads: requests sent.
        throttled: 429s received.
        lateness: seconds between due time and sending, of all requests sent.
        detection: seconds between an operation's end and its being told, where the service told its end.
        due_s: when `take` may next give a job; kept by the heap of lanes, as is `heap_entry`.
    """

    __slots__ = (
        "_owners",
        "_provider_queues",
        "_turns",
        "bucket",
        "detection",
        "due_s",
        "heap_entry",
        "lateness",
        "reads",
        "scope",
        "throttled",
        "waiting",
    )

    def __init__(self, scope: Scope, bucket: TokenBucket | None) -> None:
        self.scope = scope
        self.bucket = bucket
        self.due_s = math.inf
        self.heap_entry = 0
        self.waiting = 0
        self.reads = 0
        self.throttled = 0
        self.lateness = Histogram()
        self.detection = Histogram()
        self._owners: dict[Hashable, Owner] = {}
        self._provider_queues: dict[ProviderQueue[JobT], None] = {}
        self._turns = count(1)

    def grant(self, job: JobT, provider_queue: ProviderQueue[JobT], now_s: float) -> bool:
        """Give a read at once to a job that nobody else waits beside; returns whether it was there."""
        if job.priority is Priority.LOW or (self.bucket is not None and not self.bucket.is_ready(now_s)):
            return False
        if provider_queue.bucket is not None and not provider_queue.bucket.is_ready(now_s):
            return False
        self._spend(job, provider_queue, now_s)
        return True

    def add(self, job: JobT, provider_queue: ProviderQueue[JobT], number: int) -> bool:
        """Let a due job wait; returns whether that may change when `take` next gives a job."""
        if job.owner not in self._owners:
            self._owners[job.owner] = Owner(next(self._turns))
        owner = self._owners[job.owner]
        owner.waiting += 1
        self.waiting += 1
        self._provider_queues[provider_queue] = None
        job.heap_entry = number
        line = provider_queue.background if job.priority is Priority.LOW else provider_queue.normal
        line.add(job, job.priority_time - HEAD_START_S if job.priority is Priority.HIGH else job.priority_time, owner)
        return line.waiting == 1

    def withdraw(self, job: JobT, provider_queue: ProviderQueue[JobT], priority: Priority) -> None:
        """Take out a job that waits at a rank; its entry is no longer valid already."""
        owner = self._owners[job.owner]
        provider_queue.queue_of(priority).forget(owner)
        self._left(job, provider_queue, owner)

    def take(self, now_s: float) -> JobT | None:
        """Take the next job, and a read of each of its meters; None when none may be asked now."""
        if self.bucket is not None and self.bucket.available_at(now_s) > now_s:
            return None
        if self.reads % COVERED_EVERY == COVERED_EVERY - 1:
            return self._turn(Priority.LOW, now_s) or self._turn(Priority.NORMAL, now_s)
        job = self._turn(Priority.NORMAL, now_s)
        if job is None and self._spare_s(now_s) <= now_s:
            job = self._turn(Priority.LOW, now_s)
        return job

    def next_s(self, now_s: float) -> float:
        """Return when `take` may give a job; infinite when none waits."""
        soonest_s = math.inf
        for provider_queue in self._provider_queues:
            available_at = now_s
            if self.bucket is not None:
                available_at = (
                    self.bucket.available_at(now_s) if provider_queue.normal.waiting else self._spare_s(now_s)
                )
            if provider_queue.bucket is not None:
                available_at = max(available_at, provider_queue.bucket.available_at(now_s))
            soonest_s = min(soonest_s, available_at)
        return soonest_s

    def is_idle(self, now_s: float) -> bool:
        """Whether nobody waits here, and it has nothing to remember."""
        return not self.waiting and (self.bucket is None or self.bucket.is_recovered(now_s))

    def _turn(self, priority: Priority, now_s: float) -> JobT | None:
        """Give the owner its turn that has waited for it longest, among those with a job that may be asked."""
        chosen: tuple[FairQueue[JobT], ProviderQueue[JobT], Owner] | None = None
        best = (math.inf, 0.0, 0)
        for provider_queue in self._provider_queues:
            line = provider_queue.background if priority is Priority.LOW else provider_queue.normal
            if line.waiting and (provider_queue.bucket is None or provider_queue.bucket.available_at(now_s) <= now_s):
                owner, (priority_time, heap_entry, _) = line.first()
                if (owner.turn, priority_time, heap_entry) < best:
                    best, chosen = (owner.turn, priority_time, heap_entry), (line, provider_queue, owner)
        if chosen is None:
            return None
        line, provider_queue, owner = chosen
        job = line.take(owner)
        job.heap_entry = 0
        owner.turn = next(self._turns)
        self._spend(job, provider_queue, now_s)
        self._left(job, provider_queue, owner)
        return job

    def _spend(self, job: JobT, provider_queue: ProviderQueue[JobT], now_s: float) -> None:
        self.reads += 1
        self.lateness.add(now_s - job.due_s)
        if self.bucket is not None:
            self.bucket.take()
        if provider_queue.bucket is not None:
            provider_queue.bucket.take()

    def _left(self, job: JobT, provider_queue: ProviderQueue[JobT], owner: Owner) -> None:
        self.waiting -= 1
        owner.waiting -= 1
        if not owner.waiting:
            del self._owners[job.owner]
        if not provider_queue.normal.waiting and not provider_queue.background.waiting:
            del self._provider_queues[provider_queue]

    def _spare_s(self, now_s: float) -> float:
        return now_s if self.bucket is None else self.bucket.available_at(now_s, self.bucket.burst * SPARE_SHARE)
