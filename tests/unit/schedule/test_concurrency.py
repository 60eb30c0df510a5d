"""`ConcurrencyLimit`: rises while requests wait and CPU time is left, and counts the requests in flight."""

from __future__ import annotations

import math

import anyio
import pytest

from azpoll.schedule.concurrency import ADAPT_EVERY_S, ON_TIME_S, ConcurrencyLimit, limits_of


class Process:
    """A process that uses a share of the CPU time."""

    def __init__(self, least: int = 8, most: int = 64) -> None:
        self.now_s = 1000.0
        self.cpu_s = 7.0
        self.limit = ConcurrencyLimit(least, most, lambda: self.cpu_s)
        self.limit.adapt(self.now_s, self.now_s)

    def fill(self, *, waited_s: float, after_s: float = ADAPT_EVERY_S, share: float = 0.0) -> int:
        """Reach the limit with a request that has waited; return the new limit."""
        self.now_s += after_s
        self.cpu_s += after_s * share
        self.limit.adapt(self.now_s - waited_s, self.now_s)
        return self.limit.now


def test_it_rises_while_requests_wait_and_cpu_time_is_left() -> None:
    process = Process()
    assert [process.fill(waited_s=0.1, share=0.7) for _ in range(7)] == [12, 18, 27, 40, 60, 64, 64]


def test_it_falls_while_requests_wait_and_no_cpu_time_is_left() -> None:
    process = Process()
    for _ in range(6):
        process.fill(waited_s=0.1)
    assert [process.fill(waited_s=0.1, share=1.0) for _ in range(9)] == [48, 36, 27, 21, 16, 12, 9, 8, 8]


def test_a_limit_of_one_can_rise_to_two_and_fall_again() -> None:
    process = Process(1, 2)
    assert process.fill(waited_s=1.0) == 2
    assert process.fill(waited_s=1.0, share=1.0) == 1


def test_it_stays_while_nearly_all_cpu_time_is_used() -> None:
    process = Process()
    assert {process.fill(waited_s=0.1, share=0.85) for _ in range(20)} == {8}


def test_it_stays_while_requests_are_sent_on_time() -> None:
    process = Process()
    assert {process.fill(waited_s=ON_TIME_S * 0.9) for _ in range(20)} == {8}


def test_it_adapts_at_most_every_tenth_of_a_second() -> None:
    process = Process()
    assert {process.fill(waited_s=0.1, after_s=ADAPT_EVERY_S / 50) for _ in range(40)} == {8}
    assert process.fill(waited_s=0.1, after_s=ADAPT_EVERY_S / 5) == 12


def test_it_also_rises_when_answers_take_a_second() -> None:
    process = Process()
    assert [process.fill(waited_s=0.9, after_s=1.0) for _ in range(3)] == [12, 18, 27]


def test_idle_time_before_requests_wait_does_not_count() -> None:
    """A burst after an idle hour keeps the process busy from its first request on."""
    process = Process()
    assert process.fill(waited_s=0.0, after_s=3600.0) == 8
    assert process.fill(waited_s=0.1, share=1.0) == 8


def test_the_first_request_changes_nothing() -> None:
    limit = ConcurrencyLimit(8, 64, lambda: 0.0)
    limit.adapt(0.0, 1000.0)
    assert limit.now == 8


@pytest.mark.parametrize("count", [1, 8, 100])
def test_a_fixed_limit_stays(count: int) -> None:
    process = Process(count, count)
    assert {process.fill(waited_s=1.0, share=share) for share in (0.0, 0.5, 1.0) * 5} == {count}


def limit_of(least: int, most: int) -> ConcurrencyLimit:
    return ConcurrencyLimit(least, most, lambda: 0.0)


