"""The loop that drives every operation: take the next job of the agenda, ask, advance, put it back.

A few workers take one job after the other. No more requests are under way than `limit` allows, and a job either waits
in the agenda or is with one worker: never two requests at once for it (rule 38).

Workers belong to the scheduler, awaiters only wait: a poll under way is not cancelled because somebody
stopped waiting for it (rule 40).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.eventloop.clock import checkpoint, loop_clock, set_sniffio_hint
from azpoll.eventloop.wakeup import wakeup
from azpoll.protocol.answer import Answer, RequestFailure
from azpoll.protocol.machine import advance, expire, postpone
from azpoll.protocol.states import Pending
from azpoll.schedule.in_flight import InFlight
from azpoll.schedule.poll_queue import PollQueue
from azpoll.schedule.scope_queue import Priority
from azpoll.schedule.scopes import statistics_of
from azpoll.schedule.worker_pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

    from azpoll.protocol.throttling import Throttle
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.concurrency import ConcurrencyLimit
    from azpoll.schedule.due_time import DueTimes
    from azpoll.schedule.job import CancelRequest, Job
    from azpoll.schedule.scope_queue import ProviderQueue
    from azpoll.schedule.scopes import ScopeStatistics

CUT_S = 1.0
"""How long requests that are ended by the closing of a tracker may take to end."""


class Scheduler:
    """Drives jobs until each is terminal.

    Args:
        ask: sends what a pending state asks for and returns what came; raises nothing but cancellation.
        post: sends an errand, likewise.
        workers: where the workers run.
        limit: how many requests may be under way.
        budget: reads of each scope; None without limits.
        due_times: says when the next request of a job is due.
        throttled: hears of each 429, and of the rate its scope has now.
    """

    def __init__(
        self,
        ask: Callable[[Pending], Awaitable[Answer | RequestFailure]],
        post: Callable[[str], Awaitable[Answer | RequestFailure]],
        workers: TaskGroup,
        *,
        limit: ConcurrencyLimit,
        budget: Budget | None,
        due_times: DueTimes,
        throttled: Callable[[ScopeStatistics, Throttle], object],
    ) -> None:
        self._ask = ask
        self._post = post
        self._due_times = due_times
        self._throttled = throttled
        self._queue = PollQueue(budget)
        self._flying: dict[str, tuple[Job, ...]] = {}  # by URL: other jobs of it whose turn has come meanwhile
        self._now = loop_clock()
        self._in_flight = InFlight(limit)
        self._workers = WorkerPool(workers, self._work, self._next_s, self._in_flight)
        self._closed = False
        self._cut = False

    @property
    def waiting(self) -> int:
        """Jobs that wait for their next request."""
        return len(self._queue)

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self._in_flight.count

    def scopes(self) -> tuple[ScopeStatistics, ...]:
        """Return what was read in each scope so far."""
        return self._queue.statistics(self._now())

    def put(self, job: Job, at_s: float) -> None:
        """Schedule a pending job's next request, measured from its last answer at `at_s`."""
        assert isinstance(job.state, Pending)  # noqa: S101 - a terminal state asks for nothing (rule 29)
        self._schedule(job, job.state, at_s)

    def send_now(self, job: Job) -> None:
        """Send the job's new errand now, or as soon as the request under way for it is answered."""
        if job.heap_entry and job.cancel_request is not None:
            job.cancel_request.back_s = job.due_s
            self._put(job, self._now())

    def priority(self, job: Job, priority: Priority) -> None:
        """Change how soon a job is asked, never before the time its server asked for."""
        self._queue.priority(job, priority, self._now())
        self._workers.look(self._queue.next_s())

    def withdraw(self, job: Job) -> None:
        """Send nothing more for a job; it leaves now, or when the request under way at its URL is answered.

        That answer is the last that is known of it here: it may be its end, or say when it may be asked elsewhere.
        """
        job.withdrawn = True
        if job.polling_url not in self._flying:
            self._queue.withdraw(job)
            self._leave(job)

    async def close(self, grace_s: float, cut: Callable[[], object]) -> None:
        """Send nothing more, and give the requests under way `grace_s` seconds to be answered.

        Cancelled requests can leave an HTTP pool unusable, so they are waited for even in a scope that is
        cancelled. Those that are not answered in time are ended by `cut`, so that what came of an answer is heard.
        """
        self._closed = True
        try:
            await self._in_flight.wait_none(self._now() + grace_s)
        finally:
            if self._in_flight.count:
                self._cut = True
                cut()
                await self._in_flight.wait_none(self._now() + CUT_S)

    def _schedule(self, job: Job, state: Pending, at_s: float) -> None:
        if job.polling_url != state.next_request.url:
            self._queue.polling_url(job, state.next_request.url, at_s)
        due_s, job.priority_time = self._due_times.of(job, state, at_s)
        if job.cancel_request is not None:
            job.cancel_request.back_s, due_s = due_s, at_s
        self._put(job, due_s)

    def _put(self, job: Job, due_s: float) -> None:
        if not self._closed:
            self._queue.put(job, due_s)
            self._workers.look(due_s)

    async def _work(self) -> None:
        set_sniffio_hint()
        mine, workers = wakeup(), self._workers
        while True:
            workers.wake_pending = False
            now_s = self._now()
            job = self._take(now_s)
            if job is None:
                await workers.wait_for_work(mine)
                continue
            if job.provider_queue is None:
                self._give_up(job)
                await checkpoint()
            elif job.polling_url in self._flying:
                self._flying[job.polling_url] += (job,)
                self._in_flight.over()
                await checkpoint()
            elif job.cancel_request is None:
                await self._poll(job, job.provider_queue, now_s)
            else:
                await self._run(job, job.cancel_request)

    def _next_s(self) -> float | None:
        """Return when there may be something to take; while no more may be sent, when that is looked at again."""
        if self._closed:
            return None
        return self._in_flight.look_s(self._now()) if self._in_flight.is_full else self._queue.next_s()

    def _take(self, now_s: float) -> Job | None:
        """Take the next job there is to ask, if one more request may be under way, and count it as one."""
        if self._closed or (self._in_flight.is_full and not self._widens(now_s)):
            return None
        job = self._queue.take(now_s)
        if job is not None:
            self._in_flight.begin(job.due_s, now_s)
            self._workers.hand_over_timer(self._queue)
        return job

    def _widens(self, now_s: float) -> bool:
        """Whether one more may be sent after all, since jobs wait and none of those under way is answered."""
        next_s = self._queue.next_s()
        return next_s is not None and next_s <= now_s and self._in_flight.widens(next_s, now_s)

    async def _poll(self, job: Job, provider_queue: ProviderQueue[Job], sent_s: float) -> None:
        before = job.state
        assert isinstance(before, Pending)  # noqa: S101 - as in `put`
        url = before.next_request.url
        self._flying[url] = ()
        try:
            try:
                outcome = await self._ask(before)
            finally:
                self._in_flight.over()
            self._on_answer(job, before, provider_queue, outcome, sent_s)
        finally:
            del self._flying[url]

    def _on_answer(
        self,
        job: Job,
        before: Pending,
        provider_queue: ProviderQueue[Job],
        outcome: Answer | RequestFailure,
        sent_s: float,
    ) -> None:
        url = before.next_request.url
        throttle = self._queue.on_answer(provider_queue, outcome, outcome.at_s)
        if throttle is not None:
            self._throttled(statistics_of(provider_queue.scope_queue, outcome.at_s), throttle)
        sharers = (*self._flying[url], *self._queue.sharers_of(job, url))
        if self._cut and isinstance(outcome, RequestFailure):  # it did not fail: nobody waited for it any longer
            for each in (job, *sharers):
                self._defer(each, outcome)
            return
        self._advance(job, outcome, sent_s - job.due_s)
        if not isinstance(job.state, Pending) and isinstance(outcome, Answer):
            self._due_times.learn(before.plan, job, outcome, provider_queue.scope_queue.detection)
        for twin in sharers:
            if twin.answered_s < sent_s:  # of one that began later, on the same resource, it says only when to ask
                twin.priority = Priority.NORMAL
                self._advance(twin, outcome, 0.0)
            else:
                self._defer(twin, outcome)

    def _advance(self, job: Job, outcome: Answer | RequestFailure, lateness_s: float) -> None:
        assert isinstance(job.state, Pending)  # noqa: S101 - nobody else ends a job whose request is under way
        job.publish(advance(job.state, outcome), outcome, lateness_s)
        self._put_back(job, outcome.at_s)

    def _defer(self, job: Job, outcome: Answer | RequestFailure) -> None:
        """Let a job wait as long as an answer asks for that came for another, and may be no news of its operation."""
        assert isinstance(job.state, Pending)  # noqa: S101 - as in `_advance`
        later = postpone(job.state, outcome, job.answered_s)
        if later is not job.state:
            job.publish(later, None, 0.0)
        self._put_back(job, job.answered_s)

    def _put_back(self, job: Job, at_s: float) -> None:
        if isinstance(job.state, Pending) and not job.withdrawn:
            self._schedule(job, job.state, at_s)
        else:
            self._leave(job)

    def _leave(self, job: Job) -> None:
        """Ask no more for a job, and say so of one that has not ended: it is no longer tracked."""
        self._queue.leaves(job)
        if isinstance(job.state, Pending):
            job.publish(job.state, None, 0.0)

    def _give_up(self, job: Job) -> None:
        self._in_flight.over()
        assert isinstance(job.state, Pending)  # noqa: S101 - as in `put`
        job.publish(job.state.next_request.instead or expire(job.state), None, 0.0)
        self._leave(job)

    async def _run(self, job: Job, cancel_request: CancelRequest) -> None:
        assert job.polling_url is not None  # noqa: S101 - it waited for its turn
        url = job.polling_url
        self._flying[url] = ()
        try:
            cancel_request.outcome = await self._post(cancel_request.url)
        finally:
            met = self._flying.pop(url)
            self._in_flight.over()
        for twin in (*met, *self._queue.sharers_of(job, url)):
            self._put_back(twin, twin.answered_s)
        job.cancel_request = None
        cancel_request.finished.set()
        if job.withdrawn:
            self._leave(job)
        else:
            self._put(job, cancel_request.back_s)
