"""What is asked next, and when: the jobs that wait for their time, then for a read of their scope."""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

from azpoll.protocol.states import Pending
from azpoll.schedule.due_heap import DueHeap
from azpoll.schedule.scope_queue import Priority
from azpoll.schedule.scopes import ScopeQueues
from azpoll.schedule.single_flight import SingleFlight

if TYPE_CHECKING:
    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.protocol.throttling import Throttle
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.job import Job
    from azpoll.schedule.scope_queue import ProviderQueue, ScopeQueue
    from azpoll.schedule.scopes import ScopeStatistics

READ_WAIT_S = 1.0
"""How long past its deadline a job may wait for the read of its last poll."""


class PollQueue:
    """Every job that waits, in one of two places: the heap until it is due, then the lane of its scope.

    Args:
        budget: reads of each scope; None without limits.
    """

    def __init__(self, budget: Budget | None) -> None:
        numbers = count(1)
        self._due: DueHeap[Job] = DueHeap(numbers)
        self._scope_queues: ScopeQueues[Job] = ScopeQueues(budget, numbers)
        self._deadlines: list[tuple[float, int, Job]] = []
        self._is_plain = True
        self._scope_queue: ScopeQueue[Job] | None = None
        self._single_flight = SingleFlight()

    def __len__(self) -> int:
        return len(self._due) + self._scope_queues.waiting

    def put(self, job: Job, due_s: float) -> None:
        """Add a job, or move one that waits."""
        if job.heap_entry:
            self.withdraw(job)
        job.provider_queue = None
        if self._is_plain and (job.owner is not None or job.cancel_request is not None or job.priority_time != due_s):
            self._is_plain = False
        self._due.put(job, due_s)

    def withdraw(self, job: Job) -> None:
        """Take out a job, if it waits."""
        if not job.heap_entry:
            return
        if job.provider_queue is None:
            self._due.withdraw(job)
        else:
            self._scope_queues.withdraw(job, job.provider_queue)
            job.provider_queue = None

    def polling_url(self, job: Job, url: str, now_s: float) -> None:
        """Note which URL a job asks from now on."""
        self.leaves(job)
        job.polling_url = url
        self._single_flight.add(url, job)
        if self._is_plain:
            scope_queue = self._scope_queues.queue_for(url, now_s).scope_queue
            self._scope_queue = self._scope_queue or scope_queue
            self._is_plain = scope_queue is self._scope_queue

    def leaves(self, job: Job) -> None:
        """Note that a job asks no more."""
        if job.polling_url is not None:
            self._single_flight.discard(job.polling_url, job)
            job.polling_url = None

    def priority(self, job: Job, priority: Priority, now_s: float) -> None:
        """Change how soon a job is asked; a hint also ends a wait of azpoll's own, but not one of the server's."""
        self._is_plain = False
        left, job.priority = job.priority, priority
        if not job.heap_entry:
            return
        if job.provider_queue is not None:
            if priority is Priority.HIGH:
                job.priority_time = now_s
            self._scope_queues.move(job, job.provider_queue, left, now_s)
            self._watch_deadline(job, _pending(job))
        elif priority is Priority.HIGH and job.cancel_request is None:
            state = _pending(job)
            earliest_s = max(now_s, job.answered_s + state.plan.delay_limits.floor)
            if not state.next_request.delay.by_server and earliest_s < job.due_s:
                self.put(job, earliest_s)

    def take(self, now_s: float) -> Job | None:
        """Take the next job there is to ask now, counted at its `provider_queue`; without a place it is given up."""
        while (job := self._due.take(now_s)) is not None:
            state = _pending(job)
            if job.cancel_request is None and state.next_request.instead is not None:
                return job
            job.provider_queue = provider_queue = self._queue_for(job, state, now_s)
            if self._is_next(provider_queue.scope_queue, now_s) and provider_queue.scope_queue.grant(
                job, provider_queue, now_s
            ):
                break
            self._scope_queues.add(job, provider_queue, now_s)
            self._watch_deadline(job, state)
        else:
            job = self._scope_queues.take(now_s)
        if job is not None:
            job.priority = Priority.NORMAL  # one that comes while the request is under way is for the next
            return job
        job = self._overdue(now_s)
        if job is not None:
            self.withdraw(job)
        return job

    def next_s(self) -> float | None:
        """Return when `take` may give a job; None while none waits."""
        soonest_s = self._due.next_s()
        for time_s in (self._scope_queues.next_s(), self._next_deadline_s()):
            if time_s is not None and (soonest_s is None or time_s < soonest_s):
                soonest_s = time_s
        return soonest_s

    def sharers_of(self, job: Job, url: str) -> list[Job]:
        """Take out the other jobs that wait to ask the same URL."""
        if self._single_flight.is_alone(url, job):
            return []
        sharers = [twin for twin in self._single_flight.of(url, job) if twin.heap_entry]
        for twin in sharers:
            self.withdraw(twin)
        return sharers

    def on_answer(
        self, provider_queue: ProviderQueue[Job], outcome: Answer | RequestFailure, now_s: float
    ) -> Throttle | None:
        """Learn what an answer tells of the read limits it was counted by."""
        return self._scope_queues.on_answer(provider_queue, outcome, now_s)

    def statistics(self, now_s: float) -> tuple[ScopeStatistics, ...]:
        """Return what each scope did so far."""
        return self._scope_queues.statistics(now_s)

    def _is_next(self, scope_queue: ScopeQueue[Job], now_s: float) -> bool:
        """Whether the job that came due first is also the one that its lane would give first.

        So it is when no other is due; and in a plain fleet, in which no job differs from another but by its time.
        """
        self._is_plain = self._is_plain and scope_queue is self._scope_queue
        return not self._scope_queues.waiting and (self._is_plain or not self._due.is_due(now_s))

    def _queue_for(self, job: Job, state: Pending, now_s: float) -> ProviderQueue[Job]:
        """Return where the read of a job is counted whose time has come; an errand is asked first."""
        if job.cancel_request is not None:
            job.priority = Priority.HIGH
        if job.priority is Priority.HIGH:
            job.priority_time = now_s
        return self._scope_queues.queue_for(
            state.next_request.url if job.cancel_request is None else job.cancel_request.url, now_s
        )

    def _watch_deadline(self, job: Job, state: Pending) -> None:
        deadline_s = state.plan.deadline_s
        if deadline_s is not None:
            heapq.heappush(self._deadlines, (deadline_s + READ_WAIT_S, job.heap_entry, job))
            if len(self._deadlines) > 2 * self._scope_queues.waiting + 64:
                self._deadlines = [
                    heap_entry for heap_entry in self._deadlines if heap_entry[2].heap_entry == heap_entry[1]
                ]
                heapq.heapify(self._deadlines)

    def _next_deadline_s(self) -> float | None:
        while self._deadlines and self._deadlines[0][2].heap_entry != self._deadlines[0][1]:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def _overdue(self, now_s: float) -> Job | None:
        """Return a job in a lane whose deadline passed before a read was there for it."""
        deadline_s = self._next_deadline_s()
        return None if deadline_s is None or deadline_s > now_s else self._deadlines[0][2]


def _pending(job: Job) -> Pending:
    assert isinstance(job.state, Pending)  # noqa: S101 - a terminal state asks for nothing (rule 29)
    return job.state
