"""Hints hold the operations that run; operations that have ended do not pile up."""

from __future__ import annotations

import gc
from random import Random
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

from azpoll.protocol.machine import advance
from azpoll.protocol.states import Polling
from azpoll.schedule.concurrency import ConcurrencyLimit
from azpoll.schedule.due_time import DueTimes
from azpoll.schedule.job import Priority
from azpoll.schedule.scheduler import Scheduler
from azpoll.tracking.hint_board import LEAST_KEPT, ResourceHints, ResourceIndex
from azpoll.tracking.record import OperationRecord
from tests.support.jobs import COLLECTION, answer, job

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from azpoll.protocol.answer import Answer
    from azpoll.protocol.plan import Plan

MANY = 3 * LEAST_KEPT


def alive() -> int:
    """Return how many records there are."""
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
        tasks,
        limit=ConcurrencyLimit(1, 1, float),
        budget=None,
        due_times=DueTimes(Random(1)),  # noqa: S311 - jitter
        throttled=lambda _scope, _throttle: None,
    )


def no_plan(url: str) -> Plan:
    raise AssertionError(f"{url} is not read here")


@pytest.mark.slow
def test_resources_keep_running_operations_and_drop_ended_ones() -> None:
    """However many there were; also those that were known before hints were given."""
    before = alive()
    running = [job(f"running{number}") for number in range(10)]
    live = dict.fromkeys(running[:5])
    resources = ResourceIndex(live)
    for record in running[5:]:
        live[record] = None
        resources.add(record)
    for number in range(MANY):
        record = job(number)
        live[record] = None
        resources.add(record)
        record.released = True
        del live[record]
    assert alive() - before <= LEAST_KEPT + 100
    for number, record in enumerate(running):
        assert resources.find(f"{COLLECTION}/running{number}") == [record]


def ended(number: int) -> OperationRecord:
    """Return an operation whose first poll has told that it failed."""
    record = job(number)
    assert isinstance(record.state, Polling)
    record.state = advance(record.state, answer(body=b'{"status":"Failed"}'))
    return record


@pytest.mark.slow
def test_an_ended_operation_is_not_kept() -> None:
    """As a response that tells the end is tracked."""
    before = alive()
    resources = ResourceIndex(())
    for number in range(100):
        resources.add(ended(number))
    assert alive() == before
    assert resources.find(f"{COLLECTION}/1") == []


@pytest.mark.slow
@pytest.mark.anyio
async def test_covered_operations_are_dropped_after_their_end() -> None:
    before = alive()
    live: dict[OperationRecord, None] = {}
    resources = ResourceIndex(live)
    async with anyio.create_task_group() as tasks:
        board = ResourceHints(resources, scheduler_of(tasks), no_plan)
        running = job("running")
        live[running] = None
        resources.add(running)
        assert board.report_running(f"{COLLECTION}/running") == 1
        for number in range(MANY):
            record = job(number)
            live[record] = None
            resources.add(record)
            assert board.report_running(f"{COLLECTION}/{number}") == 1
            record.released = True
            del live[record]
        assert alive() - before <= LEAST_KEPT + 100
        assert running.priority is Priority.LOW
