"""Half of the connections for slow operations, the other half for all others (rule 54).

A service that hangs holds a connection for as long as it likes. No limit for each scope, origin or owner would help: an
attacker can have any number of them. So the limit is the time that one operation can take from the others:

- A request that is in flight for `SLOW_S` while others wait becomes slow. Slow requests hold at most half of the
  connections.
- While that half is full and a request is late, polls that become slow are ended. Each is sent again in the slow half,
  with its whole time limit.
- An operation whose poll was slow or ended waits for a place in the slow half. The one that has taken the least time
  is next. While no other request waits, slow operations may have all places but a quarter; polls beyond their half are
  ended when others wait.

So each operation delays the others by `SLOW_S` at most, divided by half of the connections. With fewer than
`LEAST_CONNECTIONS` no poll is ended: each request waits for those before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.eventloop.wakeup import Wakeup
from azpoll.schedule.concurrency import SLOW_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.schedule.concurrency import ConcurrencyLimit
    from azpoll.schedule.job import Job

LATE_S = 1.0
"""A request in flight is ended only for a request that is late by more than 1 s."""

LEAST_CONNECTIONS = 6
"""With fewer connections for polls, ending slow ones would cost more than it gains."""

VERY_LATE_S = 4.0
"""For a request that is late by more than 4 s, others in flight are slow after half the time."""


class Worker:
    """One worker, and the request that it sends.

    Args:
        task_id: of the worker's task, as in `anyio.TaskInfo`.

    Attributes:
        wakeup: wakes the worker.
        sent_s: when the last request was sent.
        is_slow: whether the request in flight counts as slow.
        is_ended: whether the last request was ended for others.
    """

    __slots__ = ("is_ended", "is_slow", "sent_s", "task_id", "wakeup")

    def __init__(self, task_id: int) -> None:
        self.task_id = task_id
        self.wakeup = Wakeup()
        self.sent_s = 0.0
        self.is_slow = self.is_ended = False


class SlowShare:
    """The share of slow operations in the requests in flight.

    Args:
        limit: counts the requests in flight.
        abort: ends the poll of a task.

    Attributes:
        operations: those that were slow while others waited, and the seconds that their slow requests have taken.
        in_flight: the jobs in flight and their workers, in the order of sending.
    """

    def __init__(self, limit: ConcurrencyLimit, abort: Callable[[int], object]) -> None:
        self.operations: dict[Job, float] = {}
        self.in_flight: dict[Job, Worker] = {}
        self._limit = limit
        self._abort = abort

    @property
    def is_full(self) -> bool:
        """Whether no further poll of a slow operation may be sent while others wait."""
        return self._limit.slow >= self._limit.share

    @property
    def has_spare(self) -> bool:
        """Whether a poll of a slow operation may be sent while no others wait."""
        return self._limit.in_flight < self._limit.total - self._limit.total // 4

    def must_wait(self, job: Job, *, is_alone: bool) -> bool:
        """Whether the next request of a job waits for a place; cancel requests may hold three quarters of them.

        A job that is due alone may take a spare place.
        """
        if job.cancel_request is None:
            return self.is_full and job in self.operations and not (is_alone and self.has_spare)
        return self._limit.slow >= max(self._limit.share, self._limit.total * 3 // 4)

    def begin(self, job: Job, worker: Worker) -> None:
        """Count a request that is sent now: of a slow operation, or a cancel request, which cannot be ended."""
        if job.cancel_request is not None or (job in self.operations and not self.is_full):
            self._count(worker)

    def on_answer(self, job: Job, took_s: float) -> None:
        """Add up the time of a slow operation; each quick answer halves the sum, until the operation is quick again."""
        before_s = self.operations.pop(job)
        sum_s = before_s + took_s if took_s >= SLOW_S else before_s / 2
        if sum_s >= SLOW_S:
            self.operations[job] = sum_s

    def end(self, worker: Worker) -> None:
        """Count out the slow request of a worker."""
        worker.is_slow = False
        self._limit.count_slow(-1)

    def make_room(self, due_s: float, now_s: float) -> None:
        """Count the requests that have become slow, and end those for which there is no place.

        All places are taken, and a request has waited since `due_s`.
        """
        late_s = now_s - due_s
        slow_s = SLOW_S if late_s < VERY_LATE_S else SLOW_S / 2
        for job, worker in self.in_flight.items():
            took_s = now_s - worker.sent_s
            if took_s < slow_s:
                return
            if worker.is_slow or worker.is_ended:
                continue
            self.operations.setdefault(job, took_s)
            if not self.is_full:
                self._count(worker)
            elif late_s > LATE_S and self._limit.total >= LEAST_CONNECTIONS:
                worker.is_ended = True
                self._abort(worker.task_id)

    def _count(self, worker: Worker) -> None:
        worker.is_slow = True
        self._limit.count_slow(1)
