"""The lane of one scope: its due jobs, and who is next to read.

Owners take turns (deficit round robin where each turn costs one read), so a large group does not delay a
small one. An owner's jobs leave in the order they came due, or in the order in which they have probably ended
where that was learned; hinted ones first.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from azpoll.schedule.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azpoll.schedule.budget import Meter
    from azpoll.schedule.scope import Scope

SPARE_SHARE = 0.5
"""Covered jobs are asked only while the meter holds this share of its burst."""


class Rank(IntEnum):
    """How soon a due job is asked, within its owner's turn."""

    HINTED = 0
    """Something cheap has told that it may have ended."""
    PLAIN = 1
    COVERED = 2
    """Something cheap tells that it runs: asked only with reads that are to spare."""


_SOON = (Rank.HINTED, Rank.PLAIN)
_SPARE = (Rank.COVERED,)


class Waiting(Protocol):
    """A due job.

    Attributes:
        entry: number of its valid entry, in the heap or in a lane; 0 while it has none.
        due_s: when it came due.
        order_s: earlier ones of the same rank are asked first.
        rank: how soon it is asked.
        owner: who shares the scope's reads with other owners.
    """

    entry: int
    due_s: float
    order_s: float
    rank: Rank
    owner: Hashable


JobT = TypeVar("JobT", bound=Waiting)


class Place(Generic[JobT]):
    """Where a URL's reads are counted: a lane, and a sub-scope of it with a meter of its own."""

    __slots__ = ("lane", "meter", "sub_scope")

    def __init__(self, lane: Lane[JobT], sub_scope: str, meter: Meter | None) -> None:
        self.lane = lane
        self.sub_scope = sub_scope
        self.meter = meter

    def ready_s(self, now_s: float) -> float:
        """Return when its own meter gives a read."""
        return now_s if self.meter is None else self.meter.ready_s(now_s)


class Queue(Generic[JobT]):
    """The due jobs of one owner at one place, by rank."""

    __slots__ = ("_ranks",)

    def __init__(self) -> None:
        self._ranks: tuple[list[tuple[float, int, JobT]], ...] = tuple([] for _ in Rank)

    def add(self, job: JobT) -> None:
        """Add a job under its present entry number."""
        heapq.heappush(self._ranks[job.rank], (job.order_s, job.entry, job))

    def first(self, rank: Rank) -> JobT | None:
        """Return the first job of a rank; entries that are no longer valid are dropped."""
        jobs = self._ranks[rank]
        while jobs and jobs[0][2].entry != jobs[0][1]:
            heapq.heappop(jobs)
        return jobs[0][2] if jobs else None

    def any_of(self, ranks: tuple[Rank, ...]) -> bool:
        """Whether a job of these ranks waits."""
        return any(self.first(rank) is not None for rank in ranks)


class Lane(Generic[JobT]):
    """The due jobs of one scope.

    Args:
        scope: whose reads these are.
        meter: gives them out; None without limit.

    Attributes:
        waiting: due jobs in the lane.
        reads: requests sent.
        throttled: 429s received.
        lateness: seconds between due time and sending, of all requests sent.
        detection: seconds between an operation's end and its being told, where the service told its end.
        due_s: when `take` may next give a job; kept by the heap of lanes, as is `entry`.
    """

    __slots__ = (
        "_owners",
        "_rota",
        "detection",
        "due_s",
        "entry",
        "lateness",
        "meter",
        "reads",
        "scope",
        "throttled",
        "waiting",
    )

    def __init__(self, scope: Scope, meter: Meter | None) -> None:
        self.scope = scope
        self.meter = meter
        self.due_s = math.inf
        self.entry = 0
        self.waiting = 0
        self.reads = 0
        self.throttled = 0
        self.lateness = Histogram()
        self.detection = Histogram()
        self._owners: dict[Hashable, dict[Place[JobT], Queue[JobT]]] = {}
        self._rota: deque[Hashable] = deque()

    def add(self, job: JobT, place: Place[JobT], number: int) -> None:
        """Let a due job wait; one that waits already moves to its new rank."""
        places = self._owners.get(job.owner)
        if places is None:
            places = self._owners[job.owner] = {}
            self._rota.append(job.owner)
        queue = places.get(place)
        if queue is None:
            queue = places[place] = Queue()
        job.entry = number
        queue.add(job)

    def take(self, now_s: float) -> JobT | None:
        """Take the next job, and a read of each of its meters; None when none may be asked now."""
        if self._read_s(now_s) > now_s:
            return None
        return self._turn(_SOON, now_s) or (self._turn(_SPARE, now_s) if self._spare_s(now_s) <= now_s else None)

    def next_s(self, now_s: float) -> float:
        """Return when `take` may give a job; infinite when none waits."""
        if not self.waiting:
            return math.inf
        soonest_s = math.inf
        read_s, spare_s = self._read_s(now_s), self._spare_s(now_s)
        for places in self._owners.values():
            for place, queue in places.items():
                if queue.any_of(_SOON):
                    soonest_s = min(soonest_s, max(read_s, place.ready_s(now_s)))
                elif queue.any_of(_SPARE):
                    soonest_s = min(soonest_s, max(spare_s, place.ready_s(now_s)))
        return soonest_s

    def _turn(self, ranks: tuple[Rank, ...], now_s: float) -> JobT | None:
        """Give the next owner that has a job its turn; owners that have none leave the rota."""
        for _ in range(len(self._rota)):
            owner = self._rota[0]
            places = self._owners[owner]
            found = self._first_due(places, ranks, now_s)
            if found is not None:
                self._rota.rotate(-1)
                return self._taken(*found, now_s)
            if any(queue.any_of(tuple(Rank)) for queue in places.values()):
                self._rota.rotate(-1)
            else:
                self._rota.popleft()
                del self._owners[owner]
        return None

    @staticmethod
    def _first_due(
        places: dict[Place[JobT], Queue[JobT]], ranks: tuple[Rank, ...], now_s: float
    ) -> tuple[JobT, Place[JobT]] | None:
        for rank in ranks:
            jobs = ((queue.first(rank), place) for place, queue in places.items())
            ready = [(job, place) for job, place in jobs if job is not None and place.ready_s(now_s) <= now_s]
            if ready:
                return min(ready, key=lambda found: found[0].order_s)
        return None

    def _taken(self, job: JobT, place: Place[JobT], now_s: float) -> JobT:
        job.entry = 0
        self.waiting -= 1
        self.reads += 1
        self.lateness.add(now_s - job.due_s)
        for meter in (self.meter, place.meter):
            if meter is not None:
                meter.take(now_s)
        return job

    def _read_s(self, now_s: float) -> float:
        return now_s if self.meter is None else self.meter.ready_s(now_s)

    def _spare_s(self, now_s: float) -> float:
        return now_s if self.meter is None else self.meter.ready_s(now_s, self.meter.burst * SPARE_SHARE)
