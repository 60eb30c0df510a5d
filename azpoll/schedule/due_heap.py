"""The heap of jobs that wait for their next request, earliest first."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator


class Timed(Protocol):
    """A job in the heap.

    Attributes:
        due_s: monotonic time of its next request.
        heap_entry: number of its valid heap entry; 0 while it has none.
    """

    due_s: float
    heap_entry: int


JobT = TypeVar("JobT", bound=Timed)


class DueHeap(Generic[JobT]):
    """Jobs by due time; those due at the same time leave in the order they came.

    A job has one valid entry. Moving or withdrawing it leaves the old entry behind, which is dropped when
    it surfaces; when more than half of the entries are such, the heap is rebuilt without them.

    Args:
        numbers: gives each entry a number above 0 that no other entry of any container has.
    """

    __slots__ = ("_heap", "_numbers", "_size")

    def __init__(self, numbers: Iterator[int]) -> None:
        self._heap: list[tuple[float, int, JobT]] = []
        self._numbers = numbers
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, job: JobT, due_s: float) -> None:
        """Add a job, or move one that is in the heap."""
        if job.heap_entry:
            self.withdraw(job)
        number = next(self._numbers)
        job.due_s, job.heap_entry = due_s, number
        self._size += 1
        heapq.heappush(self._heap, (due_s, number, job))

    def withdraw(self, job: JobT) -> None:
        """Take a job out, if it is in."""
        if job.heap_entry:
            job.heap_entry = 0
            self._size -= 1
            if len(self._heap) > 2 * self._size + 64:
                self._heap = [heap_entry for heap_entry in self._heap if heap_entry[2].heap_entry == heap_entry[1]]
                heapq.heapify(self._heap)

    def next_s(self) -> float | None:
        """Return the earliest due time; None when no job waits."""
        heap = self._heap
        while heap:
            due_s, number, job = heap[0]
            if job.heap_entry == number:
                return due_s
            heapq.heappop(heap)
        return None

    def is_due(self, now_s: float) -> bool:
        """Whether a job may be due at `now_s`; surely not, when this says so."""
        return bool(self._heap) and self._heap[0][0] <= now_s

    def take(self, now_s: float) -> JobT | None:
        """Take out the earliest job if it is due at `now_s`."""
        heap = self._heap
        while heap and heap[0][0] <= now_s:
            _, number, job = heapq.heappop(heap)
            if job.heap_entry == number:
                job.heap_entry = 0
                self._size -= 1
                return job
        return None
