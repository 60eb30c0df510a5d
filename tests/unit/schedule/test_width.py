"""How many requests may be under way: more while they wait for one another and there is time to spare."""

from __future__ import annotations

import pytest

from azpoll.schedule.concurrency import LOOK_EVERY_S, PATIENCE_S, ConcurrencyLimit


class Process:
    """Time goes by, and the process uses a share of it."""

    def __init__(self, least: int = 8, most: int = 64) -> None:
        self.now_s = 1000.0
        self.cpu_s = 7.0
        self.limit = ConcurrencyLimit(least, most, lambda: self.cpu_s)
        self.limit.filled(self.now_s, self.now_s)

    def fill(self, *, waited_s: float, after_s: float = LOOK_EVERY_S, share: float = 0.0) -> int:
        """Fill it with a request that has waited; returns how wide it is then."""
        self.now_s += after_s
        self.cpu_s += after_s * share
        self.limit.filled(self.now_s - waited_s, self.now_s)
        return self.limit.now


def test_it_becomes_wider_while_requests_wait_and_there_is_time_to_spare() -> None:
    process = Process()
    assert [process.fill(waited_s=0.1, share=0.7) for _ in range(7)] == [12, 18, 27, 40, 60, 64, 64]


def test_it_becomes_narrower_while_they_wait_and_there_is_no_time_left() -> None:
    process = Process()
    for _ in range(6):
        process.fill(waited_s=0.1)
    assert [process.fill(waited_s=0.1, share=1.0) for _ in range(9)] == [48, 36, 27, 21, 16, 12, 9, 8, 8]


def test_a_single_one_can_become_two_and_one_again() -> None:
    process = Process(1, 2)
    assert process.fill(waited_s=1.0) == 2
    assert process.fill(waited_s=1.0, share=1.0) == 1


def test_where_nearly_all_time_is_used_it_stays() -> None:
    process = Process()
    assert {process.fill(waited_s=0.1, share=0.85) for _ in range(20)} == {8}


def test_who_is_sent_in_time_needs_no_more() -> None:
    process = Process()
    assert {process.fill(waited_s=PATIENCE_S * 0.9) for _ in range(20)} == {8}


def test_it_is_looked_at_now_and_then_only() -> None:
    process = Process()
    assert {process.fill(waited_s=0.1, after_s=LOOK_EVERY_S / 50) for _ in range(40)} == {8}
    assert process.fill(waited_s=0.1, after_s=LOOK_EVERY_S / 5) == 12


def test_answers_that_take_a_second_make_it_wider_too() -> None:
    process = Process()
    assert [process.fill(waited_s=0.9, after_s=1.0) for _ in range(3)] == [12, 18, 27]


def test_the_idle_time_before_requests_wait_says_nothing() -> None:
    """A crowd that comes after an hour keeps the process busy from its first request on."""
    process = Process()
    assert process.fill(waited_s=0.0, after_s=3600.0) == 8
    assert process.fill(waited_s=0.1, share=1.0) == 8


def test_the_first_one_says_nothing() -> None:
    limit = ConcurrencyLimit(8, 64, lambda: 0.0)
    limit.filled(0.0, 1000.0)
    assert limit.now == 8


@pytest.mark.parametrize("count", [1, 8, 100])
def test_a_number_that_was_asked_for_stays(count: int) -> None:
    process = Process(count, count)
    assert {process.fill(waited_s=1.0, share=share) for share in (0.0, 0.5, 1.0) * 5} == {count}
