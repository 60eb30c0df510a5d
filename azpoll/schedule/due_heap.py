"""A heap of requests by due time, with lazy deletion."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic

from azpoll.schedule.job import QueuedT

if TYPE_CHECKING:
    from collections.abc import Iterator


class DueHeap(Generic[QueuedT]):
    """Requests by due time; those with the same due time leave in the order of their arrival.

    A request has one valid entry, the one with the number `heap_entry`. Moving or withdrawing it leaves the old entry
    in the heap, which drops it when it surfaces. When more than half of the entries are stale, the heap is rebuilt.

    Args:
        numbers: yields the entry numbers, which start at 1 and are unique among all queues of a scheduler.
    """

    __slots__ = ("_heap", "_numbers", "_size")

    def __init__(self, numbers: Iterator[int]) -> None:
        self._heap: list[tuple[float, int, QueuedT]] = []
        self._numbers = numbers
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, job: QueuedT, due_s: float) -> None:
        """Add a request, or move it if it is in the heap."""
        if job.heap_entry:
            self.withdraw(job)
        number = next(self._numbers)
        job.due_s, job.heap_entry = due_s, number
        self._size += 1
        heapq.heappush(self._heap, (due_s, number, job))

    def withdraw(self, job: QueuedT) -> None:
        """Remove a request; no effect if it is not in the heap."""
        if job.heap_entry:
            job.heap_entry = 0
            self._size -= 1
            if len(self._heap) > 2 * self._size + 64:
                self._heap = without_stale(self._heap)

    def next_s(self) -> float | None:
        """Return the earliest due time; None for an empty heap."""
        heap = self._heap
        while heap:
            due_s, number, job = heap[0]
            if job.heap_entry == number:
                return due_s
            heapq.heappop(heap)
        return None

    def may_be_due(self, now_s: float) -> bool:
        """Whether the first entry is due at `now_s`; it may be stale. False means that no request is due."""
        return bool(self._heap) and self._heap[0][0] <= now_s

    def take(self, now_s: float) -> QueuedT | None:
        """Remove and return the earliest request if it is due at `now_s`."""
        heap = self._heap
        while heap and heap[0][0] <= now_s:
            _, number, job = heapq.heappop(heap)
            if job.heap_entry == number:
                job.heap_entry = 0
                self._size -= 1
                return job
        return None


def without_stale(heap: list[tuple[float, int, QueuedT]]) -> list[tuple[float, int, QueuedT]]:
    """Return a heap of the valid entries."""
    valid = [entry for entry in heap if entry[2].heap_entry == entry[1]]
    heapq.heapify(valid)
    return valid
