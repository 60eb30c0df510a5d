"""The agenda: jobs wait for their time, then for a read of their scope."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.schedule.budget import Budget
from azpoll.schedule.job import CancelRequest
from azpoll.schedule.poll_queue import READ_WAIT_S, PollQueue
from azpoll.schedule.scope_queue import Priority
from azpoll.tracking.record import OperationRecord
from tests.support.jobs import HOST, SHELF, answer, job

SLOW = Budget(rate=1.0, max_rate=1.0, burst=1.0, increase_per_s=0.0)


def agenda_of(*jobs: OperationRecord, due_s: float = 0.0, budget: Budget | None = SLOW) -> PollQueue:
    poll_queue = PollQueue(budget)
    for one in jobs:
        poll_queue.put(one, due_s)
    return poll_queue


def ids(poll_queue: PollQueue, until_s: float, from_s: float = 0.0) -> list[str]:
    """Return which jobs are asked until then, in their order."""
    names: list[str] = []
    now_s = from_s
    while now_s <= until_s:
        taken = poll_queue.take(now_s)
        if taken is not None:
            assert isinstance(taken, OperationRecord)
            assert taken.provider_queue is not None
            names.append(taken.label or "")
            continue
        next_s = poll_queue.next_s()
        if next_s is None:
            break
        now_s = max(next_s, now_s + 1e-6)
    return names


def test_an_empty_agenda_has_nothing_ever() -> None:
    poll_queue = agenda_of()
    assert len(poll_queue) == 0
    assert poll_queue.take(1e9) is None
    assert poll_queue.next_s() is None


def test_a_job_waits_for_its_time_and_then_for_a_read() -> None:
    first, second = job("first"), job("second")
    poll_queue = agenda_of(first, second, due_s=5.0)
    assert poll_queue.take(4.9) is None
    assert poll_queue.next_s() == 5.0
    assert poll_queue.take(5.0) is first
    assert poll_queue.take(5.0) is None
    assert len(poll_queue) == 1
    assert poll_queue.next_s() == pytest.approx(6.0)


def test_a_job_that_is_due_alone_waits_for_a_read_of_its_provider_too() -> None:
    """However many its subscription has."""
    first, second = job("first"), job("second")
    poll_queue = agenda_of(first, budget=Budget(providers={"Microsoft.Fake": 0.1}))
    poll_queue.put(second, 1.0)
    assert poll_queue.take(0.0) is first
    assert poll_queue.take(1.0) is None
    assert poll_queue.next_s() == pytest.approx(10.0)
    assert poll_queue.take(10.0) is second


@pytest.mark.parametrize("due_s", [0.0, 9.0], ids=["for a read", "for its time"])
def test_a_job_that_is_withdrawn_is_asked_no_more(due_s: float) -> None:
    first, gone, last = job("first"), job("gone"), job("last")
    poll_queue = agenda_of(first, gone, last, due_s=due_s)
    assert (poll_queue.take(0.0) is None) == bool(due_s)
    poll_queue.withdraw(gone)
    poll_queue.withdraw(gone)
    assert len(poll_queue) == 1 + bool(due_s)
    assert "gone" not in ids(poll_queue, 60.0)


def test_a_job_that_waits_for_a_read_moves_when_it_is_put_again() -> None:
    """As one does whose errand comes first."""
    first, moved, last = job("first"), job("moved"), job("last")
    poll_queue = agenda_of(first, moved, last)
    assert poll_queue.take(0.0) is not None
    poll_queue.put(moved, 30.0)
    assert len(poll_queue) == 2
    assert ids(poll_queue, 29.0) == ["last"]
    assert ids(poll_queue, 31.0) == ["moved"]


def test_a_hint_moves_a_job_that_waits_for_a_read_to_the_front() -> None:
    jobs = [job(name) for name in range(5)]
    poll_queue = agenda_of(*jobs)
    assert poll_queue.take(0.0) is not None
    poll_queue.priority(jobs[4], Priority.HIGH, 0.5)
    poll_queue.priority(jobs[1], Priority.LOW, 0.5)
    assert ids(poll_queue, 60.0) == ["4", "2", "3", "1"]


def test_a_hint_ends_a_wait_of_our_own() -> None:
    """The pace's floor of a second after the last answer is kept."""
    waiting = job("a", retry_after=None)
    poll_queue = agenda_of(waiting, due_s=30.0)
    poll_queue.priority(waiting, Priority.HIGH, 0.25)
    assert poll_queue.next_s() == 1.0
    poll_queue.put(waiting, 30.0)
    poll_queue.priority(waiting, Priority.HIGH, 9.0)
    assert poll_queue.next_s() == 9.0


def test_a_hint_brings_no_job_later() -> None:
    waiting = job("a", retry_after=None)
    poll_queue = agenda_of(waiting, due_s=2.0)
    poll_queue.priority(waiting, Priority.HIGH, 2.5)
    assert poll_queue.next_s() == 2.0


def test_a_hint_ends_no_wait_that_the_server_asked_for() -> None:
    """It is only asked first once that is over."""
    hinted, others = job("hinted"), [job(name) for name in range(3)]
    poll_queue = agenda_of(*others, hinted, due_s=17.0)
    poll_queue.priority(hinted, Priority.HIGH, 5.0)
    assert poll_queue.take(16.9) is None
    assert poll_queue.next_s() == 17.0
    assert ids(poll_queue, 60.0)[0] == "hinted"


