"""The loop that drives every operation: take the next job of the agenda, ask, advance, put it back.

A few workers take one job after the other for as long as any is due. When none is, one of them watches the clock
and the others rest; who takes a job while nobody watches sees to it that somebody does. So one timer serves all jobs,
at most `max_in_flight` requests are under way, and a job either waits in the agenda or is with one worker: never two
requests at once for it (rule 38).

Workers belong to the scheduler, awaiters only wait: a poll under way is not cancelled because somebody
stopped waiting for it (rule 40).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import anyio
import anyio.lowlevel

from azpoll.protocol.answer import Answer
from azpoll.protocol.machine import advance, expire
from azpoll.protocol.states import Pending
from azpoll.schedule.agenda import Agenda
from azpoll.schedule.lanes import statistics_of
from azpoll.transport.clock import loop_clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

    from azpoll.protocol.answer import Unreachable
    from azpoll.protocol.throttle import Throttle
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.job import Errand, Job
    from azpoll.schedule.lane import Place, Rank
    from azpoll.schedule.lanes import ScopeStatistics
    from azpoll.schedule.timing import Timing


class _Flight(NamedTuple):
    """A request under way, and the other jobs that take its answer: those last answered before it was sent.

    What it is answered says nothing of an operation that began later, though on the same resource.
    """

    sent_s: float
    joined: list[Job]


class Scheduler:
    """Drives jobs until each is terminal.

    Args:
        ask: sends what a pending state asks for and returns what came; raises nothing but cancellation.
        post: sends an errand, likewise.
        workers: where the workers run.
        max_in_flight: requests under way at once; few, since an HTTP pool slows with each connection.
        budget: reads of each scope; None without limits.
        timing: says when the next request of a job is due.
        throttled: hears of each 429, and of the rate its scope has now.
    """

    def __init__(
        self,
        ask: Callable[[Pending], Awaitable[Answer | Unreachable]],
        post: Callable[[str], Awaitable[Answer | Unreachable]],
        workers: TaskGroup,
        *,
        max_in_flight: int,
        budget: Budget | None,
        timing: Timing,
        throttled: Callable[[ScopeStatistics, Throttle], object],
    ) -> None:
        self._ask = ask
        self._post = post
        self._tasks = workers
        self._max_in_flight = max_in_flight
        self._timing = timing
        self._throttled = throttled
        self._agenda = Agenda(budget)
        self._flying: dict[str, _Flight] = {}
        self._now = loop_clock()
        self._watch: anyio.Event | None = None
        self._watching_until_s = -math.inf
        self._resting: list[anyio.Event] = []
        self._called = False
        self._workers = 0
        self._busy = 0
        self._idle = anyio.Event()
        self._closed = False

    @property
    def waiting(self) -> int:
        """Jobs that wait for their next request."""
        return len(self._agenda)

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self._busy

    def scopes(self) -> tuple[ScopeStatistics, ...]:
        """Return what was read in each scope so far."""
        return self._agenda.statistics(self._now())

    def put(self, job: Job, at_s: float) -> None:
        """Schedule a pending job's next request, measured from its last answer at `at_s`."""
        assert isinstance(job.state, Pending)  # noqa: S101 - a terminal state asks for nothing (rule 29)
        due_s, job.order_s = self._timing.of(job, job.state, at_s)
        if job.errand is not None:
            job.errand.back_s, due_s = due_s, at_s
        self._put(job, due_s)

    def hurry(self, job: Job) -> None:
        """Send the job's new errand now, or as soon as the request under way for it is answered."""
        if job.entry and job.errand is not None:
            job.errand.back_s = job.due_s
            self._put(job, self._now())

    def rank(self, job: Job, rank: Rank) -> None:
        """Change how soon a job is asked, never before the time its server asked for."""
        self._agenda.rank(job, rank, self._now())
        self._look(self._agenda.next_s())

    def withdraw(self, job: Job) -> None:
        """Send nothing more for a job; what is under way is not waited for."""
        job.withdrawn = True
        self._agenda.withdraw(job)

    async def close(self, grace_s: float) -> None:
        """Send nothing more, and give the requests under way `grace_s` seconds to be answered.

        Cancelled requests can leave an HTTP pool unusable, so they are waited for even in a scope that is
        cancelled.
        """
        self._closed = True
        with anyio.CancelScope(shield=True, deadline=self._now() + grace_s):
            while self._busy:
                self._idle = anyio.Event()
                await self._idle.wait()

    def _put(self, job: Job, due_s: float) -> None:
        if not self._closed:
            self._agenda.put(job, due_s)
            self._look(due_s)

    def _look(self, next_s: float | None) -> None:
        """See to it that somebody takes what there is to take at `next_s`, unless all workers allowed are busy."""
        if next_s is None:
            return
        if self._watch is None:
            self._relieve()
        elif next_s < self._watching_until_s:
            self._watch.set()

    def _relieve(self) -> None:
        """Call a worker to the agenda that has nothing else to do, unless one is on its way."""
        if self._called:
            return
        if self._resting:
            self._resting.pop().set()
        elif self._workers < self._max_in_flight:
            self._workers += 1
            self._tasks.start_soon(self._work, name="azpoll worker")
        else:
            return
        self._called = True

    async def _work(self) -> None:
        while True:
            self._called = False
            now_s = self._now()
            turn = None if self._closed else self._agenda.take(now_s)
            if turn is None:
                await self._pause()
                continue
            self._busy += 1
            if self._watch is None and self._agenda:
                self._relieve()
            job, place = turn
            if place is None:
                self._give_up(job)
                await anyio.lowlevel.checkpoint()
            elif job.errand is None:
                await self._poll(job, place, now_s)
            else:
                await self._run(job, job.errand)

    async def _pause(self) -> None:
        """Wait until there may be a job: one worker watches the clock, the others rest until they are needed."""
        if self._watch is not None:
            resting = anyio.Event()
            self._resting.append(resting)
            await resting.wait()
            return
        self._watch = anyio.Event()
        try:
            next_s = None if self._closed else self._agenda.next_s()
            self._watching_until_s = math.inf if next_s is None else next_s
            with anyio.CancelScope(deadline=self._watching_until_s):
                await self._watch.wait()
        finally:
            self._watch = None

    async def _poll(self, job: Job, place: Place[Job], sent_s: float) -> None:
        before = job.state
        assert isinstance(before, Pending)  # noqa: S101 - as in `put`
        lateness_s = sent_s - job.due_s
        url = before.ask.url
        other = self._flying.get(url)
        if other is not None and job.answered_s < other.sent_s:  # being asked for another job: it does for both
            other.joined.append(job)
            self._answered()
            await anyio.lowlevel.checkpoint()
            return
        flight = self._flying[url] = _Flight(sent_s, [])
        try:
            came = await self._ask(before)
        finally:
            if self._flying.get(url) is flight:
                del self._flying[url]
            self._answered()
        throttle = self._agenda.heard(place, came, came.at_s)
        if throttle is not None:
            self._throttled(statistics_of(place.lane, came.at_s), throttle)
        self._advance(job, came, lateness_s)
        if isinstance(came, Answer) and not isinstance(job.state, Pending):
            self._timing.learn(before.plan, job, came, place.lane.detection)
        for twin in (*flight.joined, *self._agenda.twins_of(job, url, sent_s)):
            self._advance(twin, came, 0.0)

    def _advance(self, job: Job, came: Answer | Unreachable, lateness_s: float) -> None:
        if job.withdrawn or not isinstance(job.state, Pending):
            return
        state = advance(job.state, came)
        job.publish(state, came, lateness_s)
        if isinstance(state, Pending) and not job.withdrawn:
            self.put(job, came.at_s)

    def _give_up(self, job: Job) -> None:
        self._answered()
        assert isinstance(job.state, Pending)  # noqa: S101 - as in `put`
        job.publish(job.state.ask.instead or expire(job.state), None, 0.0)

    async def _run(self, job: Job, errand: Errand) -> None:
        errand.came = await self._post(errand.url)
        self._answered()
        job.errand = None
        errand.finished.set()
        if not job.withdrawn:
            self._put(job, errand.back_s)

    def _answered(self) -> None:
        self._busy -= 1
        if not self._busy:
            self._idle.set()