def test_it_counts_the_requests_in_flight() -> None:
    limit = limit_of(2, 2)
    found: list[tuple[int, bool, bool]] = []
    for sent in (True, True, False):
        if sent:
            limit.begin(0.0, 0.0)
        else:
            limit.end()
        found.append((limit.in_flight, limit.is_reached, limit.is_at_most))
    assert found == [(1, False, False), (2, True, False), (1, False, False)]


def test_nothing_can_be_sent_while_all_connections_are_used_by_slow_requests() -> None:
    """While one of them is not slow, it can become slow or be ended, so the limit is checked again."""
    limit = limit_of(2, 2)
    found: list[bool] = []
    for change in (limit.begin, limit.begin, None, None):
        if change is None:
            limit.count_slow(1)
        else:
            change(0.0, 0.0)
        found.append(limit.is_at_most)
    assert found == [False, False, False, True]
    single = limit_of(1, 1)
    single.begin(0.0, 0.0)
    assert single.is_at_most


def test_rule_54_slow_requests_come_on_top_up_to_the_number_of_connections() -> None:
    limit = ConcurrencyLimit(4, 20, lambda: 0.0, 30)
    found: list[int] = []
    for _ in range(28):
        limit.count_slow(1)
        found.append(limit.now)
    assert found[:10] == list(range(5, 15))
    assert found[-3:] == [30, 30, 30]
    for _ in range(28):
        limit.count_slow(-1)
    assert limit.now == 4


def test_rule_54_while_half_of_the_connections_is_slow_the_other_half_may_be_used() -> None:
    limit = ConcurrencyLimit(4, 20, lambda: 0.0, 100)
    for _ in range(50):
        limit.count_slow(1)
    for number in range(20):
        limit.adapt(0.0, 1.0 + number)
    assert limit.now == 100
    limit.count_slow(-1)
    assert limit.now == 49 + 20


@pytest.mark.parametrize(
    ("connections", "polls", "initial"),
    [(None, 20, 20), (100, 67, 33), (10, 7, 3), (3, 2, 1), (2, 1, 1), (1, 1, 1)],
)
def test_polls_and_initial_requests_share_the_connections(connections: int | None, polls: int, initial: int) -> None:
    limits = limits_of(4, 20, connections, lambda: 0.0)
    assert [limit.total for limit in limits] == [polls, initial]
    assert [limit.now for limit in limits] == [min(4, polls), min(4, initial)]
    assert [limit.most for limit in limits] == [min(20, polls), min(20, initial)]


def test_a_request_that_finds_it_reached_may_be_sent_once_it_rises() -> None:
    """The limit is checked every tenth of a second until the maximum is in flight."""
    limit = limit_of(1, 2)
    limit.begin(0.0, 0.0)
    assert limit.recheck_s(0.0) == ADAPT_EVERY_S
    limit.adapt(0.0, 0.05)
    reached_early = limit.is_reached
    limit.adapt(0.0, ADAPT_EVERY_S)
    assert (reached_early, limit.is_reached) == (True, False)
    limit.begin(0.0, ADAPT_EVERY_S)
    assert limit.recheck_s(1.0) == 1.0 + ADAPT_EVERY_S
    limit.count_slow(2)
    assert limit.recheck_s(1.0) == math.inf


@pytest.mark.anyio
@pytest.mark.parametrize(("patience_s", "left"), [(10.0, 0), (2.0, 1)])
async def test_it_waits_until_no_request_is_in_flight_or_a_time(patience_s: float, left: int) -> None:
    """Also inside a cancelled scope."""
    limit = limit_of(2, 2)
    limit.begin(0.0, 0.0)
    limit.begin(0.0, 0.0)

    async def answer() -> None:
        for _ in range(2):
            await anyio.sleep(1.5)
            limit.end()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(answer)
        begun_s = anyio.current_time()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await limit.wait_for_none_in_flight(begun_s + patience_s)
        assert limit.in_flight == left
        assert anyio.current_time() - begun_s == pytest.approx(min(patience_s, 3.0), abs=1e-6)
