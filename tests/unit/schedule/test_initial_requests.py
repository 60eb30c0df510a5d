"""`InitialRequests`: turns, write limits, repetition after a 429, and closing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import anyio
import pytest

from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.protocol.delay import DelayLimits
from azpoll.schedule.budget import Budget
from azpoll.schedule.concurrency import ConcurrencyLimit
from azpoll.schedule.initial_requests import InitialRequests
from tests.support.jobs import HOST, answer

if TYPE_CHECKING:
    from collections.abc import Hashable

    from anyio.abc import TaskGroup

    from azpoll.protocol.answer import Answer
    from azpoll.protocol.initial_retry import InitialOutcome, Retry
    from azpoll.protocol.throttling import Throttle
    from azpoll.schedule.scope_queue import ScopeStatistics

pytestmark = pytest.mark.anyio

SLOW = Budget(rate=1.0, max_rate=1.0, burst=1.0, increase_per_s=0.0)


class Target(NamedTuple):
    """An initial request."""

    method: str
    url: str


class Service:
    """A service that receives initial requests.

    Attributes:
        sent: time and last part of the path of each request.
        outcomes: of the next requests; without one it is accepted.
        takes_s: seconds between a request and its answer.
        hung: set when the requests that hang are answered; their names begin with "hang".
        throttled: all 429s.
        repeated: the status code after which a request is sent again, and the number of its failures so far.
        results: by the last part of the path, the outcome that the caller received.
        outcome: of the request that was answered last, with all its attempts.
        cancelled_first: a scope that is cancelled just before a request is answered.
    """

    def __init__(self, *outcomes: Answer | RequestFailure, takes_s: float = 0.0) -> None:
        self.sent: list[tuple[float, str]] = []
        self.outcomes = list(outcomes)
        self.takes_s = takes_s
        self.hung = anyio.Event()
        self.throttled: list[Throttle] = []
        self.repeated: list[tuple[int | None, int]] = []
        self.results: dict[str, Answer | RequestFailure | None] = {}
        self.outcome: InitialOutcome | None = None
        self.cancelled_first = anyio.CancelScope()

    def requests(
        self,
        tasks: TaskGroup,
        *,
        budget: Budget | None = None,
        least: int = 8,
        most: int = 8,
        total: int | None = None,
    ) -> InitialRequests[Target]:
        limit = ConcurrencyLimit(least, most, lambda: 0.0, total)
        throttled, repeated = self._on_throttle, self._on_repetition
        return InitialRequests(self._receive, tasks, limit, budget, throttled=throttled, repeated=repeated)

    async def send(
        self,
        requests: InitialRequests[Target],
        name: str,
        method: str = "PUT",
        owner: Hashable = None,
        *,
        repeatable: bool = True,
        idempotent: bool = False,
    ) -> None:
        target = Target(method, f"{HOST}/subscriptions/{'h' if name.startswith('hang') else 's'}/{name}")
        outcome = await requests.send(target, owner, DelayLimits(), repeatable=repeatable, idempotent=idempotent)
        self.results[name], self.outcome = None if outcome is None else outcome.last, outcome

    async def _receive(self, request: Target) -> Answer | RequestFailure:
        self.sent.append((round(anyio.current_time(), 3), request.url.rpartition("/")[2]))
        if "/hang" in request.url:
            await self.hung.wait()
        await anyio.sleep(self.takes_s)
        self.cancelled_first.cancel()
        outcome = self.outcomes.pop(0) if self.outcomes else answer(202)
        return outcome._replace(at_s=anyio.current_time())

    def _on_throttle(self, scope: ScopeStatistics, throttle: Throttle) -> None:
        assert scope.throttled
        self.throttled.append(throttle)

    def _on_repetition(self, request: Target, outcome: Answer | RequestFailure, retry: Retry) -> None:
        assert self.sent[-1][1] in request.url
        self.repeated.append((None if isinstance(outcome, RequestFailure) else outcome.status_code, retry.failures))


async def test_requests_leave_at_the_rate_of_the_budget_and_owners_take_turns() -> None:
    service = Service()
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks, budget=SLOW)
        for name, owner in (("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")):
            tasks.start_soon(service.send, requests, name, "PUT", owner)
            await anyio.sleep(0.01)
        assert requests.waiting == 3
    assert [name for _, name in service.sent] == ["a1", "a2", "b1", "a3"]
    assert [round(at_s) for at_s, _ in service.sent] == [0, 1, 2, 3]


async def test_writes_and_deletes_have_separate_limits() -> None:
    """ARM counts them separately."""
    service = Service()
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks, budget=SLOW)
        for name, method in (("put", "PUT"), ("delete", "DELETE"), ("patch", "PATCH")):
            tasks.start_soon(service.send, requests, name, method)
    assert [round(at_s) for at_s, _ in service.sent] == [0, 0, 1]
    assert service.sent[-1][1] in {"put", "patch"}


async def test_the_number_of_concurrent_requests_is_limited() -> None:
    service = Service(takes_s=10)
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks, least=2, most=2)
        for number in range(4):
            tasks.start_soon(service.send, requests, str(number))
    assert [round(at_s) for at_s, _ in service.sent] == [0, 0, 10, 10]


async def test_the_limit_rises_while_requests_wait_for_answers() -> None:
    service = Service(takes_s=10)
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks, least=1, most=3)
        for number in range(3):
            tasks.start_soon(service.send, requests, str(number))
    assert all(at_s < 1 for at_s, _ in service.sent)


async def test_a_429_closes_the_scope_and_the_request_is_sent_again() -> None:
    service = Service(answer(429, {"retry-after": "20"}))
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks, budget=Budget())
        tasks.start_soon(service.send, requests, "first")
        await anyio.sleep(1)
        tasks.start_soon(service.send, requests, "second")
    assert [round(at_s) for at_s, _ in service.sent] == [0, 20, 20]
    assert [throttle.retry_after_s for throttle in service.throttled] == [20]


@pytest.mark.parametrize("repeatable", [True, False])
async def test_only_a_repeatable_request_is_sent_again_after_a_429(repeatable: bool) -> None:  # noqa: FBT001 - a table
    """A streamed body cannot be sent twice."""
    service = Service(answer(429, {"retry-after": "5"}))
    async with anyio.create_task_group() as tasks:
        await service.send(service.requests(tasks), "a", repeatable=repeatable)
    assert len(service.sent) == 1 + repeatable
    assert service.repeated == [(429, 1)] * repeatable


async def test_a_failure_is_returned() -> None:
    service = Service(RequestFailure(FailureKind.CONNECTION, "refused", 0.0))
    async with anyio.create_task_group() as tasks:
        await service.send(service.requests(tasks), "a")
    assert isinstance(service.results["a"], RequestFailure)


async def test_closing_ends_the_wait_for_a_turn() -> None:
    """Requests in flight are answered; those that wait, and later ones, are not sent."""
    service = Service(takes_s=5)
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks, least=1, most=1)
        for name in ("in flight", "waiting"):
            tasks.start_soon(service.send, requests, name)
            await anyio.sleep(1)
        requests.close()
        await service.send(requests, "late")
        assert anyio.current_time() == pytest.approx(2, abs=0.01)
    assert [name for _, name in service.sent] == ["in flight"]
    assert service.results["waiting"] is service.results["late"] is None
    assert service.results["in flight"] is not None


async def test_closing_ends_the_wait_for_a_token() -> None:
    service = Service()
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks, budget=SLOW._replace(rate=0.01))
        for name in ("first", "waiting"):
            tasks.start_soon(service.send, requests, name)
            await anyio.sleep(1)
        requests.close()
    assert anyio.current_time() == pytest.approx(100, abs=1)
    assert service.results["waiting"] is None


async def test_closing_ends_the_delay_after_a_429_with_the_429_as_the_outcome() -> None:
    service = Service(answer(429, {"retry-after": "600"}))
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks)
        tasks.start_soon(service.send, requests, "a")
        await anyio.sleep(1)
        requests.close()
    outcome = service.results["a"]
    assert outcome is not None
    assert not isinstance(outcome, RequestFailure)
    assert outcome.status_code == 429


async def test_a_caller_that_is_cancelled_while_it_waits_leaves_the_queue() -> None:
    service = Service(takes_s=5)
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks, least=1, most=1)
        tasks.start_soon(service.send, requests, "first")
        await anyio.sleep(1)
        with anyio.move_on_after(1):
            await service.send(requests, "cancelled")
        assert requests.waiting == 0
        tasks.start_soon(service.send, requests, "last")
    assert [name for _, name in service.sent] == ["first", "last"]


async def test_a_caller_that_is_cancelled_when_it_is_admitted_frees_its_slot() -> None:
    """The answer to the first request admits the second one in the same turn of the event loop."""
    service = Service(takes_s=5)
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks, least=1, most=1)
        tasks.start_soon(service.send, requests, "first")
        await anyio.sleep(1)
        with service.cancelled_first as scope:
            await service.send(requests, "cancelled")
        assert scope.cancelled_caught
        await service.send(requests, "last")
    assert [name for _, name in service.sent] == ["first", "last"]


async def test_rule_53_an_idempotent_request_is_repeated_with_the_waits_of_rule_25() -> None:
    service = Service(RequestFailure(FailureKind.CONNECTION, "", 0.0), answer(503, {"retry-after": "7"}), takes_s=2)
    async with anyio.create_task_group() as tasks:
        await service.send(service.requests(tasks), "a", idempotent=True)
    assert [at_s for at_s, _ in service.sent] == [0, 3, 12]
    assert service.outcome is not None
    assert (service.outcome.sent_s, service.outcome.repeated) == (None, False)


async def test_rule_53_the_outcome_tells_of_the_first_attempt_that_may_have_been_executed() -> None:
    service = Service(answer(429, {"retry-after": "5"}), answer(503), answer(409))
    async with anyio.create_task_group() as tasks:
        await service.send(service.requests(tasks), "a", idempotent=True)
    assert service.outcome is not None
    assert [at_s for at_s, _ in service.sent] == [0, 5, pytest.approx(7, abs=1)]
    assert service.outcome.repeated
    assert service.outcome.sent_s == pytest.approx(5, abs=0.01)


async def test_closing_ends_the_repetitions_with_the_last_outcome() -> None:
    service = Service(*[RequestFailure(FailureKind.TIMEOUT, "", 0.0)] * 20)
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks)
        tasks.start_soon(partial(service.send, requests, "a", idempotent=True))
        await anyio.sleep(10)
        requests.close()
    assert isinstance(service.results["a"], RequestFailure)
    assert len(service.sent) == 4


async def test_requests_of_a_slow_scope_are_held_and_can_be_cancelled() -> None:
    """Two requests that hang hold half of the four places, so a third one waits, and another scope does not."""
    service = Service()
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks, least=2, most=2, total=4)
        held = anyio.CancelScope()

        async def send_held() -> None:
            with held:
                await service.send(requests, "hang3")

        for name in ("hang1", "hang2"):
            tasks.start_soon(service.send, requests, name)
        await anyio.sleep(1)
        tasks.start_soon(service.send, requests, "a1")
        tasks.start_soon(send_held)
        await anyio.sleep(1)
        tasks.start_soon(service.send, requests, "a2")
        await anyio.sleep(1)
        held.cancel()
        await anyio.sleep(1)
        assert requests.waiting == 0
        service.hung.set()
    assert sorted(service.sent) == [(0, "hang1"), (0, "hang2"), (1, "a1"), (2, "a2")]


async def test_held_requests_are_sent_at_the_rate_of_their_scope() -> None:
    service = Service()
    async with anyio.create_task_group() as tasks:
        requests = service.requests(tasks, budget=SLOW, least=2, most=2, total=4)
        for name, pause_s in (("hang1", 0), ("hang2", 2), ("a1", 1), ("hang3", 0), ("hang4", 0), ("hang5", 0)):
            tasks.start_soon(service.send, requests, name)
            await anyio.sleep(pause_s)
        await anyio.sleep(5)
        assert [name for _, name in service.sent] == ["hang1", "hang2", "a1"]
        service.hung.set()
    times = {name: at_s for at_s, name in service.sent}
    assert sorted(times) == ["a1", "hang1", "hang2", "hang3", "hang4", "hang5"]
    assert times["hang4"] - times["hang3"] >= 1
    assert times["hang5"] - times["hang4"] >= 1
