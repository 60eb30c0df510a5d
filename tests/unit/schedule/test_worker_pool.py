"""`WorkerPool`, driven by a scheduler whose concurrency limit changes."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll.protocol.states import Pending, Succeeded
from azpoll.schedule.concurrency import ConcurrencyLimit
from azpoll.schedule.due_time import DueTimes
from azpoll.schedule.scheduler import Scheduler
from tests.support.jobs import answer, job

if TYPE_CHECKING:
    from azpoll.protocol.answer import Answer
    from azpoll.schedule.job import CancelRequest

pytestmark = pytest.mark.anyio

JOBS, POLLS = 300, 8
TAKES_S = 0.5


class Phases:
    """A process that alternates between phases with and without CPU time left."""

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self.seen_s = anyio.current_time()
        self.used_s = 0.0

    def cpu_s(self) -> float:
        now_s = anyio.current_time()
        if now_s % (2 * self.every_s) >= self.every_s:
            self.used_s += now_s - self.seen_s
        self.seen_s = now_s
        return self.used_s


@pytest.mark.slow
@pytest.mark.parametrize(("least", "most"), [(1, 2), (1, 30), (4, 16)])
@pytest.mark.parametrize("every_s", [2.0, 7.0])
async def test_each_job_is_polled_on_time_while_the_limit_rises_and_falls(
    least: int, most: int, every_s: float
) -> None:
    limit = ConcurrencyLimit(least, most, Phases(every_s).cpu_s)
    left = dict.fromkeys((f"job{number}" for number in range(JOBS)), POLLS)
    jobs = [job(name, retry_after=3) for name in left]
    limits = [limit.now]
    results = 0
    all_ended = anyio.Event()

    async def poll(state: Pending) -> Answer:
        nonlocal results
        limits.append(limit.now)
        assert scheduler.in_flight <= max(limits[-2:])  # the limit may have fallen when this job was taken
        await anyio.sleep(TAKES_S)
        url, now_s = state.next_request.url, anyio.current_time()
        if not url.endswith("/status"):
            results += 1
            if results == JOBS:
                all_ended.set()
            return answer(url=url, at_s=now_s)
        name = url.split("/")[-2]
        left[name] -= 1
        body = b'{"status": "%s"}' % (b"InProgress" if left[name] else b"Succeeded")
        return answer(200, {"retry-after": "3"}, body, url=url, at_s=now_s)

    async def post(request: CancelRequest) -> Answer:
        raise AssertionError(f"no POST to {request.url} was expected")

    async with anyio.create_task_group() as tasks:
        scheduler = Scheduler(
            poll,
            post,
            lambda _: None,
            tasks,
            limit=limit,
            budget=None,
            due_times=DueTimes(Random(1)),  # noqa: S311 - jitter
            throttled=lambda _scope, _throttle: None,
        )
        for each in jobs:
            scheduler.put(each, anyio.current_time())
        with anyio.fail_after(JOBS * (POLLS + 1) * TAKES_S / least + 3 * POLLS):
            await all_ended.wait()
        await anyio.sleep(1)  # until the last answers are processed
        tasks.cancel_scope.cancel()
    assert all(isinstance(each.state, Succeeded) for each in jobs)
    assert set(left.values()) == {0}
    assert min(limits) == least
    assert max(limits) > least
    assert any(after < before for before, after in pairwise(limits))