def test_a_hint_leaves_an_errand_where_it_is() -> None:
    """What is sent next is no poll, and a hint is of polls."""
    waiting = job("a", retry_after=None)
    waiting.cancel_request = CancelRequest(f"{HOST}/cancel")
    poll_queue = agenda_of(waiting, due_s=5.0)
    poll_queue.priority(waiting, Priority.HIGH, 1.5)
    assert poll_queue.next_s() == 5.0


def test_an_errand_goes_before_polls() -> None:
    polls, sent = [job(name) for name in range(3)], job("cancel_request")
    sent.cancel_request = CancelRequest(f"{HOST}/subscriptions/s/cancel")
    assert ids(agenda_of(*polls, sent), 60.0) == ["cancel_request", "0", "1", "2"]


def test_a_rank_is_for_one_request_and_one_that_comes_during_it_is_for_the_next() -> None:
    """A hint may tell of an end that the poll under way was too early to see."""
    first, second = job("first"), job("second")
    poll_queue = agenda_of(first, second)
    poll_queue.priority(first, Priority.HIGH, 0.0)
    assert poll_queue.take(0.0) is not None
    assert first.priority is Priority.NORMAL
    poll_queue.priority(first, Priority.HIGH, 0.1)
    poll_queue.put(first, 0.5)
    assert ids(poll_queue, 60.0) == ["first", "second"]


def test_a_job_that_gets_no_read_until_its_deadline_is_given_up_soon_after() -> None:
    """It is taken without a place; the others are asked as before."""
    first, late, last = job("first"), job("late", deadline_s=20.0), job("last")
    budget = Budget(rate=0.01, max_rate=0.01, burst=1.0, increase_per_s=0.0)
    poll_queue = agenda_of(first, late, last, due_s=19.0, budget=budget)
    assert poll_queue.take(19.0) is not None
    assert poll_queue.take(20.0) is None
    assert poll_queue.next_s() == 20.0 + READ_WAIT_S
    assert poll_queue.take(20.0 + READ_WAIT_S) is late
    assert late.provider_queue is None
    assert poll_queue.take(20.0 + READ_WAIT_S) is None
    assert len(poll_queue) == 1
    assert ids(poll_queue, 200.0) == ["last"]


def test_a_job_that_got_its_read_is_not_given_up() -> None:
    late = job("late", deadline_s=20.0)
    poll_queue = agenda_of(late, due_s=19.0)
    taken = poll_queue.take(19.0)
    assert taken is not None
    assert taken.provider_queue is not None
    assert poll_queue.take(30.0) is None
    assert poll_queue.next_s() is None


def test_hints_without_end_do_not_make_the_deadlines_grow() -> None:
    """Covered and uncovered for as long as it waits, a job is given up once all the same."""
    first, late = job("first"), job("late", deadline_s=20.0)
    poll_queue = agenda_of(first, late, budget=Budget(rate=0.01, max_rate=0.01, burst=1.0, increase_per_s=0.0))
    assert poll_queue.take(0.0) is not None
    tracemalloc.start()
    try:
        for _ in range(5000):
            poll_queue.priority(late, Priority.LOW, 1.0)
            poll_queue.priority(late, Priority.NORMAL, 1.0)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 100_000
    assert poll_queue.take(30.0) is late
    assert late.provider_queue is None
    assert poll_queue.take(30.0) is None


@given(
    times=st.lists(st.integers(0, 20).map(float), max_size=40),
    budget=st.sampled_from([None, SLOW, Budget(burst=3.0)]),
    start_s=st.integers(0, 20).map(float),
)
def test_a_plain_fleet_is_asked_in_the_order_its_lane_would_give(
    times: list[float], budget: Budget | None, start_s: float
) -> None:
    """It takes a shorter way, which an owner bars."""

    def asked(owner: str | None) -> list[str]:
        poll_queue = PollQueue(budget)
        for number, due_s in enumerate(times):
            one = job(str(number))
            one.owner, one.priority_time = owner, due_s
            poll_queue.polling_url(one, f"{SHELF}/{number}/status", 0.0)
            poll_queue.put(one, due_s)
        return ids(poll_queue, until_s=1e3, from_s=start_s)

    assert asked(None) == asked("somebody")


def test_the_others_that_wait_to_ask_the_same_are_taken_out_together() -> None:
    """But for one whose turn has come, and one that asks no more."""
    asked, twin, taken, over, other = job("a"), job("a"), job("a"), job("a"), job("b")
    poll_queue = agenda_of(asked, taken, twin, over, other, budget=None)
    for one in (asked, twin, taken, over, other):
        poll_queue.polling_url(one, f"{SHELF}/{one.label}/status", 0.0)
    assert poll_queue.take(0.0) is asked
    assert poll_queue.take(0.0) is taken
    poll_queue.withdraw(over)
    poll_queue.leaves(over)
    assert poll_queue.sharers_of(asked, f"{HOST}/elsewhere") == []
    assert poll_queue.sharers_of(asked, f"{SHELF}/a/status") == [twin]
    assert len(poll_queue) == 1
    assert poll_queue.sharers_of(other, f"{SHELF}/b/status") == []


def test_a_429_closes_the_scope_of_its_place() -> None:
    first, second = job("first"), job("second")
    poll_queue = agenda_of(first, second, budget=Budget())
    taken = poll_queue.take(0.0)
    assert taken is not None
    assert taken.provider_queue is not None
    poll_queue.on_answer(taken.provider_queue, answer(429, {"retry-after": "60"}), 0.0)
    assert poll_queue.take(59.0) is None
    (scope,) = poll_queue.statistics(59.0)
    assert (scope.throttled, scope.waiting, scope.rate) == (1, 1, 14.0)
