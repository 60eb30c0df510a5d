"""A queue that is fair between owners: each owner gets the same share, however many requests it has.

The owner whose last turn is longest ago is next. No operation looks at all owners or all requests, so a thousand
owners cost as little per request as one.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

from azpoll.schedule.job import QueuedT

if TYPE_CHECKING:
    from collections.abc import Hashable


PlaceT = TypeVar("PlaceT")


class Turns:
    """The turns of the owners of one scope, which they share over all queues of the scope.

    An owner that leaves all queues and comes back is last.

    Attributes:
        last: number of each owner's last turn, or of its arrival.
        numbers: of the turns and arrivals so far, rising.
    """

    def __init__(self) -> None:
        self.last: dict[Hashable, int] = {}
        self.numbers = count(1)
        self._queues: dict[Hashable, int] = {}

    def join(self, owner: Hashable) -> int:
        """Count in a queue with requests of an owner; return the owner's last turn."""
        if owner not in self.last:
            self.last[owner] = next(self.numbers)
            self._queues[owner] = 0
        self._queues[owner] += 1
        return self.last[owner]

    def leave(self, owner: Hashable) -> None:
        """Count out a queue that has no more requests of an owner."""
        self._queues[owner] -= 1
        if not self._queues[owner]:
            del self._queues[owner], self.last[owner]


class FairQueue(Generic[QueuedT, PlaceT]):
    """The due requests of one or more providers, with equal priority, whose owners take turns.

    Each request is added with its place, the provider, which `take` returns with it.

    As in `DueHeap`, entries are deleted lazily.

    Args:
        turns: of the owners in the scope. Their numbers are unique, so the heap never compares owners.
    """

    def __init__(self, turns: Turns) -> None:
        self.waiting = 0
        self._turns = turns
        self._requests: dict[Hashable, list[tuple[float, int, QueuedT, PlaceT]]] = {}
        self._order: list[tuple[int, Hashable]] = []
        self._stale = 0

    def add(self, job: QueuedT, priority_time: float, place: PlaceT) -> None:
        """Add a request under its entry number; within its owner's turn the least `priority_time` is first."""
        requests = self._requests.get(job.owner)
        if requests is None:
            requests = self._requests[job.owner] = []
            heapq.heappush(self._order, (self._turns.join(job.owner), job.owner))
        heapq.heappush(requests, (priority_time, job.heap_entry, job, place))
        self.waiting += 1

    def forget(self) -> None:
        """Count out a request whose entry is no longer valid."""
        self.waiting -= 1
        self._stale += 1
        if not self.waiting or self._stale > self.waiting + 64:
            self._remove_stale()

    def first(self) -> tuple[int, float, int]:
        """Return turn, priority time and entry number of the first request; the queue is not empty."""
        order, last = self._order, self._turns.last
        while True:
            turn, owner = order[0]
            requests = self._requests[owner]
            while requests and requests[0][2].heap_entry != requests[0][1]:
                heapq.heappop(requests)
            if not requests:
                self._drop_first()
            elif turn != last[owner]:  # the owner has had a turn in another queue of the scope
                heapq.heapreplace(order, (last[owner], owner))
            else:
                return turn, requests[0][0], requests[0][1]

    def take(self) -> tuple[QueuedT, PlaceT]:
        """Remove and return the request that `first` found and its provider, and give its owner the turn."""
        owner = self._order[0][1]
        self._turns.last[owner] = turn = next(self._turns.numbers)
        requests = self._requests[owner]
        _, _, job, place = heapq.heappop(requests)
        job.heap_entry = 0
        if requests:
            heapq.heapreplace(self._order, (turn, owner))
        else:
            self._drop_first()
        self.waiting -= 1
        if not self.waiting and self._stale:
            self._remove_stale()
        return job, place

    def move_to(self, other: FairQueue[QueuedT, PlaceT], place: PlaceT) -> None:
        """Move the requests of one provider to another queue of the scope."""
        moved: list[tuple[float, QueuedT]] = []
        for owner, requests in self._requests.items():
            valid = [entry for entry in requests if entry[2].heap_entry == entry[1]]
            moved += [(entry[0], entry[2]) for entry in valid if entry[3] is place]
            self._requests[owner] = [entry for entry in valid if entry[3] is not place]
            heapq.heapify(self._requests[owner])
        for priority_time, job in moved:
            other.add(job, priority_time, place)
        self.waiting -= len(moved)
        self._remove_stale()

    def _drop_first(self) -> None:
        """Remove the first owner, which has no more requests here."""
        _, owner = heapq.heappop(self._order)
        del self._requests[owner]
        self._turns.leave(owner)

    def _remove_stale(self) -> None:
        """Remove all entries that are no longer valid, and the owners that have no others."""
        self._stale = 0
        for owner, requests in tuple(self._requests.items()):
            valid = self._requests[owner] = [entry for entry in requests if entry[2].heap_entry == entry[1]]
            heapq.heapify(valid)
            if not valid:
                del self._requests[owner]
                self._turns.leave(owner)
        self._order = [(self._turns.last[owner], owner) for owner in self._requests]
        heapq.heapify(self._order)
