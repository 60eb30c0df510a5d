"""What is asked next, and when: the jobs that wait for their time, then for a read of their scope."""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

from azpoll.protocol.states import Pending
from azpoll.schedule.due import DueHeap
from azpoll.schedule.lane import Rank
from azpoll.schedule.lanes import Lanes
from azpoll.schedule.twins import Twins

if TYPE_CHECKING:
    from azpoll.protocol.answer import Answer, Unreachable
    from azpoll.protocol.throttle import Throttle
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.job import Job
    from azpoll.schedule.lane import Lane, Place
    from azpoll.schedule.lanes import ScopeStatistics

READ_WAIT_S = 1.0
"""How long past its deadline a job may wait for the read of its last poll."""


class Agenda:
    """Every job that waits, in one of two places: the heap until it is due, then the lane of its scope.

    Args:
        budget: reads of each scope; None without limits.
    """

    def __init__(self, budget: Budget | None) -> None:
        numbers = count(1)
        self._due: DueHeap[Job] = DueHeap(numbers)
        self._lanes: Lanes[Job] = Lanes(budget, numbers)
        self._deadlines: list[tuple[float, int, Job]] = []
        self._is_plain = True
        self._lane: Lane[Job] | None = None
        self._twins = Twins()

    def __len__(self) -> int:
        return len(self._due) + self._lanes.waiting

    def put(self, job: Job, due_s: float) -> None:
        """Add a job, or move one that waits."""
        if job.entry:
            self.withdraw(job)
        job.place = None
        if self._is_plain and (job.owner is not None or job.errand is not None or job.order_s != due_s):
            self._is_plain = False
        self._due.put(job, due_s)

    def withdraw(self, job: Job) -> None:
        """Take out a job, if it waits."""
        if not job.entry:
            return
        if job.place is None:
            self._due.withdraw(job)
        else:
            self._lanes.withdraw(job, job.place)
            job.place = None

    def asks(self, job: Job, url: str, now_s: float) -> None:
        """Note which URL a job asks from now on."""
        self.leaves(job)
        job.asks = url
        self._twins.add(url, job)
        if self._is_plain:
            lane = self._lanes.place_of(url, now_s).lane
            self._lane = self._lane or lane
            self._is_plain = lane is self._lane

    def leaves(self, job: Job) -> None:
        """Note that a job asks no more."""
        if job.asks is not None:
            self._twins.discard(job.asks, job)
            job.asks = None

    def rank(self, job: Job, rank: Rank, now_s: float) -> None:
        """Change how soon a job is asked; a hint also ends a wait of azpoll's own, but not one of the server's."""
        self._is_plain = False
        left, job.rank = job.rank, rank
        if not job.entry:
            return
        if job.place is not None:
            if rank is Rank.HINTED:
                job.order_s = now_s
            self._lanes.move(job, job.place, left, now_s)
            self._watch_deadline(job, _pending(job))
        elif rank is Rank.HINTED and job.errand is None:
            state = _pending(job)
            earliest_s = max(now_s, job.answered_s + state.plan.pace.floor)
            if not state.ask.wait.by_server and earliest_s < job.due_s:
                self.put(job, earliest_s)

    def take(self, now_s: float) -> Job | None:
        """Take the next job there is to ask now, counted at its `place`; one without a place is to be given up."""
        while (job := self._due.take(now_s)) is not None:
            state = _pending(job)
            if job.errand is None and state.ask.instead is not None:
                return job
            job.place = place = self._place_of(job, state, now_s)
            if self._is_next(place.lane, now_s) and place.lane.grant(job, place, now_s):
                break
            self._lanes.add(job, place, now_s)
            self._watch_deadline(job, state)
        else:
            job = self._lanes.take(now_s)
        if job is not None:
            job.rank = Rank.PLAIN  # one that comes while the request is under way is for the next
            return job
        job = self._overdue(now_s)
        if job is not None:
            self.withdraw(job)
        return job

    def next_s(self) -> float | None:
        """Return when `take` may give a job; None while none waits."""
        soonest_s = self._due.next_s()
        for time_s in (self._lanes.next_s(), self._next_deadline_s()):
            if time_s is not None and (soonest_s is None or time_s < soonest_s):
                soonest_s = time_s
        return soonest_s

    def twins_of(self, job: Job, url: str) -> list[Job]:
        """Take out the other jobs that wait to ask the same URL."""
        if self._twins.is_alone(url, job):
            return []
        twins = [twin for twin in self._twins.of(url, job) if twin.entry]
        for twin in twins:
            self.withdraw(twin)
        return twins

    def heard(self, place: Place[Job], came: Answer | Unreachable, now_s: float) -> Throttle | None:
        """Learn what an answer tells of the read limits it was counted by."""
        return self._lanes.heard(place, came, now_s)

    def statistics(self, now_s: float) -> tuple[ScopeStatistics, ...]:
        """Return what each scope did so far."""
        return self._lanes.statistics(now_s)

    def _is_next(self, lane: Lane[Job], now_s: float) -> bool:
        """Whether the job that came due first is also the one that its lane would give first.

        So it is when no other is due; and in a plain fleet, in which no job differs from another but by its time.
        """
        self._is_plain = self._is_plain and lane is self._lane
        return not self._lanes.waiting and (self._is_plain or not self._due.is_due(now_s))

    def _place_of(self, job: Job, state: Pending, now_s: float) -> Place[Job]:
        """Return where the read of a job is counted whose time has come; an errand is asked first."""
        if job.errand is not None:
            job.rank = Rank.HINTED
        if job.rank is Rank.HINTED:
            job.order_s = now_s
        return self._lanes.place_of(state.ask.url if job.errand is None else job.errand.url, now_s)

    def _watch_deadline(self, job: Job, state: Pending) -> None:
        deadline_s = state.plan.deadline_s
        if deadline_s is not None:
            heapq.heappush(self._deadlines, (deadline_s + READ_WAIT_S, job.entry, job))
            if len(self._deadlines) > 2 * self._lanes.waiting + 64:
                self._deadlines = [entry for entry in self._deadlines if entry[2].entry == entry[1]]
                heapq.heapify(self._deadlines)

    def _next_deadline_s(self) -> float | None:
        while self._deadlines and self._deadlines[0][2].entry != self._deadlines[0][1]:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def _overdue(self, now_s: float) -> Job | None:
        """Return a job in a lane whose deadline passed before a read was there for it."""
        deadline_s = self._next_deadline_s()
        return None if deadline_s is None or deadline_s > now_s else self._deadlines[0][2]


def _pending(job: Job) -> Pending:
    assert isinstance(job.state, Pending)  # noqa: S101 - a terminal state asks for nothing (rule 29)
    return job.state
