"""`SlowShare`, driven by a scheduler: slow operations hold half of the connections, and lose nothing (rule 54)."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.protocol.states import Polling, Succeeded, Unknown
from azpoll.schedule.budget import Budget
from azpoll.schedule.concurrency import SLOW_S, ConcurrencyLimit
from azpoll.schedule.due_time import DueTimes
from azpoll.schedule.job import CancelRequest, Priority, pending_state
from azpoll.schedule.scheduler import Scheduler
from azpoll.schedule.slow_share import SlowShare
from tests.support.jobs import COLLECTION, answer, job

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from azpoll.protocol.answer import Answer
    from azpoll.protocol.states import Pending
    from azpoll.tracking.record import OperationRecord

pytestmark = pytest.mark.anyio

HANGS_S = 30.0


class Service:
    """A service whose answers take a time for each operation, by the first letter of its name.

    Attributes:
        takes_s: seconds between a request and its answer.
        sent: the names of the requests, in the order of sending, with their times.
        answered: the number of answers by name.
        most: the highest number of concurrent requests of operations whose name begins with "s".
        begun: the headers that precede a body which is not received before the request is ended.
    """

    def __init__(self, **takes_s: float) -> None:
        self.takes_s = takes_s
        self.sent: list[tuple[float, str]] = []
        self.answered: Counter[str] = Counter()
        self.most = self._slow = 0
        self.begun: dict[str, str] | None = None
        self._in_flight: dict[int, anyio.CancelScope] = {}

    async def poll(self, state: Pending) -> Answer | RequestFailure:
        name = state.next_request.url.removesuffix("/status").rpartition("/")[2]
        self.sent.append((anyio.current_time(), name))
        is_slow = name[0] == "s"
        self._slow += is_slow
        self.most = max(self.most, self._slow)
        task_id = anyio.get_current_task().id
        with anyio.CancelScope() as self._in_flight[task_id]:
            await anyio.sleep(self.takes_s[name[0]])
        self._slow -= is_slow
        if self._in_flight.pop(task_id).cancelled_caught:
            head = None if self.begun is None else answer(200, self.begun, url=state.next_request.url)
            return RequestFailure(FailureKind.TIMEOUT, "aborted", anyio.current_time(), head=head)
        self.answered[name] += 1
        body = b'{"status": "Running"}'
        return answer(200, {"retry-after": "10"}, body, url=state.next_request.url, at_s=anyio.current_time())

    def abort(self, task_id: int | None) -> None:
        if task_id is not None:
            self._in_flight[task_id].cancel()

    async def post(self, request: CancelRequest) -> Answer:
        self.sent.append((anyio.current_time(), "cancel"))
        await anyio.sleep(self.takes_s.get("cancel", 0.0))
        return answer(202, {}, url=request.url, at_s=anyio.current_time())

    def times_of(self, name: str) -> list[float]:
        return [at_s for at_s, each in self.sent if each == name]


@asynccontextmanager
async def scheduler_of(
    service: Service, jobs: list[OperationRecord], total: int, budget: Budget | None = None
) -> AsyncGenerator[Scheduler]:
    async with anyio.create_task_group() as tasks:
        scheduler = Scheduler(
            service.poll,
            service.post,
            service.abort,
            tasks,
            limit=ConcurrencyLimit(total, total, lambda: 0.0, total),
            budget=budget,
            due_times=DueTimes(Random(1)),  # noqa: S311 - jitter
            throttled=lambda _scope, _throttle: None,
        )
        for each in jobs:
            scheduler.put(each, 0.0)
        yield scheduler
        tasks.cancel_scope.cancel()


def slow_jobs(count: int, **options: float) -> list[OperationRecord]:
    return [job(f"s{number}", retry_after=10, **options) for number in range(count)]


async def test_rule_54_slow_operations_hold_half_of_the_connections_while_others_wait() -> None:
    """Once they are known, no quick poll waits."""
    service, quick = Service(s=HANGS_S, q=0.1), job("q", retry_after=10)
    async with scheduler_of(service, [*slow_jobs(40), quick], 8) as scheduler:
        await anyio.sleep(60)
        service.most = 0
        late_s: list[float] = []
        for _ in range(20):
            due_s = quick.due_s
            await anyio.sleep(10.2)
            late_s.append(next(at_s for at_s in service.times_of("q") if at_s >= due_s) - due_s)
        assert service.most <= 4 + 4
        assert max(late_s) == pytest.approx(0, abs=0.01)
        assert scheduler.waiting >= 32


async def test_rule_54_slow_operations_take_turns_and_each_gets_its_answers() -> None:
    """An operation whose poll was ended waits its turn, and its next poll has all the time that it needs."""
    service = Service(s=HANGS_S)
    jobs = slow_jobs(16)
    async with scheduler_of(service, jobs, 8):
        await anyio.sleep(10 * HANGS_S)
    assert min(service.answered[f"s{number}"] for number in range(16)) >= 2
    assert all(isinstance(each.state, Polling) and not each.state.failure_counts.failures for each in jobs)
    assert all(each.polls == service.answered[each.label or ""] for each in jobs)


async def test_rule_54_a_slow_poll_is_ended_only_while_another_waits() -> None:
    service = Service(s=HANGS_S)
    async with scheduler_of(service, slow_jobs(8), 8):
        await anyio.sleep(10 + HANGS_S + 0.1)
    assert len(service.sent) == 8
    assert service.answered.total() == 8


async def test_rule_54_one_slow_answer_does_not_make_an_operation_slow_for_long() -> None:
    service, mixed = Service(s=HANGS_S, m=0.6, q=0.1), job("m", retry_after=10)
    async with scheduler_of(service, [*slow_jobs(20), mixed], 8):
        await anyio.sleep(100)
        service.takes_s["m"] = 0.1
        await anyio.sleep(100)
        times = [at_s for at_s in service.times_of("m") if at_s > 140]
    assert len(times) >= 5
    assert max(after - before for before, after in pairwise(times)) < 12


async def test_rule_54_an_operation_is_quick_again_after_a_quick_answer() -> None:
    share, mixed = SlowShare(ConcurrencyLimit(1, 8, lambda: 0.0), lambda _: None), job("m")
    share.operations[mixed] = SLOW_S
    share.on_answer(mixed, SLOW_S)
    assert share.operations == {mixed: 2 * SLOW_S}
    share.on_answer(mixed, 0.1)
    assert mixed in share.operations
    share.on_answer(mixed, 0.1)
    assert share.operations == {}


@pytest.mark.parametrize("total", [1, 2, 3, 6])
async def test_rule_54_few_connections_lose_no_operation(total: int) -> None:
    """With a single connection each request waits for the one before it."""
    service, quick = Service(s=HANGS_S, q=0.1), job("q", retry_after=10)
    async with scheduler_of(service, [*slow_jobs(6), quick], total):
        await anyio.sleep(20 * HANGS_S)
    assert min(service.answered[f"s{number}"] for number in range(6)) >= 2
    assert service.answered["q"] >= 2


async def test_a_held_job_can_be_withdrawn() -> None:
    service, jobs = Service(s=HANGS_S), slow_jobs(24)
    async with scheduler_of(service, jobs, 8) as scheduler:
        await anyio.sleep(25)
        for each in jobs:
            scheduler.withdraw(each)
        assert scheduler.waiting == 0
        await anyio.sleep(2 * HANGS_S)
        assert all(each.ended for each in jobs)
        sent = len(service.sent)
        await anyio.sleep(10 * HANGS_S)
        assert len(service.sent) == sent
        assert scheduler.in_flight == 0


async def test_a_held_job_ends_at_its_deadline() -> None:
    """It may wait one second longer, as for a read (rule 38)."""
    service, jobs = Service(s=HANGS_S), slow_jobs(40, deadline_s=45.0)
    async with scheduler_of(service, jobs, 8):
        await anyio.sleep(47)
        ended = [each for each in jobs if isinstance(each.state, Unknown)]
    assert len(ended) >= 32


async def test_a_cancel_request_of_a_held_job_is_sent() -> None:
    """Cancel requests are never ended, since they may have been executed."""
    service, jobs = Service(s=HANGS_S, cancel=20.0), slow_jobs(40)
    async with scheduler_of(service, jobs, 8) as scheduler:
        await anyio.sleep(39)
        held = [each for each in jobs if each.heap_entry][-1]
        request = held.cancel_request = CancelRequest(f"{COLLECTION}/s/cancel")
        scheduler.send_now(held)
        scheduler.set_priority(held, Priority.HIGH)
        await anyio.sleep(25)
        assert request.finished.is_set()
        assert request.outcome is not None
    [sent_s] = service.times_of("cancel")
    assert sent_s == pytest.approx(39, abs=2)


async def test_many_cancel_requests_that_hang_leave_a_quarter_of_the_connections() -> None:
    service, quick = Service(s=0.1, q=0.1, cancel=100.0), job("q", retry_after=10)
    jobs = slow_jobs(40)
    async with scheduler_of(service, [*jobs, quick], 8) as scheduler:
        for each in jobs:
            each.cancel_request = CancelRequest(f"{COLLECTION}/s/cancel")
            scheduler.send_now(each)
        await anyio.sleep(300)
        assert len(service.times_of("cancel")) >= 12
    assert len(service.times_of("q")) >= 15


async def test_a_job_that_is_withdrawn_while_its_poll_is_ended_is_released() -> None:
    service, jobs = Service(s=HANGS_S), slow_jobs(20)
    async with scheduler_of(service, jobs, 8) as scheduler:
        await anyio.sleep(10.6)
        for each in jobs:
            scheduler.withdraw(each)
        await anyio.sleep(2 * HANGS_S)
        assert all(each.ended for each in jobs)
        assert scheduler.in_flight == scheduler.waiting == 0


async def test_no_poll_comes_before_the_retry_after_that_an_ended_one_began_with() -> None:
    """The head of its answer was received, so the next poll waits as the service asked."""
    service = Service(s=HANGS_S)
    service.begun = {"retry-after": "100"}
    jobs = slow_jobs(24)
    async with scheduler_of(service, jobs, 8):
        await anyio.sleep(100)
    ended = [each for each in jobs if pending_state(each).next_request.delay.seconds > 100]
    assert len(ended) >= 12
    for each in ended:
        assert len(service.times_of(each.label or "")) == 1
        assert each.due_s > 110
        assert each.polls == 0


async def test_held_jobs_take_no_reads_of_the_budget() -> None:
    """Their tokens are given back, and the statistics count each request once."""
    service = Service(s=HANGS_S)
    jobs = slow_jobs(40)
    async with scheduler_of(service, jobs, 8, Budget(burst=1000)) as scheduler:
        await anyio.sleep(200)
        [scope] = scheduler.scopes()
    assert scope.reads == len(service.sent)


async def test_an_operation_that_ended_is_forgotten() -> None:
    """A terminal answer that arrives late counts like any other."""
    service, jobs = Service(s=HANGS_S), slow_jobs(24)

    async def poll(state: Pending) -> Answer | RequestFailure:
        running = await service.poll(state)
        if isinstance(running, RequestFailure):
            return running
        return running._replace(body=b'{"status": "Succeeded"}', headers={})

    async with anyio.create_task_group() as tasks:
        scheduler = Scheduler(
            poll,
            service.post,
            service.abort,
            tasks,
            limit=ConcurrencyLimit(8, 8, lambda: 0.0),
            budget=None,
            due_times=DueTimes(Random(1)),  # noqa: S311 - jitter
            throttled=lambda _scope, _throttle: None,
        )
        for each in jobs:
            scheduler.put(each, 0.0)
        await anyio.sleep(30 * HANGS_S)
        assert scheduler.in_flight == scheduler.waiting == 0
        tasks.cancel_scope.cancel()
    assert all(isinstance(each.state, Succeeded) for each in jobs)
