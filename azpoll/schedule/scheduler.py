"""The loop that drives every operation: wait for the earliest due, ask, advance, put back.

A few workers take turns. The one whose turn it is waits for the earliest due job; as soon as it has one it
gives the turn away and asks. So one timer serves all jobs, at most `max_in_flight` requests are under way,
and a job is either in the heap or with one worker: never two requests at once for it (rule 38).

Workers belong to the scheduler, awaiters only wait: a poll under way is not cancelled because somebody
stopped waiting for it (rule 40).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import anyio

from azpoll.protocol.machine import advance, expire
from azpoll.protocol.states import Pending
from azpoll.schedule.due import DueHeap

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

    from anyio.abc import TaskGroup

    from azpoll.protocol.answer import Answer, Unreachable
    from azpoll.protocol.states import State

JITTER = 0.1
"""Largest share of a wait of azpoll's own that is added to it; never to one a server asked for (rule 36)."""

ROUNDING_S = 1e-6
"""Added to each wait, so that the rounding of a sum of floats makes no poll early."""


class Errand:
    """A POST to send for a job in place of its next poll, at once and alone: a request to cancel.

    Attributes:
        url: checked as any other target.
        came: what came back; None until then, or when the job ended before it was sent.
        finished: set when it was answered, or will not be sent.
        back_s: when the poll is due that it comes before.
    """

    __slots__ = ("back_s", "came", "finished", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self.came: Answer | Unreachable | None = None
        self.finished = anyio.Event()
        self.back_s = 0.0


class Job(Protocol):
    """What the scheduler drives: an operation.

    Attributes:
        due_s: monotonic time of its next request.
        entry: number of its entry in the heap; 0 while it has none.
        state: changed by the scheduler alone, through `publish`.
        errand: to be sent before the next poll.
        withdrawn: nothing more is sent for it.
    """

    due_s: float
    entry: int
    state: State
    errand: Errand | None
    withdrawn: bool

    def publish(self, state: State, came: Answer | Unreachable | None, lateness_s: float) -> None:
        """Take over a new state, and tell whoever waits for it."""
        ...


JobT = TypeVar("JobT", bound=Job)


class Scheduler(Generic[JobT]):
    """Drives jobs until each is terminal.

    Args:
        ask: sends what a pending state asks for and returns what came; raises nothing but cancellation.
        post: sends an errand, likewise.
        workers: where the workers run.
        max_in_flight: requests under way at once; few, since an HTTP pool slows with each connection.
        random: for jitter.
    """

    def __init__(
        self,
        ask: Callable[[Pending], Awaitable[Answer | Unreachable]],
        post: Callable[[str], Awaitable[Answer | Unreachable]],
        workers: TaskGroup,
        max_in_flight: int,
        random: Random,
    ) -> None:
        self._ask = ask
        self._post = post
        self._tasks = workers
        self._max_in_flight = max_in_flight
        self._random = random
        self._due: DueHeap[JobT] = DueHeap()
        self._turn = anyio.Lock(fast_acquire=True)
        self._nudge = anyio.Event()
        self._sleeping_until_s = -math.inf
        self._workers = 0
        self._busy = 0
        self._idle = anyio.Event()
        self._closed = False

    @property
    def waiting(self) -> int:
        """Jobs that wait for their next request."""
        return len(self._due)

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self._busy

    def put(self, job: JobT, at_s: float) -> None:
        """Schedule a pending job's next request, measured from its last answer at `at_s`."""
        assert isinstance(job.state, Pending)  # noqa: S101 - a terminal state asks for nothing (rule 29)
        wait = job.state.ask.wait
        jitter = 0.0 if wait.by_server else JITTER * self._random.random()
        due_s = at_s + wait.seconds * (1 + jitter) + ROUNDING_S
        if job.errand is not None:
            job.errand.back_s, due_s = due_s, at_s
        self._put(job, due_s)

    def hurry(self, job: JobT) -> None:
        """Send the job's new errand now, or as soon as the request under way for it is answered."""
        if job.entry and job.errand is not None:
            job.errand.back_s = job.due_s
            self._put(job, anyio.current_time())

    def withdraw(self, job: JobT) -> None:
        """Send nothing more for a job; what is under way is not waited for."""
        job.withdrawn = True
        self._due.withdraw(job)

    async def close(self, grace_s: float) -> None:
        """Send nothing more, and give the requests under way `grace_s` seconds to be answered.

        Cancelled requests can leave an HTTP pool unusable, so they are waited for even in a scope that is
        cancelled.
        """
        self._closed = True
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + grace_s):
            while self._busy:
                self._idle = anyio.Event()
                await self._idle.wait()

    def _put(self, job: JobT, due_s: float) -> None:
        if self._closed:
            return
        self._due.put(job, due_s)
        if due_s < self._sleeping_until_s:
            self._nudge.set()
        self._staff()

    def _staff(self) -> None:
        """See to it that somebody watches the heap, unless all workers allowed are busy."""
        if self._workers == self._busy < self._max_in_flight and self._due:
            self._workers += 1
            self._tasks.start_soon(self._work, name="azpoll worker")

    async def _work(self) -> None:
        while True:
            async with self._turn:
                job = await self._earliest()
            self._busy += 1
            self._staff()
            lateness_s = anyio.current_time() - job.due_s
            if job.errand is None:
                await self._poll(job, lateness_s)
            else:
                await self._run(job, job.errand)

    async def _earliest(self) -> JobT:
        """Wait for the earliest due job and take it."""
        while True:
            job = None if self._closed else self._due.take(anyio.current_time())
            if job is not None:
                return job
            next_s = None if self._closed else self._due.next_s()
            self._sleeping_until_s = math.inf if next_s is None else next_s
            self._nudge = anyio.Event()
            with anyio.CancelScope(deadline=self._sleeping_until_s):
                await self._nudge.wait()
            self._sleeping_until_s = -math.inf

    async def _poll(self, job: JobT, lateness_s: float) -> None:
        before = job.state
        assert isinstance(before, Pending)  # noqa: S101 - as in `put`
        came = None if before.ask.expires else await self._ask(before)
        self._answered()
        if job.withdrawn:
            return
        state = expire(before) if came is None else advance(before, came)
        job.publish(state, came, lateness_s)
        if isinstance(state, Pending) and not job.withdrawn and came is not None:
            self.put(job, came.at_s)

    async def _run(self, job: JobT, errand: Errand) -> None:
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
