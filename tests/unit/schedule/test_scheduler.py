"""`Scheduler`, driven directly: cancel requests, hints, withdrawal, expiry and closing."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

import anyio
import pytest

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.delay import Delay
from azpoll.protocol.states import Failed, Polling, Unknown
from azpoll.schedule.budget import Budget
from azpoll.schedule.concurrency import ConcurrencyLimit
from azpoll.schedule.due_time import DueTimes
from azpoll.schedule.job import CancelRequest, Priority, pending_state
from azpoll.schedule.scheduler import Scheduler
from tests.support.jobs import COLLECTION, answer, job

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from azpoll.protocol.states import Pending
    from azpoll.protocol.throttling import Throttle
    from azpoll.schedule.scope_queue import ScopeStatistics
    from azpoll.tracking.record import OperationRecord

pytestmark = pytest.mark.anyio

CANCEL = f"{COLLECTION}/a/cancel"
RUNNING = b'{"status":"Running"}'
ENDED = b'{"status":"Failed"}'


class Service:
    """A service that is called by a scheduler.

    Attributes:
        sent: time and last part of the path of each request.
        takes_s: seconds between a request and its answer.
        answers: the answers to the next polls; without one the operation runs.
        cancel_headers: the headers of answers to cancel requests.
        cancel_status: their status code.
        cancel_body: their body.
        throttled: the scopes of all 429s.
        released: the jobs whose last change of state was published, with its time.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[float, str]] = []
        self.takes_s = 0.0
        self.answers: list[Answer] = []
        self.cancel_headers: dict[str, str] = {}
        self.cancel_status = 202
        self.cancel_body = b""
        self.throttled: list[str] = []
        self.aborted = anyio.Event()

    async def poll(self, state: Pending) -> Answer | RequestFailure:
        await self._receive(state.next_request.url.split("/")[-2])
        if self.aborted.is_set():
            head = answer(200, {"retry-after": "100"}, at_s=anyio.current_time())
            return RequestFailure(FailureKind.TIMEOUT, "aborted", anyio.current_time(), head=head)
        said = self.answers.pop(0) if self.answers else answer(200, {"retry-after": "10"}, RUNNING)
        return said._replace(at_s=anyio.current_time())

    async def post(self, request: CancelRequest) -> Answer | RequestFailure:
        await self._receive(request.url.rpartition("/")[2])
        status = self.cancel_status
        return answer(status, self.cancel_headers, self.cancel_body, url=request.url, at_s=anyio.current_time())

    def abort(self, task_id: int | None) -> None:
        assert task_id is None
        self.aborted.set()

    def on_throttle(self, scope: ScopeStatistics, throttle: Throttle) -> None:
        self.throttled.append(scope.scope)
        del throttle

    async def _receive(self, name: str) -> None:
        self.sent.append((round(anyio.current_time(), 3), name))
        with anyio.move_on_after(self.takes_s):
            await self.aborted.wait()


@asynccontextmanager
async def scheduler_of(service: Service, *jobs: OperationRecord, most: int = 2) -> AsyncGenerator[Scheduler]:
    async with anyio.create_task_group() as tasks:
        scheduler = Scheduler(
            service.poll,
            service.post,
            service.abort,
            tasks,
            limit=ConcurrencyLimit(1, most, lambda: 0.0),
            budget=Budget(),
            due_times=DueTimes(Random(1)),  # noqa: S311 - jitter
            throttled=service.on_throttle,
        )
        for each in jobs:
            scheduler.put(each, 0.0)
        yield scheduler
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def hanging_poll() -> AsyncGenerator[tuple[Service, OperationRecord, Scheduler]]:
    """Run a scheduler until 11 s, 1 s after a poll that is never answered."""
    service, polled = Service(), job(retry_after=10)
    service.takes_s = math.inf
    async with scheduler_of(service, polled) as scheduler:
        await anyio.sleep(11)
        yield service, polled, scheduler


