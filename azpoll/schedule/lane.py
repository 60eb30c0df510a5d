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

from azpoll.schedule.histogram import Histogram
from azpoll.schedule.line import Line, Owner

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azpoll.schedule.budget import Meter
    from azpoll.schedule.scope import Scope

SPARE_SHARE = 0.5
"""Covered jobs are asked only while the meter holds this share of its burst."""

COVERED_EVERY = 64
"""One read in so many goes to a covered job all the same: what covers it may be wrong."""


HEAD_START_S = 60.0
"""How much earlier than others a hinted job is asked: it comes first, but holds nobody up for ever."""


class Rank(IntEnum):
    """How soon a due job is asked, within its owner's turn."""

    HINTED = 0
    """Something cheap has told that it may have ended."""
    PLAIN = 1
    COVERED = 2
    """Something cheap tells that it runs: asked only with reads that are to spare."""


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
    """Where a URL's reads are counted: a lane, and a sub-scope of it with a meter of its own.

    Attributes:
        meter: of the sub-scope; None while it has no limit that is known.
        soon: due jobs to be asked.
        spare: due jobs to be asked with reads to spare.
    """

    __slots__ = ("lane", "meter", "soon", "spare", "sub_scope")

    def __init__(self, lane: Lane[JobT], sub_scope: str, meter: Meter | None) -> None:
        self.lane = lane
        self.sub_scope = sub_scope
        self.meter = meter
        self.soon: Line[JobT] = Line()
        self.spare: Line[JobT] = Line()

    def line_of(self, rank: Rank) -> Line[JobT]:
        """Return where jobs of a rank wait."""
        return self.spare if rank is Rank.COVERED else self.soon

    def is_idle(self, now_s: float) -> bool:
        """Whether nobody waits here, and it has nothing to remember."""
        return not self.soon.waiting and not self.spare.waiting and (self.meter is None or self.meter.is_whole(now_s))


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
        "_places",
        "_turns",
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
        self._owners: dict[Hashable, Owner] = {}
        self._places: dict[Place[JobT], None] = {}
        self._turns = count(1)

    def grant(self, job: JobT, place: Place[JobT], now_s: float) -> bool:
        """Give a read at once to a job that nobody else waits beside; returns whether it was there."""
        if job.rank is Rank.COVERED or (self.meter is not None and not self.meter.is_ready(now_s)):
            return False
        if place.meter is not None and not place.meter.is_ready(now_s):
            return False
        self._spend(job, place, now_s)
        return True

    def add(self, job: JobT, place: Place[JobT], number: int) -> bool:
        """Let a due job wait; returns whether that may change when `take` next gives a job."""
        if job.owner not in self._owners:
            self._owners[job.owner] = Owner(next(self._turns))
        owner = self._owners[job.owner]
        owner.waiting += 1
        self.waiting += 1
        self._places[place] = None
        job.entry = number
        line = place.spare if job.rank is Rank.COVERED else place.soon
        line.add(job, job.order_s - HEAD_START_S if job.rank is Rank.HINTED else job.order_s, owner)
        return line.waiting == 1

    def withdraw(self, job: JobT, place: Place[JobT], rank: Rank) -> None:
        """Take out a job that waits at a rank; its entry is no longer valid already."""
        owner = self._owners[job.owner]
        place.line_of(rank).forget(owner)
        self._left(job, place, owner)

    def take(self, now_s: float) -> JobT | None:
        """Take the next job, and a read of each of its meters; None when none may be asked now."""
        if self.meter is not None and self.meter.ready_s(now_s) > now_s:
            return None
        if self.reads % COVERED_EVERY == COVERED_EVERY - 1:
            return self._turn(Rank.COVERED, now_s) or self._turn(Rank.PLAIN, now_s)
        job = self._turn(Rank.PLAIN, now_s)
        if job is None and self._spare_s(now_s) <= now_s:
            job = self._turn(Rank.COVERED, now_s)
        return job

    def next_s(self, now_s: float) -> float:
        """Return when `take` may give a job; infinite when none waits."""
        soonest_s = math.inf
        for place in self._places:
            ready_s = now_s
            if self.meter is not None:
                ready_s = self.meter.ready_s(now_s) if place.soon.waiting else self._spare_s(now_s)
            if place.meter is not None:
                ready_s = max(ready_s, place.meter.ready_s(now_s))
            soonest_s = min(soonest_s, ready_s)
        return soonest_s

    def is_idle(self, now_s: float) -> bool:
        """Whether nobody waits here, and it has nothing to remember."""
        return not self.waiting and (self.meter is None or self.meter.is_whole(now_s))

    def _turn(self, rank: Rank, now_s: float) -> JobT | None:
        """Give the owner its turn that has waited for it longest, among those with a job that may be asked."""
        chosen: tuple[Line[JobT], Place[JobT], Owner] | None = None
        best = (math.inf, 0.0, 0)
        for place in self._places:
            line = place.spare if rank is Rank.COVERED else place.soon
            if line.waiting and (place.meter is None or place.meter.ready_s(now_s) <= now_s):
                owner, (order_s, entry, _) = line.first()
                if (owner.turn, order_s, entry) < best:
                    best, chosen = (owner.turn, order_s, entry), (line, place, owner)
        if chosen is None:
            return None
        line, place, owner = chosen
        job = line.take(owner)
        job.entry = 0
        owner.turn = next(self._turns)
        self._spend(job, place, now_s)
        self._left(job, place, owner)
        return job

    def _spend(self, job: JobT, place: Place[JobT], now_s: float) -> None:
        self.reads += 1
        self.lateness.add(now_s - job.due_s)
        if self.meter is not None:
            self.meter.take()
        if place.meter is not None:
            place.meter.take()

    def _left(self, job: JobT, place: Place[JobT], owner: Owner) -> None:
        self.waiting -= 1
        owner.waiting -= 1
        if not owner.waiting:
            del self._owners[job.owner]
        if not place.soon.waiting and not place.spare.waiting:
            del self._places[place]

    def _spare_s(self, now_s: float) -> float:
        return now_s if self.meter is None else self.meter.ready_s(now_s, self.meter.burst * SPARE_SHARE)
