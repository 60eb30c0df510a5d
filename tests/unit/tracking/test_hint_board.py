"""Hints hold the operations that run; operations that have ended do not pile up."""

from __future__ import annotations

import gc
from random import Random
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

from azpoll.schedule.concurrency import ConcurrencyLimit
from azpoll.schedule.due_time import DueTimes
from azpoll.schedule.job import Priority
from azpoll.schedule.scheduler import Scheduler
from azpoll.tracking.hint_board import ResourceHints, ResourceIndex
from azpoll.tracking.record import OperationRecord
from tests.support.jobs import COLLECTION, answer, job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anyio.abc import TaskGroup

    from azpoll.protocol.answer import Answer
    from azpoll.protocol.plan import Plan

MANY = 100


@pytest.fixture(autouse=True)
def _only_new_objects() -> None:
    """Exclude older objects from `gc.get_objects`."""
    gc.collect()
    gc.freeze()


def alive() -> int:
    """Return how many records of this test there are."""
    gc.collect()
    return sum(isinstance(one, OperationRecord) for one in gc.get_objects())


def scheduler_of(tasks: TaskGroup) -> Scheduler:
    """Return a scheduler that is given nothing to send."""

    async def ask(_: object) -> Answer:
        await anyio.lowlevel.checkpoint()
        return answer()

    return Scheduler(
        ask,
        ask,
        lambda _: None,
        tasks,
        limit=ConcurrencyLimit(1, 1, float),
        budget=None,
        due_times=DueTimes(Random(1)),  # noqa: S311 - jitter
        throttled=lambda _scope, _throttle: None,
    )


def no_plan(url: str) -> Plan:
    raise AssertionError(f"{url} is not read here")


async def no_query(url: str, _body: Mapping[str, object]) -> Answer:
    raise AssertionError(f"{url} is not asked here")


def end(record: OperationRecord) -> None:
    """End the tracking of an operation."""
    record.released_s = 0.0
    record.notify()


def add(resources: ResourceIndex, name: object) -> OperationRecord:
    """Return a new operation in the index."""
    record = job(name)
    resources.add(record)
    return record


def test_resources_keep_running_operations_and_drop_ended_ones() -> None:
    """However many there were; also those that were known before hints were given."""
    running = [job(f"running{number}") for number in range(10)]
    resources = ResourceIndex(running[:5])
    for late in running[5:]:
        resources.add(late)
    for number in range(MANY):
        end(add(resources, number % 10))
    assert alive() == len(running)
    for number, kept in enumerate(running):
        assert resources.find(f"{COLLECTION}/running{number}") == [kept]


def test_operations_on_one_resource_are_dropped_one_by_one() -> None:
    resources = ResourceIndex(())
    first, second = add(resources, "a"), add(resources, "a")
    end(first)
    assert resources.find(f"{COLLECTION}/a") == [second]
    end(second)
    assert resources.find(f"{COLLECTION}/a") == []


@pytest.mark.anyio
async def test_covered_operations_are_dropped_after_their_end() -> None:
    resources = ResourceIndex(())
    async with anyio.create_task_group() as tasks:
        board = ResourceHints(resources, scheduler_of(tasks), no_plan, no_query)
        running = add(resources, "running")
        assert board.report_running(f"{COLLECTION}/running") == 1
        covered: list[OperationRecord] = []
        for number in range(MANY):
            covered.append(add(resources, number))
            assert board.report_running(f"{COLLECTION}/{number}") == 1
            end(covered.pop())
        assert alive() == 1
        assert running.priority is Priority.LOW