async def test_a_cancel_request_is_sent_immediately_and_the_poll_keeps_its_due_time() -> None:
    service, waiting = Service(), job(retry_after=17)
    async with scheduler_of(service, waiting) as scheduler:
        await anyio.sleep(5)
        request = waiting.cancel_request = CancelRequest(CANCEL)
        scheduler.send_now(waiting)
        await request.finished.wait()
        assert isinstance(request.outcome, Answer)
        await anyio.sleep(20)
    assert service.sent == [(5, "cancel"), (17, "a")]


@pytest.mark.parametrize(
    ("asked", "polled_s"), [("5", 17), ("30", 35), ("0", 17), ("-5", 17), ("x", 17), ("9999", 3605)]
)
@pytest.mark.parametrize("chosen_by", ["service", "azpoll"])
async def test_rule_34_no_poll_comes_before_the_retry_after_of_a_cancel_request(
    asked: str, polled_s: float, chosen_by: str
) -> None:
    """The later of it and the due time counts, whether the service or azpoll chose that; no hint comes before it."""
    service, waiting = Service(), job(retry_after=17)
    service.cancel_headers = {"retry-after": asked}
    if chosen_by == "azpoll":
        state = pending_state(waiting)
        waiting.state = state._replace(next_request=state.next_request._replace(delay=Delay(17.0, by_server=False)))
    async with scheduler_of(service, waiting) as scheduler:
        await anyio.sleep(5)
        request = waiting.cancel_request = CancelRequest(CANCEL)
        scheduler.send_now(waiting)
        await request.finished.wait()
        await anyio.sleep(0.1)
        if polled_s != 17:
            scheduler.set_priority(waiting, Priority.HIGH)
        await anyio.sleep(1.1 * polled_s - 5)
    (_, cancel), (at_s, poll), *_ = service.sent
    assert (cancel, poll) == ("cancel", "a")
    assert polled_s <= at_s <= 1.1 * polled_s


async def test_rule_34_the_retry_after_of_a_cancel_request_can_end_at_the_deadline() -> None:
    """The poll would come after it, so the operation expires there (rule 38)."""
    service, waiting = Service(), job(retry_after=17, deadline_s=20.0)
    service.cancel_headers = {"retry-after": "60"}
    async with scheduler_of(service, waiting) as scheduler:
        waiting.cancel_request = CancelRequest(CANCEL)
        scheduler.send_now(waiting)
        await anyio.sleep(19)
        assert not waiting.ended
        await anyio.sleep(2)
        assert isinstance(waiting.state, Unknown)
    assert service.sent == [(0, "cancel")]


async def test_a_cancel_request_during_a_poll_is_sent_after_the_answer() -> None:
    """The job has one request in flight at a time (rule 38)."""
    service, polled = Service(), job(retry_after=10)
    service.takes_s = 3
    async with scheduler_of(service, polled) as scheduler:
        await anyio.sleep(11)
        request = polled.cancel_request = CancelRequest(CANCEL)
        scheduler.send_now(polled)
        await request.finished.wait()
        assert scheduler.in_flight == 0
        await anyio.sleep(10)
    assert service.sent == [(10, "a"), (13, "cancel"), (23, "a")]


@pytest.mark.parametrize("in_flight", ["poll", "cancel"])
async def test_a_job_that_is_withdrawn_in_flight_is_released_after_the_answer(in_flight: str) -> None:
    service, stopped = Service(), job(retry_after=10)
    service.takes_s = 3
    async with scheduler_of(service, stopped) as scheduler:
        if in_flight == "cancel":
            stopped.cancel_request = CancelRequest(CANCEL)
            scheduler.send_now(stopped)
        else:
            await anyio.sleep(10)
        await anyio.sleep(1)
        scheduler.withdraw(stopped)
        ended = [stopped.ended]
        await anyio.sleep(2.5)
        assert [*ended, stopped.ended] == [False, True]
        assert scheduler.waiting == 0
        await anyio.sleep(60)
    assert len(service.sent) == 1


async def test_a_job_that_is_withdrawn_while_it_waits_is_released_immediately() -> None:
    service, stopped = Service(), job()
    async with scheduler_of(service, stopped) as scheduler:
        scheduler.withdraw(stopped)
        assert stopped.ended
        await anyio.sleep(60)
    assert service.sent == []


