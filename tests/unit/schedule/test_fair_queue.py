"""`FairQueue`: turns of owners, and lazy deletion."""

from __future__ import annotations

import random
import tracemalloc
from itertools import count

import pytest

from azpoll.schedule.fair_queue import FairQueue, Turns
from tests.support.jobs import QueuedRequest


class Job(QueuedRequest):
    """A request in a fair queue; its name is its owner."""

    def __init__(self, owner: int, heap_entry: int) -> None:
        super().__init__(owner)
        self.name = owner
        self.heap_entry = self.number = heap_entry


class Queues:
    """Two fair queues of one scope."""

    def __init__(self) -> None:
        turns = Turns()
        self.turns = turns
        self.queue: FairQueue[Job, str] = FairQueue(turns)
        self.other: FairQueue[Job, str] = FairQueue(turns)
        self.entries = count(1)
        self.place = "a provider"

    def add(self, owner: int, priority_time: float = 0.0, queue: FairQueue[Job, str] | None = None) -> Job:
        job = Job(owner, next(self.entries))
        (queue or self.queue).add(job, priority_time, self.place)
        return job

    def forget(self, job: Job, queue: FairQueue[Job, str] | None = None) -> None:
        job.heap_entry = 0
        (queue or self.queue).forget()

    def take(self, queue: FairQueue[Job, str] | None = None) -> Job:
        queue = queue or self.queue
        turn, _, heap_entry = queue.first()
        job, place = queue.take()
        assert place == self.place
        assert job.heap_entry == 0
        assert heap_entry == job.number
        assert self.turns.last.get(job.owner, turn + 1) > turn
        job.heap_entry = 0
        return job


def test_owners_take_turns_however_many_jobs_each_has() -> None:
    """Three owners with 1,000, 1,000 and 100 jobs get 100 of 300 turns each."""
    queues = Queues()
    for owner, jobs in enumerate((1000, 1000, 100)):
        for _ in range(jobs):
            queues.add(owner)
    assert [queues.take().name for _ in range(300)] == [0, 1, 2] * 100
    assert [queues.take().name for _ in range(4)] == [0, 1, 0, 1]


def test_the_jobs_of_an_owner_leave_by_priority_time_then_by_arrival() -> None:
    queues = Queues()
    jobs = [queues.add(0, priority_time) for priority_time in (3.0, 1.0, 2.0, 1.0)]
    assert [queues.take() for _ in range(4)] == [jobs[1], jobs[3], jobs[2], jobs[0]]
    assert queues.queue.waiting == 0


def test_an_owner_with_jobs_in_two_queues_has_one_share() -> None:
    """Its turn in one queue counts in the other."""
    queues = Queues()
    queues.add(0, queue=queues.other)
    for owner in (0, 0, 1, 1):
        queues.add(owner)
    assert queues.take(queues.other).name == 0
    assert [queues.take().name for _ in range(4)] == [1, 0, 1, 0]


def test_an_owner_that_comes_back_to_an_idle_scope_is_last() -> None:
    """The queue keeps no turn of an owner without jobs."""
    queues = Queues()
    queues.add(0)
    queues.add(1)
    assert [queues.take().name for _ in range(2)] == [0, 1]
    assert queues.turns.last == {}
    queues.add(1)
    queues.add(0)
    assert [queues.take().name for _ in range(2)] == [1, 0]


def test_a_withdrawn_job_is_skipped_and_its_owner_gets_no_turn() -> None:
    queues = Queues()
    gone = [queues.add(0) for _ in range(3)]
    kept = queues.add(1)
    for job in gone:
        queues.forget(job)
    assert queues.queue.waiting == 1
    assert queues.take() is kept
    back = queues.add(0)
    assert queues.take() is back


def test_a_queue_that_becomes_empty_keeps_no_stale_entries() -> None:
    """Neither when its last job is taken, nor when it is withdrawn."""
    queues = Queues()
    stale = queues.add(0, 1.0)
    queues.forget(stale)
    assert queues.turns.last == {}
    first, stale = queues.add(0, 1.0), queues.add(1, 2.0)
    queues.forget(stale)
    assert queues.take() is first
    assert queues.turns.last == {}


@pytest.mark.parametrize("seed", range(10))
def test_any_order_of_arrivals_and_departures_loses_no_job_and_favours_no_owner(seed: int) -> None:
    """Each job leaves once. Between two turns of an owner with jobs no other owner has two."""
    choice = random.Random(seed)  # noqa: S311 - reproducible
    queues = Queues()
    there: dict[Job, int] = {}
    for _ in range(3000):
        event = choice.random()
        if event < 0.5:
            owner = choice.randrange(5)
            there[queues.add(owner, choice.random())] = owner
        elif event < 0.6 and there:
            job = choice.choice(list(there))
            del there[job]
            queues.forget(job)
        elif there:
            least = min(queues.turns.last[owner] for owner in there.values())
            owner = there.pop(queues.take())
            assert queues.turns.last.get(owner, least + 1) > least
        assert queues.queue.waiting == len(there)
    while there:
        del there[queues.take()]
    assert queues.queue.waiting == 0


@pytest.mark.parametrize("others", [0, 10])
def test_adding_and_withdrawing_without_end_does_not_make_the_queue_grow(others: int) -> None:
    """Hints move jobs between priorities, also while no job is taken."""
    queues = Queues()
    for owner in range(1 + others):
        queues.add(owner)
    tracemalloc.start()
    try:
        for number in range(50_000):
            queues.forget(queues.add(number % (1 + 2 * others), 1.0))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100_000
    assert len({queues.take().name for _ in range(1 + others)}) == 1 + others
