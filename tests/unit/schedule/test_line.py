"""A line: whose turn it is, and what becomes of jobs that leave it early."""

from __future__ import annotations

import random
import tracemalloc
from itertools import count

import pytest

from azpoll.schedule.fair_queue import FairQueue, Owner


class Job:
    """A job in a line."""

    def __init__(self, name: object, heap_entry: int) -> None:
        self.name = name
        self.heap_entry = heap_entry


class Stand:
    """A line, its owners, and the numbers of their turns."""

    def __init__(self, owners: int) -> None:
        self.line: FairQueue[Job] = FairQueue()
        self.turns = count(1)
        self.entries = count(1)
        self.owners = [Owner(next(self.turns)) for _ in range(owners)]

    def add(self, owner: int, priority_time: float = 0.0) -> Job:
        job = Job(owner, next(self.entries))
        self.line.add(job, priority_time, self.owners[owner])
        return job

    def forget(self, job: Job, owner: int) -> None:
        job.heap_entry = 0
        self.line.forget(self.owners[owner])

    def take(self) -> Job:
        owner, (_, heap_entry, job) = self.line.first()
        assert self.line.take(owner) is job
        assert job.heap_entry == heap_entry
        owner.turn = next(self.turns)
        job.heap_entry = 0
        return job


def test_owners_take_turns_however_many_jobs_each_has() -> None:
    """Of 300 turns, three owners with 1,000, 1,000 and 100 jobs get 100 each."""
    stand = Stand(3)
    for owner, jobs in enumerate((1000, 1000, 100)):
        for _ in range(jobs):
            stand.add(owner)
    assert [stand.take().name for _ in range(300)] == [0, 1, 2] * 100
    assert [stand.take().name for _ in range(4)] == [0, 1, 0, 1]


def test_the_jobs_of_an_owner_leave_in_order() -> None:
    """The least order first, then who came first."""
    stand = Stand(1)
    jobs = [stand.add(0, priority_time) for priority_time in (3.0, 1.0, 2.0, 1.0)]
    assert [stand.take() for _ in range(4)] == [jobs[1], jobs[3], jobs[2], jobs[0]]
    assert stand.line.waiting == 0


def test_an_owner_that_had_a_turn_elsewhere_waits_for_its_next_here() -> None:
    """An owner with jobs in two lines gets one share, not two."""
    stand = Stand(2)
    for owner in (0, 0, 1, 1):
        stand.add(owner)
    stand.owners[0].turn = next(stand.turns)
    assert [stand.take().name for _ in range(4)] == [1, 0, 1, 0]


def test_a_job_that_left_is_passed_over_and_its_owner_has_no_turn() -> None:
    """Whoever has no job left costs no one a turn."""
    stand = Stand(2)
    gone = [stand.add(0) for _ in range(3)]
    kept = stand.add(1)
    for job in gone:
        stand.forget(job, 0)
    assert stand.line.waiting == 1
    assert stand.take() is kept
    back = stand.add(0)
    assert stand.take() is back


@pytest.mark.parametrize("seed", range(10))
def test_any_order_of_arrivals_and_departures_loses_nothing_and_favours_nobody(seed: int) -> None:
    """Each job leaves once; between two turns of an owner with jobs no other owner has two."""
    choice = random.Random(seed)  # noqa: S311 - to be repeated
    stand = Stand(5)
    there: dict[Job, int] = {}
    for _ in range(3000):
        event = choice.random()
        if event < 0.5:
            owner = choice.randrange(5)
            there[stand.add(owner, choice.random())] = owner
        elif event < 0.6 and there:
            job = choice.choice(list(there))
            stand.forget(job, there.pop(job))
        elif there:
            least = min(stand.owners[owner].turn for owner in there.values())
            owner = there.pop(stand.take())
            assert stand.owners[owner].turn > least
        assert stand.line.waiting == len(there)
    while there:
        del there[stand.take()]
    assert stand.line.waiting == 0


def test_arriving_and_leaving_for_ever_does_not_make_a_line_grow() -> None:
    """What hints move to and fro leaves nothing behind, also where nobody takes anything."""
    stand = Stand(1)
    stand.add(0)
    tracemalloc.start()
    try:
        for _ in range(50_000):
            stand.forget(stand.add(0, 1.0), 0)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100_000