async def test_a_hint_wakes_the_sleeping_worker() -> None:
    service, hinted = Service(), job(retry_after=None)
    async with scheduler_of(service, hinted, job("other", retry_after=30)) as scheduler:
        scheduler.put(hinted, 20.0)
        await anyio.sleep(10)
        scheduler.set_priority(hinted, Priority.HIGH)
        await anyio.sleep(1)
    assert service.sent == [(10, "a")]


async def test_a_hint_during_the_only_poll_is_for_the_next_one() -> None:
    """The delay that azpoll chose for it shrinks to the minimum of one second."""
    service, hinted = Service(), job(retry_after=None)
    service.takes_s, service.answers = 3, [answer(200, {}, RUNNING)] * 5
    async with scheduler_of(service, hinted) as scheduler:
        scheduler.put(hinted, 20.0)
        await anyio.sleep(22)
        scheduler.set_priority(hinted, Priority.HIGH)
        await anyio.sleep(8)
    (first_s, _), (second_s, _), *_ = service.sent
    assert second_s - first_s == pytest.approx(3 + 1, abs=0.01)


async def test_a_terminal_answer_releases_the_job_and_its_detection_is_measured() -> None:
    service, failing = Service(), job(retry_after=10)
    service.answers = [answer(429, {"retry-after": "5"}), answer(200, {}, ENDED)]
    async with scheduler_of(service, failing) as scheduler:
        await anyio.sleep(60)
        assert isinstance(failing.state, Failed)
        assert failing.released_s is not None
        [scope] = scheduler.scopes()
    assert service.throttled == [scope.scope]
    assert (scope.reads, scope.throttled) == (2, 1)
    assert [name for _, name in service.sent] == ["a", "a"]


async def test_a_job_whose_deadline_comes_first_expires_without_a_request() -> None:
    service, expiring = Service(), job(retry_after=17, deadline_s=5.0)
    async with scheduler_of(service, expiring):
        await anyio.sleep(5.001)
        assert isinstance(expiring.state, Unknown)
        assert expiring.released_s is not None
    assert service.sent == []


async def test_the_limit_rises_while_due_jobs_wait_for_answers() -> None:
    """Three polls of 1 s are due at 10 s: the second is sent once the limit of one has risen, the third is not."""
    service = Service()
    service.takes_s = 1
    async with scheduler_of(service, *(job(name, retry_after=10) for name in "abc")) as scheduler:
        await anyio.sleep(10.9)
        assert scheduler.in_flight == 2
        assert scheduler.waiting == 1
    assert [name for _, name in service.sent] == ["a", "b"]
    assert 10.09 < service.sent[1][0] < 10.3


async def test_closing_waits_for_the_answers_of_requests_in_flight_and_sends_nothing_more() -> None:
    service, polled = Service(), job(retry_after=10)
    service.takes_s = 3
    async with scheduler_of(service, polled, job("other", retry_after=12)) as scheduler:
        await anyio.sleep(11)
        await scheduler.close(60.0)
        assert anyio.current_time() == pytest.approx(13, abs=0.01)
        assert polled.polls == 1
        scheduler.put(polled, anyio.current_time())
        await anyio.sleep(60)
    assert service.sent == [(10, "a")]
    assert not service.aborted.is_set()


async def test_closing_aborts_requests_after_the_grace_and_keeps_their_retry_after() -> None:
    """The poll has not failed, so it is not counted, but its Retry-After is in the state for the resume token."""
    async with hanging_poll() as (service, polled, scheduler):
        await scheduler.close(5.0)
        assert anyio.current_time() == pytest.approx(16, abs=0.01)
        assert isinstance(polled.state, Polling)
        assert polled.state.next_request.delay.seconds == pytest.approx(116, abs=0.01)
        assert polled.state.failure_counts.failures == 0
        assert polled.polls == 0
        scheduler.withdraw(polled)
        assert polled.ended
    assert service.sent == [(10, "a")]


