"""`DueHeap`: requests by due time, with lazy deletion."""

from __future__ import annotations

import random
import tracemalloc
from itertools import count

import pytest

from azpoll.schedule.due_heap import DueHeap
from tests.support.jobs import QueuedRequest


class Job(QueuedRequest):
    """A request with a name."""

    def __init__(self, name: object) -> None:
        super().__init__()
        self.name = name


def heap_of(*due_s: float) -> tuple[DueHeap[Job], list[Job]]:
    heap: DueHeap[Job] = DueHeap(count(1))
    jobs = [Job(name) for name in range(len(due_s))]
    for job, at_s in zip(jobs, due_s, strict=True):
        heap.put(job, at_s)
    return heap, jobs


def taken(heap: DueHeap[Job], now_s: float) -> list[object]:
    names: list[object] = []
    while (job := heap.take(now_s)) is not None:
        assert job.heap_entry == 0
        names.append(job.name)
    return names


def test_an_empty_heap_has_nothing_due() -> None:
    heap, _ = heap_of()
    assert len(heap) == 0
    assert heap.next_s() is None
    assert heap.take(1e9) is None


def test_jobs_leave_by_due_time_and_not_before_it() -> None:
    heap, _ = heap_of(3, 1, 2)
    assert heap.next_s() == 1
    assert taken(heap, 0.999) == []
    assert taken(heap, 2) == [1, 2]
    assert heap.next_s() == 3
    assert taken(heap, 3) == [0]
    assert len(heap) == 0


def test_jobs_with_the_same_due_time_leave_in_the_order_of_arrival() -> None:
    heap, _ = heap_of(*[5.0] * 100)
    assert taken(heap, 5) == list(range(100))


def test_a_job_that_is_put_again_moves() -> None:
    heap, jobs = heap_of(1, 2)
    heap.put(jobs[0], 9)
    assert len(heap) == 2
    assert heap.next_s() == 2
    heap.put(jobs[0], 1.5)
    assert jobs[0].due_s == 1.5
    assert taken(heap, 100) == [0, 1]


def test_a_withdrawn_job_leaves_no_trace() -> None:
    heap, jobs = heap_of(1, 2, 3)
    heap.withdraw(jobs[0])
    heap.withdraw(jobs[0])
    assert (len(heap), heap.next_s()) == (2, 2)
    assert taken(heap, 100) == [1, 2]
    heap.withdraw(jobs[1])
    assert len(heap) == 0
    heap.put(jobs[0], 4)
    assert taken(heap, 4) == [0]


@pytest.mark.parametrize("seed", range(20))
def test_any_order_of_puts_moves_and_withdrawals_leaves_by_due_time(seed: int) -> None:
    choice = random.Random(seed)  # noqa: S311 - reproducible
    heap, jobs = heap_of(*[choice.random() for _ in range(50)])
    there = set(jobs)
    for _ in range(5000):
        job = choice.choice(jobs)
        if choice.random() < 0.3:
            heap.withdraw(job)
            there.discard(job)
        else:
            heap.put(job, choice.random())
            there.add(job)
        assert len(heap) == len(there)
    expected = sorted(there, key=lambda job: (job.due_s, job.heap_entry))
    assert heap.next_s() == expected[0].due_s
    assert taken(heap, 1) == [job.name for job in expected]


def test_moving_jobs_without_end_does_not_make_the_heap_grow() -> None:
    heap, jobs = heap_of(*[1.0] * 100)
    tracemalloc.start()
    try:
        for turn in range(20_000):
            heap.put(jobs[turn % 100], float(turn))
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(heap) == 100
    assert grown < 100_000


def test_the_first_entry_may_be_due_although_it_is_stale() -> None:
    """`may_be_due` is a cheap check: False is certain, True is not."""
    heap, jobs = heap_of(1)
    assert not heap.may_be_due(0.5)
    assert heap.may_be_due(1)
    heap.withdraw(jobs[0])
    assert heap.may_be_due(1)
    assert heap.take(1) is None
    assert not heap.may_be_due(1)


def test_a_stale_entry_does_not_count_as_the_next_due_time() -> None:
    heap, jobs = heap_of(1, 2)
    heap.withdraw(jobs[0])
    assert heap.next_s() == 2
