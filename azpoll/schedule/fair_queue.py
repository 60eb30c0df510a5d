"""A line: the due jobs at one place that are equally urgent, whose owners take turns.

Who has waited longest since its last turn is next, so each owner gets the same share of the reads however many
jobs it has. Nothing here looks at all owners or at all jobs: a thousand groups cost no more than one.
"""

from __future__ import annotations

import heapq
from typing import Generic, Protocol, TypeVar


class Entered(Protocol):
    """A job in a line.

    Attributes:
        heap_entry: number of its valid entry, in the heap or in a lane; 0 while it has none.
    """

    heap_entry: int


JobT = TypeVar("JobT", bound=Entered)


class Owner:
    """One of those who share the reads of a scope.

    Attributes:
        turn: number of its last turn, or of its arrival; who has the least is next.
        waiting: its jobs in all lines of the scope.
    """

    __slots__ = ("turn", "waiting")

    def __init__(self, turn: int) -> None:
        self.turn = turn
        self.waiting = 0


class OwnerQueue(Generic[JobT]):
    """The jobs of one owner in a line; as in `DueHeap`, entries that are no longer valid are dropped late.

    Attributes:
        size: jobs in it.
    """

    __slots__ = ("_heap", "size")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, JobT]] = []
        self.size = 0

    def add(self, job: JobT, priority_time: float) -> None:
        """Add a job under its present entry number; the least order is first."""
        heapq.heappush(self._heap, (priority_time, job.heap_entry, job))
        self.size += 1

    def first(self) -> tuple[float, int, JobT]:
        """Return the entry of the first job; there is one."""
        heap = self._heap
        while heap[0][2].heap_entry != heap[0][1]:
            heapq.heappop(heap)
        return heap[0]

    def take(self) -> JobT:
        """Take out the job that `first` has named."""
        self.size -= 1
        return heapq.heappop(self._heap)[2]

    def forget(self) -> None:
        """Note that the entry of one job is no longer valid."""
        self.size -= 1
        if len(self._heap) > 2 * self.size + 64:
            self._heap = [heap_entry for heap_entry in self._heap if heap_entry[2].heap_entry == heap_entry[1]]
            heapq.heapify(self._heap)


class FairQueue(Generic[JobT]):
    """The jobs of all owners.

    Attributes:
        waiting: jobs in it.
    """

    __slots__ = ("_queues", "_turns", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        self._queues: dict[Owner, OwnerQueue[JobT]] = {}
        self._turns: list[tuple[int, Owner]] = []  # turns are numbered once, so owners are never compared

    def add(self, job: JobT, priority_time: float, owner: Owner) -> None:
        """Add a job; among those of its owner the least order is first, then who came first."""
        if owner not in self._queues:
            self._queues[owner] = OwnerQueue()
            heapq.heappush(self._turns, (owner.turn, owner))
        self._queues[owner].add(job, priority_time)
        self.waiting += 1

    def forget(self, owner: Owner) -> None:
        """Note that the entry of a job of this owner is no longer valid."""
        self._queues[owner].forget()
        self._less()

    def first(self) -> tuple[Owner, tuple[float, int, JobT]]:
        """Return whose turn it is, and the entry of its first job; there is one."""
        while True:
            turn, owner = self._turns[0]
            queue = self._queues[owner]
            if not queue.size:
                heapq.heappop(self._turns)
                del self._queues[owner]
            elif turn != owner.turn:  # it has had turns since it was put here, perhaps in another line
                heapq.heapreplace(self._turns, (owner.turn, owner))
            else:
                return owner, queue.first()

    def take(self, owner: Owner) -> JobT:
        """Take out the first job of the owner that `first` named."""
        job = self._queues[owner].take()
        self._less()
        return job

    def _less(self) -> None:
        self.waiting -= 1
        if not self.waiting:  # nobody may look here again for long
            self._queues.clear()
            self._turns.clear()