async def test_an_aborted_request_of_a_withdrawn_job_releases_it_and_keeps_its_retry_after() -> None:
    async with hanging_poll() as (_, polled, scheduler):
        scheduler.withdraw(polled)
        await scheduler.close(5.0)
        assert polled.ended
        assert isinstance(polled.state, Polling)
        assert polled.state.next_request.delay.seconds == pytest.approx(116, abs=0.01)


async def test_an_aborted_poll_keeps_its_cancel_request() -> None:
    async with hanging_poll() as (service, polled, scheduler):
        polled.cancel_request = request = CancelRequest(CANCEL)
        scheduler.send_now(polled)
        await scheduler.close(5.0)
        assert polled.cancel_request is request
        assert not request.finished.is_set()
    assert service.sent == [(10, "a")]


async def test_a_worker_that_is_cancelled_frees_its_slot() -> None:
    """Then a withdrawn job is released immediately."""
    async with hanging_poll() as (_, polled, scheduler):
        scheduler.withdraw(polled)
        ended = [polled.ended]
    assert scheduler.in_flight == 0
    scheduler.withdraw(polled)
    assert [*ended, polled.ended] == [False, True]


@pytest.mark.parametrize("status", [200, 202, 204, 302, 400, 404, 409, 429, 500, 503])
@pytest.mark.parametrize("body", [b"", b'{"status": "Canceled"}', b"<html>"])
async def test_rule_34_any_answer_to_a_cancel_request_delays_the_next_poll(status: int, body: bytes) -> None:
    """It ends nothing: the poll decides. It may be answered after the poll was due."""
    service, waiting = Service(), job(retry_after=10)
    service.cancel_status, service.cancel_body, service.takes_s = status, body, 8.0
    service.cancel_headers = {"retry-after": "60", "location": f"{COLLECTION}/elsewhere"}
    async with scheduler_of(service, waiting) as scheduler:
        await anyio.sleep(5)
        request = waiting.cancel_request = CancelRequest(CANCEL)
        scheduler.send_now(waiting)
        await request.finished.wait()
        await anyio.sleep(59.9)
        assert len(service.sent) == 1
        assert isinstance(waiting.state, Polling)
        await anyio.sleep(1)
    assert [name for _, name in service.sent] == ["cancel", "a"]
    assert service.sent[1][0] == pytest.approx(5 + 8 + 60, abs=0.1)


@pytest.mark.parametrize(
    ("asked", "polled_s"), [("60", 60), ("31536000000", 3600), ("Fri, 31 Dec 9999 23:59:59 GMT", 3600), (None, 10)]
)
async def test_a_429_to_a_cancel_request_closes_its_scope(asked: str | None, polled_s: float) -> None:
    """The polls of other operations in the subscription wait as well, for an hour at most (rule 35)."""
    service, waiting, other = Service(), job(retry_after=2000), job("other", retry_after=6)
    service.cancel_status = 429
    service.cancel_headers = {} if asked is None else {"retry-after": asked}
    async with scheduler_of(service, waiting, other) as scheduler:
        await anyio.sleep(5)
        waiting.cancel_request = CancelRequest(CANCEL)
        scheduler.send_now(waiting)
        await anyio.sleep(polled_s + 2)
        [scope] = scheduler.scopes()
    assert scope.throttled == 1
    assert service.throttled == [scope.scope]
    polled = [at_s for at_s, name in service.sent if name == "other"]
    assert polled[0] == pytest.approx(5 + polled_s, abs=1.2)


async def test_an_answer_counts_although_a_listener_ends_the_program() -> None:
    """The listener raises an exception that no code may catch when it receives a 429."""

    class End(BaseException):
        pass

    class Ending(Service):
        def on_throttle(self, scope: ScopeStatistics, throttle: Throttle) -> None:
            del scope, throttle
            raise End

    service, polled = Ending(), job(retry_after=6)
    service.answers = [answer(429, {"retry-after": "60"})]
    with pytest.raises(BaseExceptionGroup) as ended:
        async with scheduler_of(service, polled):
            await anyio.sleep(10)
    assert ended.group_contains(End)
    assert pending_state(polled).next_request.delay.seconds == 60
