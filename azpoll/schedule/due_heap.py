"""A heap by due time, with lazy deletion."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator


class HeapItem(Protocol):
    """An item of a heap.

    Attributes:
        due_s: due time in monotonic seconds.
        heap_entry: number of its valid entry; 0 while no heap holds it.
    """

    due_s: float
    heap_entry: int


ItemT = TypeVar("ItemT", bound=HeapItem)


class DueHeap(Generic[ItemT]):
    """Items by due time; those with the same due time leave in the order of their arrival.

    An item has one valid entry, the one with the number `heap_entry`. Moving or withdrawing it leaves the old entry
    in the heap, which drops it when it surfaces. When more than half of the entries are stale, the heap is rebuilt.

    Args:
        numbers: rising numbers of the entries, shared by all queues that an item moves between.
    """

    __slots__ = ("_heap", "_numbers", "_size")

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._heap: list[tuple[float, int, ItemT]] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, item: ItemT, due_s: float) -> None:
        """Add an item, or move it if it is in the heap."""
        if item.heap_entry:
            self.withdraw(item)
        number = next(self._numbers)
        item.due_s, item.heap_entry = due_s, number
        self._size += 1
        heapq.heappush(self._heap, (due_s, number, item))

    def withdraw(self, item: ItemT) -> None:
        """Remove an item; no effect if it is not in the heap."""
        if item.heap_entry:
            item.heap_entry = 0
            self._size -= 1
            if len(self._heap) > 2 * self._size + 64:
                self._heap = without_stale(self._heap)

    def next_s(self) -> float | None:
        """Return the earliest due time; None for an empty heap."""
        drop_stale(self._heap)
        return self._heap[0][0] if self._heap else None

    def may_be_due(self, now_s: float) -> bool:
        """Whether the first entry is due at `now_s`; it may be stale. False means that no item is due."""
        return bool(self._heap) and self._heap[0][0] <= now_s

    def take(self, now_s: float) -> ItemT | None:
        """Remove and return the earliest item if it is due at `now_s`."""
        heap = self._heap
        while heap and heap[0][0] <= now_s:
            _, number, item = heapq.heappop(heap)
            if item.heap_entry == number:
                item.heap_entry = 0
                self._size -= 1
                return item
        return None


def drop_stale(heap: list[tuple[float, int, ItemT]]) -> None:
    """Remove stale entries until the first entry is valid."""
    while heap and heap[0][2].heap_entry != heap[0][1]:
        heapq.heappop(heap)


def without_stale(heap: list[tuple[float, int, ItemT]]) -> list[tuple[float, int, ItemT]]:
    """Return a heap of the valid entries."""
    valid = [entry for entry in heap if entry[2].heap_entry == entry[1]]
    heapq.heapify(valid)
    return valid
