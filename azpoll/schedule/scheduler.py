"""The loop that drives every operation: take the next job of the agenda, ask, advance, put it back.

A few workers take one job after the other. No more requests are under way than `width` allows, and a job either waits
in the agenda or is with one worker: never two requests at once for it (rule 38).

Workers belong to the scheduler, awaiters only wait: a poll under way is not cancelled because somebody
stopped waiting for it (rule 40).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.protocol.answer import Answer, Unreachable
from azpoll.protocol.machine import advance, expire, postpone
from azpoll.protocol.states import Pending
from azpoll.schedule.agenda import Agenda
from azpoll.schedule.lane import Rank
from azpoll.schedule.lanes import statistics_of
from azpoll.schedule.underway import UnderWay
from azpoll.schedule.workers import Workers
from azpoll.transport.alarm import alarm
from azpoll.transport.clock import checkpoint, loop_clock, name_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

    from azpoll.protocol.throttle import Throttle
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.job import Errand, Job
    from azpoll.schedule.lane import Place
    from azpoll.schedule.lanes import ScopeStatistics
    from azpoll.schedule.timing import Timing
    from azpoll.schedule.width import Width

CUT_S = 1.0
"""How long requests that are ended by the closing of a tracker may take to end."""


class Scheduler:
    """Drives jobs until each is terminal.

    Args:
        ask: sends what a pending state asks for and returns what came; raises nothing but cancellation.
        post: sends an errand, likewise.
        workers: where the workers run.
        width: how many requests may be under way.
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
        width: Width,
        budget: Budget | None,
        timing: Timing,
        throttled: Callable[[ScopeStatistics, Throttle], object],
    ) -> None:
        self._ask = ask
        self._post = post
        self._timing = timing
        self._throttled = throttled
        self._agenda = Agenda(budget)
        self._flying: dict[str, tuple[Job, ...]] = {}  # by URL: other jobs of it whose turn has come meanwhile
        self._now = loop_clock()
        self._under_way = UnderWay(width)
        self._workers = Workers(workers, self._work, self._next_s, self._under_way)
        self._closed = False
        self._cut = False

    @property
    def waiting(self) -> int:
        """Jobs that wait for their next request."""
        return len(self._agenda)

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self._under_way.count

    def scopes(self) -> tuple[ScopeStatistics, ...]:
        """Return what was read in each scope so far."""
        return self._agenda.statistics(self._now())

    def put(self, job: Job, at_s: float) -> None:
        """Schedule a pending job's next request, measured from its last answer at `at_s`."""
        assert isinstance(job.state, Pending)  # noqa: S101 - a terminal state asks for nothing (rule 29)
        self._schedule(job, job.state, at_s)

    def hurry(self, job: Job) -> None:
        """Send the job's new errand now, or as soon as the request under way for it is answered."""
        if job.entry and job.errand is not None:
            job.errand.back_s = job.due_s
            self._put(job, self._now())

    def rank(self, job: Job, rank: Rank) -> None:
        """Change how soon a job is asked, never before the time its server asked for."""
        self._agenda.rank(job, rank, self._now())
        self._workers.look(self._agenda.next_s())

    def withdraw(self, job: Job) -> None:
        """Send nothing more for a job; it leaves now, or when the request under way at its URL is answered.

        That answer is the last that is known of it here: it may be its end, or say when it may be asked elsewhere.
        """
        job.withdrawn = True
        if job.asks not in self._flying:
            self._agenda.withdraw(job)
            self._leave(job)

    async def close(self, grace_s: float, cut: Callable[[], object]) -> None:
        """Send nothing more, and give the requests under way `grace_s` seconds to be answered.

        Cancelled requests can leave an HTTP pool unusable, so they are waited for even in a scope that is
        cancelled. Those that are not answered in time are ended by `cut`, so that what came of an answer is heard.
        """
        self._closed = True
        try:
            await self._under_way.wait_none(self._now() + grace_s)
        finally:
            if self._under_way.count:
                self._cut = True
                cut()
                await self._under_way.wait_none(self._now() + CUT_S)

    def _schedule(self, job: Job, state: Pending, at_s: float) -> None:
        if job.asks != state.ask.url:
            self._agenda.asks(job, state.ask.url, at_s)
        due_s, job.order_s = self._timing.of(job, state, at_s)
        if job.errand is not None:
            job.errand.back_s, due_s = due_s, at_s
        self._put(job, due_s)

    def _put(self, job: Job, due_s: float) -> None:
        if not self._closed:
            self._agenda.put(job, due_s)
            self._workers.look(due_s)

    async def _work(self) -> None:
        name_loop()
        mine, workers = alarm(), self._workers
        while True:
            workers.called = False
            now_s = self._now()
            job = self._take(now_s)
            if job is None:
                await workers.pause(mine)
                continue
            if job.place is None:
                self._give_up(job)
                await checkpoint()
            elif job.asks in self._flying:
                self._flying[job.asks] += (job,)
                self._under_way.over()
                await checkpoint()
            elif job.errand is None:
                await self._poll(job, job.place, now_s)
            else:
                await self._run(job, job.errand)

    def _next_s(self) -> float | None:
        """Return when there may be something to take; while no more may be sent, when that is looked at again."""
        if self._closed:
            return None
        return self._under_way.look_s(self._now()) if self._under_way.is_full else self._agenda.next_s()

    def _take(self, now_s: float) -> Job | None:
        """Take the next job there is to ask, if one more request may be under way, and count it as one."""
        if self._closed or (self._under_way.is_full and not self._widens(now_s)):
            return None
        job = self._agenda.take(now_s)
        if job is not None:
            self._under_way.begin(job.due_s, now_s)
            self._workers.relieve(self._agenda)
        return job

    def _widens(self, now_s: float) -> bool:
        """Whether one more may be sent after all, since jobs wait and none of those under way is answered."""
        next_s = self._agenda.next_s()
        return next_s is not None and next_s <= now_s and self._under_way.widens(next_s, now_s)

    async def _poll(self, job: Job, place: Place[Job], sent_s: float) -> None:
        before = job.state
        assert isinstance(before, Pending)  # noqa: S101 - as in `put`
        url = before.ask.url
        self._flying[url] = ()
        try:
            try:
                came = await self._ask(before)
            finally:
                self._under_way.over()
            self._heard(job, before, place, came, sent_s)
        finally:
            del self._flying[url]

    def _heard(self, job: Job, before: Pending, place: Place[Job], came: Answer | Unreachable, sent_s: float) -> None:
        url = before.ask.url
        throttle = self._agenda.heard(place, came, came.at_s)
        if throttle is not None:
            self._throttled(statistics_of(place.lane, came.at_s), throttle)
        twins = (*self._flying[url], *self._agenda.twins_of(job, url))
        if self._cut and isinstance(came, Unreachable):  # it did not fail: nobody waited for it any longer
            for each in (job, *twins):
                self._defer(each, came)
            return
        self._advance(job, came, sent_s - job.due_s)
        if not isinstance(job.state, Pending) and isinstance(came, Answer):
            self._timing.learn(before.plan, job, came, place.lane.detection)
        for twin in twins:
            if twin.answered_s < sent_s:  # of one that began later, on the same resource, it says only when to ask
                twin.rank = Rank.PLAIN
                self._advance(twin, came, 0.0)
            else:
                self._defer(twin, came)

    def _advance(self, job: Job, came: Answer | Unreachable, lateness_s: float) -> None:
        assert isinstance(job.state, Pending)  # noqa: S101 - nobody else ends a job whose request is under way
        job.publish(advance(job.state, came), came, lateness_s)
        self._put_back(job, came.at_s)

    def _defer(self, job: Job, came: Answer | Unreachable) -> None:
        """Let a job wait as long as an answer asks for that came for another, and may be no news of its operation."""
        assert isinstance(job.state, Pending)  # noqa: S101 - as in `_advance`
        later = postpone(job.state, came, job.answered_s)
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
        self._agenda.leaves(job)
        if isinstance(job.state, Pending):
            job.publish(job.state, None, 0.0)

    def _give_up(self, job: Job) -> None:
        self._under_way.over()
        assert isinstance(job.state, Pending)  # noqa: S101 - as in `put`
        job.publish(job.state.ask.instead or expire(job.state), None, 0.0)
        self._leave(job)

    async def _run(self, job: Job, errand: Errand) -> None:
        assert job.asks is not None  # noqa: S101 - it waited for its turn
        url = job.asks
        self._flying[url] = ()
        try:
            errand.came = await self._post(errand.url)
        finally:
            met = self._flying.pop(url)
            self._under_way.over()
        for twin in (*met, *self._agenda.twins_of(job, url)):
            self._put_back(twin, twin.answered_s)
        job.errand = None
        errand.finished.set()
        if job.withdrawn:
            self._leave(job)
        else:
            self._put(job, errand.back_s)
