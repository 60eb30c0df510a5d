"""A pool of workers that share one timer.

Each worker sends one job after the other while jobs are due. When nothing is due, one worker sleeps until the next due
time; the rest are idle. A worker that takes a job hands the timer over to an idle worker.
"""

from __future__ import annotations

import math
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sized

    from anyio.abc import TaskGroup

    from azpoll.eventloop.wakeup import Wakeup
    from azpoll.schedule.concurrency import ConcurrencyLimit


class WorkerPool:
    """Workers, started on demand: one for the timer, and one for each request in flight.

    A worker polls for all callers. So it runs in the context in which the pool was made. In the context of one caller,
    all of its polls would get the traces and log fields of that caller.

    Args:
        tasks: task group of the workers.
        work: the loop of a worker: clear `wake_pending`, send a due job or `wait_for_work`, repeat.
        next_s: returns the time at which the next job may be sent; None for never.
        limit: counts the requests of all workers.

    Attributes:
        wake_pending: whether a worker was woken and has not yet looked for a job.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        work: Callable[[], Coroutine[object, object, None]],
        next_s: Callable[[], float | None],
        limit: ConcurrencyLimit,
    ) -> None:
        self._tasks = tasks
        self._context = copy_context()
        self._work = work
        self._next_s = next_s
        self._limit = limit
        self._started = 0
        self._idle: list[Wakeup] = []
        self._timer: Wakeup | None = None  # of the worker that sleeps until the next due time
        self._timer_s = -math.inf
        self.wake_pending = False

    def wake_by(self, next_s: float | None) -> None:
        """Wake a worker for the job of `next_s`, unless the timer is earlier or the maximum is in flight."""
        if next_s is None:
            return
        if self._timer is None:
            self._wake_one()
        elif next_s < self._timer_s:
            self._timer.set()

    def hand_over_timer(self, jobs: Sized) -> None:
        """Wake an idle worker for the timer, now that this worker has a job; not if no further job waits."""
        if self._timer is None and len(jobs):
            self._wake_one()

    def _wake_one(self) -> None:
        """Wake or start one worker, unless one is on its way or the maximum of requests is in flight."""
        if self.wake_pending or self._limit.is_at_most:
            return
        if self._idle:
            self._idle.pop().set()
        elif self._started <= self._limit.now:
            self._started += 1
            self._context.run(partial(self._tasks.start_soon, self._work, name="azpoll worker"))
        else:
            return
        self.wake_pending = True

    async def wait_for_work(self, mine: Wakeup) -> None:
        """Sleep until the next due time if no other worker does; otherwise be idle until woken.

        While the concurrency limit is reached, the worker with the timer only rechecks the limit. The first worker that
        gets an answer then takes the next job, or, if none is due, sets the timer to the next due time.
        """
        reached = self._limit.is_reached
        if self._timer is not None or self._limit.is_at_most:
            if self._timer is not None and self._timer_s == -math.inf and not reached:
                self._timer.set()
            self._idle.append(mine)
            await mine.wait()
            return
        self._timer = mine
        try:
            next_s = self._next_s()
            until_s = math.inf if next_s is None else next_s
            self._timer_s = -math.inf if reached else until_s
            await mine.wait(until_s)
        finally:
            self._timer = None
