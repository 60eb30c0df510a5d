"""The scheduler: next due operation, a token of its scope, a free slot, poll, advance, put back.

A few workers take one job after the other from the poll queue. A job is either in that queue or with one worker, so
at most one request per job is in flight (rule 38). The workers belong to the tracker and not to the awaiters: a poll
in flight is not cancelled when an awaiter leaves (rule 40).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from azpoll.eventloop.checkpoint import checkpoint
from azpoll.eventloop.clock import loop_clock, set_sniffio_hint
from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.cancel_answer import after_cancel
from azpoll.protocol.machine import advance, expire, postpone
from azpoll.protocol.states import Pending
from azpoll.protocol.stored_url import before_certificate
from azpoll.protocol.throttling import TOO_MANY_REQUESTS
from azpoll.schedule.due_time import ROUNDING_S
from azpoll.schedule.job import pending_state
from azpoll.schedule.poll_queue import PollQueue
from azpoll.schedule.slow_share import SlowShare, Worker
from azpoll.schedule.worker_pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

    from azpoll.protocol.throttling import Throttle
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.concurrency import ConcurrencyLimit
    from azpoll.schedule.due_time import DueTimes
    from azpoll.schedule.job import CancelRequest, Job, Priority
    from azpoll.schedule.scope_queue import ProviderQueue, ScopeStatistics

ABORT_S = 1.0
"""Seconds that aborted requests have to end when a tracker closes."""


class Scheduler:
    """Polls jobs until each is terminal.

    Args:
        poll: sends the next request of a pending state; raises nothing but cancellation.
        send_cancel: sends a cancel request; raises nothing but cancellation.
        abort: ends the poll of one task, by its id, or all polls: what was received of their answers counts.
        tasks: task group of the workers.
        budget: reads of each scope; None without limits.
        throttled: called for each 429, with the scope and its new rate.
    """

    def __init__(
        self,
        poll: Callable[[Pending], Awaitable[Answer | RequestFailure]],
        send_cancel: Callable[[CancelRequest], Awaitable[Answer | RequestFailure]],
        abort: Callable[[int | None], object],
        tasks: TaskGroup,
        *,
        limit: ConcurrencyLimit,
        budget: Budget | None,
        due_times: DueTimes,
        throttled: Callable[[ScopeStatistics, Throttle], object],
    ) -> None:
        self._poll = poll
        self._cancel = send_cancel
        self._abort = abort
        self._limit = limit
        self._due_times = due_times
        self._throttled = throttled
        self._queue = PollQueue(budget)
        self._slow = SlowShare(limit, abort)
        self._sent = self._slow.in_flight
        self._withdrawn: set[Job] = set()  # while their requests are in flight
        self._now = loop_clock()
        self._workers = WorkerPool(tasks, self._work, self._next_s, limit)
        self._closed = False
        self._aborted = False

    @property
    def waiting(self) -> int:
        """Number of jobs that wait for their next request."""
        return len(self._queue)

    @property
    def in_flight(self) -> int:
        """Number of requests in flight."""
        return self._limit.in_flight

    def scopes(self) -> tuple[ScopeStatistics, ...]:
        """Return the statistics of each scope."""
        return self._queue.scopes.statistics(self._now())

    def put(self, job: Job, at_s: float) -> None:
        """Schedule the next request of a pending job, measured from its last answer at `at_s`."""
        state = pending_state(job)
        request, shortage = state.next_request, 0.0
        if not request.delay.by_server:
            shortage = self._queue.scopes.queue_for(before_certificate(request.kept_url), at_s).shortage(at_s)
        due_s, job.priority_time = self._due_times.of(job, state, at_s, shortage)
        if job.cancel_request is not None:
            job.cancel_request.next_poll_s, due_s = due_s, at_s
        self._put(job, due_s)

    def send_now(self, job: Job) -> None:
        """Send the job's new cancel request now, or as soon as its request in flight is answered."""
        if job.heap_entry and job.cancel_request is not None:
            job.cancel_request.next_poll_s = job.due_s
            self._put(job, self._now())

    def set_priority(self, job: Job, priority: Priority) -> None:
        """Change how soon a job is polled, but never before the time its server asked for."""
        self._queue.set_priority(job, priority, self._now())
        self._workers.wake_by(self._queue.next_s())

    def withdraw(self, job: Job) -> None:
        """Send nothing more for a job, and release it: now, or when its request in flight is answered.

        That answer still counts: it may end the operation, or carry a Retry-After for the resume token.
        """
        if job in self._sent:
            self._withdrawn.add(job)
        else:
            self._queue.withdraw(job)
            self._release(job)

    async def close(self, grace_s: float) -> None:
        """Send nothing more, and wait `grace_s` seconds for the requests in flight.

        A cancelled request can leave an HTTP pool unusable, so this waits even inside a cancelled scope. Then
        the remaining requests are aborted, so that a received part of their answers still counts.
        """
        self._closed = True
        try:
            await self._limit.wait_for_none_in_flight(self._now() + grace_s)
        finally:
            if self._limit.in_flight:
                self._aborted = True
                self._abort(None)
                await self._limit.wait_for_none_in_flight(self._now() + ABORT_S)

    async def _work(self) -> None:
        """Run one worker: send one request after the other."""
        set_sniffio_hint()
        worker, workers = Worker(anyio.get_current_task().id), self._workers
        slow, queue, limit = self._slow, self._queue, self._limit
        while True:
            workers.wake_pending = False
            now_s = self._now()
            take = self._take if limit.slow or queue.held else queue.take
            has_slot = not self._closed and (limit.in_flight < limit.now or self._rises(now_s))
            taken = take(now_s) if has_slot else None
            if taken is None:
                await workers.wait_for_work(worker.wakeup)
                continue
            job, provider_queue = taken
            if provider_queue is None:  # its deadline passed before its next poll
                job.released_s = now_s
                job.publish(expire(pending_state(job)), None, now_s)
                self._release(job)
                await checkpoint()
                continue
            worker.sent_s, worker.is_ended = now_s, False
            limit.begin(job.due_s, now_s)
            workers.hand_over_timer(queue)
            self._sent[job] = worker
            if slow.operations or job.cancel_request is not None:
                slow.begin(job, worker)
            try:
                if job.cancel_request is None:
                    await self._send_poll(job, provider_queue, worker)
                else:
                    await self._send_cancel(job, job.cancel_request, provider_queue)
            finally:
                provider_queue.in_flight -= 1
                del self._sent[job]
                if worker.is_slow:
                    slow.end(worker)

    def _take(self, now_s: float) -> tuple[Job, ProviderQueue[Job] | None] | None:
        """Remove the next job that may be sent; slow ones are held while their share is full and others wait."""
        queue, slow = self._queue, self._slow
        is_alone = False
        while True:
            if queue.held and (is_alone or not slow.is_full):
                queue.release()
            taken = queue.take(now_s)
            if taken is None:
                is_alone = slow.has_spare
                if queue.held and (is_alone or not slow.is_full):
                    continue  # a job that was released now may wait for a token
                return None
            job, provider_queue = taken
            if provider_queue is None or not slow.must_wait(job, is_alone=is_alone):
                return taken
            queue.hold(job, provider_queue, now_s, slow.operations.get(job, 0.0))

    def _rises(self, now_s: float) -> bool:
        """Whether one more request may be sent although the limit is reached: it rises while jobs wait for answers."""
        next_s = self._queue.next_s()
        if next_s is not None and next_s <= now_s:
            self._limit.adapt(next_s, now_s)
            self._slow.make_room(next_s, now_s)
        return not self._limit.is_reached

    def _next_s(self) -> float | None:
        """Return the due time of the next request, or the next check of the limit while it is reached."""
        if self._closed:
            return None
        return self._limit.recheck_s(self._now()) if self._limit.is_reached else self._queue.next_s()

    async def _send_poll(self, job: Job, provider_queue: ProviderQueue[Job], worker: Worker) -> None:
        """Poll, and advance the job by the outcome."""
        before, since_s, sent_s = pending_state(job), job.answered_s, worker.sent_s
        try:
            outcome = await self._poll(before)
        finally:
            self._limit.end()
        if (worker.is_ended or self._aborted) and isinstance(outcome, RequestFailure):
            self._after_abort(job, before, outcome, since_s)
            return
        if job in self._slow.operations:
            self._slow.on_answer(job, outcome.at_s - sent_s)
        throttle = self._queue.scopes.on_answer(provider_queue, outcome, outcome.at_s, sent_s, job)
        if throttle is not None:
            try:
                self._throttled(provider_queue.scope_queue.statistics(outcome.at_s), throttle)
            except BaseException:  # of a listener
                job.publish(advance(before, outcome), outcome, sent_s)
                raise
        job.publish(advance(before, outcome), outcome, sent_s)
        if type(job.state) is not type(before):
            self._due_times.learn(before, job, outcome, since_s, provider_queue.scope_queue.detection)
        if isinstance(job.state, Pending) and job not in self._withdrawn:
            self.put(job, outcome.at_s)
        else:
            self._release(job)

    def _after_abort(self, job: Job, before: Pending, failure: RequestFailure, since_s: float) -> None:
        """Schedule the poll of an aborted request again. It did not fail, and only a received Retry-After counts."""
        state = postpone(before, failure, since_s)
        job.publish(state, None, failure.at_s)
        if not isinstance(state, Pending) or job in self._withdrawn:
            self._release(job)
            return
        due_s = job.due_s if state is before else since_s + state.next_request.delay.seconds + ROUNDING_S
        if job.cancel_request is not None:
            job.cancel_request.next_poll_s, due_s = due_s, failure.at_s
        self._put(job, due_s)

    async def _send_cancel(self, job: Job, cancel_request: CancelRequest, provider_queue: ProviderQueue[Job]) -> None:
        """Send a cancel request; the job's next poll keeps its due time, unless the answer has a later Retry-After.

        A 429 closes the scope as that of a poll does. The numbers of remaining requests are of writes.
        """
        try:
            cancel_request.outcome = outcome = await self._cancel(cancel_request)
        finally:
            self._limit.end()
        head, throttle = outcome if isinstance(outcome, Answer) else outcome.head, None
        if head is not None and head.status_code == TOO_MANY_REQUESTS:
            throttle = self._queue.scopes.on_answer(provider_queue, head, outcome.at_s, sender=job)
        if throttle is not None:
            self._throttled(provider_queue.scope_queue.statistics(outcome.at_s), throttle)
        job.cancel_request = None
        cancel_request.finished.set()
        before, due_s = pending_state(job), cancel_request.next_poll_s
        state = after_cancel(before, outcome, job.answered_s)
        if state is not before:
            job.publish(state, None, self._now())
        if isinstance(state, Pending) and job not in self._withdrawn:
            if state is not before:
                due_s = max(due_s, job.answered_s + state.next_request.delay.seconds + ROUNDING_S)
            self._put(job, due_s)
        else:
            self._release(job)

    def _put(self, job: Job, due_s: float) -> None:
        if not self._closed:
            self._queue.put(job, due_s)
            self._workers.wake_by(job.due_s)

    def _release(self, job: Job) -> None:
        """Publish a job for the last time; if it has not ended, its tracking ends here."""
        self._withdrawn.discard(job)
        job.released_s = self._now()
        self._slow.operations.pop(job, None)
        if isinstance(job.state, Pending):
            job.publish(job.state, None, self._now())
