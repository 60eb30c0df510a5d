"""Workers that take turns at one clock, so that one timer serves all jobs.

Each takes one job after the other for as long as any is due. When none is, one of them watches the clock and the
others rest; who takes a job while nobody watches sees to it that somebody does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sized

    from anyio.abc import TaskGroup

    from azpoll.eventloop.wakeup import Wakeup
    from azpoll.schedule.in_flight import InFlight


class WorkerPool:
    """Started when they are needed: one to watch, and as many as there may be requests under way.

    Args:
        tasks: where they run.
        work: what each does: clear `wake_pending`, do what is due, `wait_for_work`, and again.
        next_s: says when there may be something to do; None for never.
        in_flight: the requests of all of them.

    Attributes:
        wake_pending: whether one is on its way to see what is due.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        work: Callable[[], Coroutine[object, object, None]],
        next_s: Callable[[], float | None],
        in_flight: InFlight,
    ) -> None:
        self._tasks = tasks
        self._work = work
        self._next_s = next_s
        self._in_flight = in_flight
        self._started = 0
        self._resting: list[Wakeup] = []
        self._watch: Wakeup | None = None
        self._watching_until_s = -math.inf
        self.wake_pending = False

    def look(self, next_s: float | None) -> None:
        """See to it that somebody takes what there is to take at `next_s`, unless all that are allowed are busy."""
        if next_s is None:
            return
        if self._watch is None:
            self._call()
        elif next_s < self._watching_until_s:
            self._watch.set()

    def hand_over_timer(self, jobs: Sized) -> None:
        """Call one to watch in place of the one that has taken a job, if there are more."""
        if self._watch is None and len(jobs):
            self._call()

    def _call(self) -> None:
        """Call one that has nothing else to do to watch, unless one is on its way, or there is no use in it."""
        if self.wake_pending or self._in_flight.is_at_most:
            return
        if self._resting:
            self._resting.pop().set()
        elif self._started <= self._in_flight.limit.now:
            self._started += 1
            self._tasks.start_soon(self._work, name="azpoll worker")
        else:
            return
        self.wake_pending = True

    async def wait_for_work(self, mine: Wakeup) -> None:
        """Wait until there may be something to do: the one that watches until then, the others until they are called.

        Who watches while no more may be sent only looks now and then whether that has changed: who is answered first
        takes the next job, or, if there is none, lets it watch the clock.
        """
        full = self._in_flight.is_full
        if self._watch is not None or self._in_flight.is_at_most:
            if self._watch is not None and self._watching_until_s == -math.inf and not full:
                self._watch.set()
            self._resting.append(mine)
            await mine.wait()
            return
        self._watch = mine
        try:
            next_s = self._next_s()
            until_s = math.inf if next_s is None else next_s
            self._watching_until_s = -math.inf if full else until_s
            await mine.wait(until_s)
        finally:
            self._watch = None
