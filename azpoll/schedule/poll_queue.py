"""The poll queue: jobs ordered by due time, then queued per read-limit scope."""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

from azpoll.protocol.machine import expires_at
from azpoll.protocol.stored_url import before_certificate
from azpoll.schedule.due_heap import DueHeap, drop_stale, without_stale
from azpoll.schedule.due_time import ROUNDING_S
from azpoll.schedule.job import Priority, pending_state
from azpoll.schedule.scopes import ScopeQueues

if TYPE_CHECKING:
    from azpoll.protocol.states import Pending
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.job import Job
    from azpoll.schedule.scope_queue import ProviderQueue

READ_WAIT_S = 1.0
"""Seconds past its deadline that a job waits for the token of its last poll."""

MOVED_AT_MOST = 64
"""Number of due jobs that `take` moves to their scopes; so a burst of 100,000 does not block the event loop."""


class PollQueue:
    """All waiting jobs: in the heap until they are due, then in the queue of their scope until they get a token.

    A job that had its turn and may not be sent yet is held: it waits for `release`, without a token.

    Args:
        budget: reads of each scope; None without limits.

    Attributes:
        held: the jobs that are held.
    """

    def __init__(self, budget: Budget | None) -> None:
        self._numbers = numbers = count(1)
        self._due: DueHeap[Job] = DueHeap(numbers)
        self.scopes: ScopeQueues[Job] = ScopeQueues(budget, numbers)
        self._queue_of: dict[Job, ProviderQueue[Job]] = {}  # of the jobs in `scopes`
        self.held: dict[Job, None] = {}
        self._release_order: list[tuple[float, int, Job]] = []
        self._deadlines: list[tuple[float, int, Job]] = []  # of the jobs in `scopes`, and of those that are held

    def __len__(self) -> int:
        return len(self._due) + self.scopes.waiting + len(self.held)

    def put(self, job: Job, due_s: float) -> None:
        """Add a job, or move it; it waits for its deadline if that comes before its next request."""
        if job.heap_entry:
            self.withdraw(job)
        state = pending_state(job)
        if state.plan.deadline_s is not None and (expires_s := _expires_at(job, state)) is not None:
            due_s = expires_s
        self._due.put(job, due_s)

    def withdraw(self, job: Job) -> None:
        """Remove a job; no effect if it does not wait."""
        if not job.heap_entry:
            return
        provider_queue = self._queue_of.pop(job, None)
        if job in self.held:
            del self.held[job]
            job.heap_entry = 0
        elif provider_queue is None:
            self._due.withdraw(job)
        else:
            self.scopes.withdraw(job, provider_queue)

    def set_priority(self, job: Job, priority: Priority, now_s: float) -> None:
        """Change the priority of a job; HIGH also ends a delay that azpoll chose, but no delay of the server."""
        before, job.priority = job.priority, priority
        if not job.heap_entry:
            return
        state = pending_state(job)
        provider_queue = self._queue_of.get(job)
        if provider_queue is not None:
            if priority is Priority.HIGH:
                job.priority_time = now_s
                provider_queue.scope_queue.note_hint(now_s)
            self.scopes.move(job, provider_queue, before, now_s)
            if state.plan.deadline_s is not None:
                self._watch_deadline(job, state.plan.deadline_s)
        elif priority is Priority.HIGH and job.cancel_request is None:
            delay = state.next_request.delay
            least_s = max(state.plan.delay_limits.floor, delay.retry_after_s) + ROUNDING_S
            earliest_s = max(now_s, job.answered_s + least_s)
            if not delay.by_server and earliest_s < job.due_s:
                self.put(job, earliest_s)

    def take(self, now_s: float) -> tuple[Job, ProviderQueue[Job] | None] | None:
        """Remove the next job to send, with the queue whose token it took; without one its deadline has passed.

        A job that is due alone takes its token here. It waits in the queue of its scope only if the token is missing,
        or if other jobs compete for it.
        """
        moved = 0
        while moved < MOVED_AT_MOST and (job := self._due.take(now_s)) is not None:
            state = pending_state(job)
            if state.plan.deadline_s is not None and _expires_at(job, state) is not None:
                return job, None
            provider_queue = self._provider_queue_of(job, state, now_s)
            alone = not self.scopes.waiting and not self._due.may_be_due(now_s)
            if alone and provider_queue.scope_queue.consume(job, provider_queue, now_s):
                job.priority = Priority.NORMAL  # a hint that comes during this request is for the next one
                return job, provider_queue
            self._queue_of[job] = provider_queue
            self.scopes.add(job, provider_queue, now_s)
            if state.plan.deadline_s is not None:
                self._watch_deadline(job, state.plan.deadline_s)
            moved += 1
        taken = self.scopes.take(now_s)
        if taken is not None:
            del self._queue_of[taken[0]]
            if not self._queue_of:
                self._queue_of.clear()  # a dict without entries keeps the memory of those that it had
            taken[0].priority = Priority.NORMAL
            return taken
        deadline_s = self._next_deadline_s()
        if deadline_s is None or deadline_s > now_s:
            return None
        expired = self._deadlines[0][2]
        self.withdraw(expired)
        return expired, None

    def _provider_queue_of(self, job: Job, state: Pending, now_s: float) -> ProviderQueue[Job]:
        """Return the queue of a due job's next request; a hint and a cancel request go first."""
        url = before_certificate(state.next_request.kept_url) if job.cancel_request is None else job.cancel_request.url
        provider_queue = self.scopes.queue_for(url, now_s)
        if job.priority is Priority.HIGH:
            provider_queue.scope_queue.note_hint(now_s)
        if job.cancel_request is not None:
            job.priority = Priority.HIGH
        if job.priority is Priority.HIGH:
            job.priority_time = now_s
        return provider_queue

    def hold(self, job: Job, provider_queue: ProviderQueue[Job], now_s: float, rank: float) -> None:
        """Hold a job that `take` returned at `now_s`, and give back its token; its deadline still counts.

        The job with the least `rank` is released first, and of equal ones that which was held first.
        """
        provider_queue.scope_queue.give_back(job, provider_queue, now_s)
        job.heap_entry = next(self._numbers)
        self.held[job] = None
        if len(self._release_order) > 2 * len(self.held) + 64:
            self._release_order = without_stale(self._release_order)
        heapq.heappush(self._release_order, (rank, job.heap_entry, job))
        deadline_s = pending_state(job).plan.deadline_s
        if deadline_s is not None:
            self._watch_deadline(job, deadline_s)

    def release(self) -> None:
        """Return the first of the jobs that are held to those that are due."""
        drop_stale(self._release_order)
        job = heapq.heappop(self._release_order)[2]
        self.withdraw(job)
        self._due.put(job, job.due_s)

    def next_s(self) -> float | None:
        """Return the earliest time at which `take` may return a job; None while no job waits."""
        soonest_s = self._due.next_s()
        if self.scopes.waiting or self.held:
            for time_s in (self.scopes.next_s(), self._next_deadline_s()):
                if time_s is not None and (soonest_s is None or time_s < soonest_s):
                    soonest_s = time_s
        return soonest_s

    def _watch_deadline(self, job: Job, deadline_s: float) -> None:
        heapq.heappush(self._deadlines, (deadline_s + READ_WAIT_S, job.heap_entry, job))
        if len(self._deadlines) > 2 * (self.scopes.waiting + len(self.held)) + 64:
            self._deadlines = without_stale(self._deadlines)

    def _next_deadline_s(self) -> float | None:
        drop_stale(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None


def _expires_at(job: Job, state: Pending) -> float | None:
    """Return the deadline of a job if it comes before the next request may be sent; a cancel request is always sent."""
    return None if job.cancel_request is not None else expires_at(state, job.answered_s)
