"""`PollQueue`: jobs wait until they are due, then for a token of their scope."""

from __future__ import annotations

import tracemalloc

import pytest

from azpoll.schedule.budget import Budget
from azpoll.schedule.job import CancelRequest, Priority
from azpoll.schedule.poll_queue import READ_WAIT_S, PollQueue
from azpoll.tracking.record import OperationRecord
from tests.support.jobs import HOST, answer, failed_often, job

SLOW = Budget(rate=1.0, max_rate=1.0, burst=1.0, increase_per_s=0.0)


def queue_of(*jobs: OperationRecord, due_s: float = 0.0, budget: Budget | None = SLOW) -> PollQueue:
    poll_queue = PollQueue(budget)
    for one in jobs:
        poll_queue.put(one, due_s)
    return poll_queue


def take(poll_queue: PollQueue, now_s: float) -> OperationRecord | None:
    """Take the next job to send, with its tokens."""
    taken = poll_queue.take(now_s)
    if taken is None:
        return None
    job, provider_queue = taken
    assert provider_queue is not None
    assert isinstance(job, OperationRecord)
    return job


def ids(poll_queue: PollQueue, until_s: float, from_s: float = 0.0) -> list[str]:
    """Return the names of the jobs that are taken until then, in order."""
    names: list[str] = []
    now_s = from_s
    while now_s <= until_s:
        taken = take(poll_queue, now_s)
        if taken is not None:
            names.append(taken.label or "")
            continue
        next_s = poll_queue.next_s()
        if next_s is None:
            break
        now_s = max(next_s, now_s + 1e-6)
    return names


def test_an_empty_queue_has_no_job_at_any_time() -> None:
    poll_queue = queue_of()
    assert len(poll_queue) == 0
    assert poll_queue.take(1e9) is None
    assert poll_queue.next_s() is None


def test_a_job_waits_until_it_is_due_and_then_for_a_token() -> None:
    first, second = job("first"), job("second")
    poll_queue = queue_of(first, second, due_s=5.0)
    assert poll_queue.take(4.9) is None
    assert poll_queue.next_s() == 5.0
    assert take(poll_queue, 5.0) is first
    assert poll_queue.take(5.0) is None
    assert len(poll_queue) == 1
    assert poll_queue.next_s() == pytest.approx(6.0)


def test_a_job_that_is_due_alone_also_waits_for_a_token_of_its_provider() -> None:
    """Although its subscription has tokens."""
    first, second = job("first"), job("second")
    poll_queue = queue_of(first, budget=Budget(providers={"Microsoft.Fake": 0.1}))
    poll_queue.put(second, 1.0)
    assert take(poll_queue, 0.0) is first
    assert poll_queue.take(1.0) is None
    assert poll_queue.next_s() == pytest.approx(10.0)
    assert take(poll_queue, 10.0) is second


@pytest.mark.parametrize("due_s", [0.0, 9.0], ids=["for a token", "for its due time"])
def test_a_withdrawn_job_is_not_taken(due_s: float) -> None:
    first, gone, last = job("first"), job("gone"), job("last")
    poll_queue = queue_of(first, gone, last, due_s=due_s)
    assert (poll_queue.take(0.0) is None) == bool(due_s)
    poll_queue.withdraw(gone)
    poll_queue.withdraw(gone)
    assert len(poll_queue) == 1 + bool(due_s)
    assert "gone" not in ids(poll_queue, 60.0)


def test_a_job_that_waits_for_a_token_moves_when_it_is_put_again() -> None:
    """A job whose cancel request comes first does so."""
    first, moved, last = job("first"), job("moved"), job("last")
    poll_queue = queue_of(first, moved, last)
    assert poll_queue.take(0.0) is not None
    poll_queue.put(moved, 30.0)
    assert len(poll_queue) == 2
    assert ids(poll_queue, 29.0) == ["last"]
    assert ids(poll_queue, 31.0) == ["moved"]


def test_a_hint_moves_a_job_that_waits_for_a_token_to_the_front() -> None:
    jobs = [job(name) for name in range(5)]
    poll_queue = queue_of(*jobs)
    assert poll_queue.take(0.0) is not None
    poll_queue.set_priority(jobs[4], Priority.HIGH, 0.5)
    poll_queue.set_priority(jobs[1], Priority.LOW, 0.5)
    assert ids(poll_queue, 60.0) == ["4", "2", "3", "1"]


def test_a_hint_ends_a_delay_that_azpoll_chose() -> None:
    """The minimum of one second after the last answer is kept."""
    waiting = job("a", retry_after=None)
    poll_queue = queue_of(waiting, due_s=30.0)
    poll_queue.set_priority(waiting, Priority.HIGH, 0.25)
    assert poll_queue.next_s() == pytest.approx(1.0)
    poll_queue.put(waiting, 30.0)
    poll_queue.set_priority(waiting, Priority.HIGH, 9.0)
    assert poll_queue.next_s() == 9.0


def test_a_hint_never_delays_a_job() -> None:
    waiting = job("a", retry_after=None)
    poll_queue = queue_of(waiting, due_s=2.0)
    poll_queue.set_priority(waiting, Priority.HIGH, 2.5)
    assert poll_queue.next_s() == 2.0


def test_a_hint_ends_no_delay_of_the_server() -> None:
    """The job is first once that delay has passed."""
    hinted, others = job("hinted"), [job(name) for name in range(3)]
    poll_queue = queue_of(*others, hinted, due_s=17.0)
    poll_queue.set_priority(hinted, Priority.HIGH, 5.0)
    assert poll_queue.take(16.9) is None
    assert poll_queue.next_s() == 17.0
    assert ids(poll_queue, 60.0)[0] == "hinted"


@pytest.mark.parametrize("now_s", [1.5, 4.9])
def test_rule_36_a_hint_after_a_failed_poll_keeps_its_retry_after(now_s: float) -> None:
    """Although the backoff of azpoll is longer, and is its own."""
    hinted = job("hinted")
    hinted.state = failed_often(hinted)
    poll_queue = queue_of(hinted, due_s=8.0)
    poll_queue.set_priority(hinted, Priority.HIGH, now_s)
    assert poll_queue.take(5.0) is None
    assert poll_queue.next_s() == pytest.approx(5.0)


def test_a_hint_does_not_move_a_cancel_request() -> None:
    """The next request is not a poll, and hints concern polls."""
    waiting = job("a", retry_after=None)
    waiting.cancel_request = CancelRequest(f"{HOST}/cancel")
    poll_queue = queue_of(waiting, due_s=5.0)
    poll_queue.set_priority(waiting, Priority.HIGH, 1.5)
    assert poll_queue.next_s() == 5.0


def test_a_cancel_request_goes_before_polls() -> None:
    polls, sent = [job(name) for name in range(3)], job("cancel_request")
    sent.cancel_request = CancelRequest(f"{HOST}/subscriptions/s/cancel")
    assert ids(queue_of(*polls, sent), 60.0) == ["cancel_request", "0", "1", "2"]


def test_a_priority_is_for_one_request() -> None:
    """A hint during a poll is for the next one: the poll in flight may be too early to see the end."""
    first, second = job("first"), job("second")
    poll_queue = queue_of(first, second)
    poll_queue.set_priority(first, Priority.HIGH, 0.0)
    assert poll_queue.take(0.0) is not None
    assert first.priority is Priority.NORMAL
    poll_queue.set_priority(first, Priority.HIGH, 0.1)
    poll_queue.put(first, 0.5)
    assert ids(poll_queue, 60.0) == ["first", "second"]


def test_a_job_without_a_token_at_its_deadline_expires_soon_after() -> None:
    """It is taken without a queue; the other jobs are taken as before."""
    first, late, last = job("first"), job("late", deadline_s=20.0), job("last")
    budget = Budget(rate=0.01, max_rate=0.01, burst=1.0, increase_per_s=0.0)
    poll_queue = queue_of(first, late, last, due_s=19.0, budget=budget)
    assert poll_queue.take(19.0) is not None
    assert poll_queue.take(20.0) is None
    assert poll_queue.next_s() == 20.0 + READ_WAIT_S
    assert poll_queue.take(20.0 + READ_WAIT_S) == (late, None)
    assert poll_queue.take(20.0 + READ_WAIT_S) is None
    assert len(poll_queue) == 1
    assert ids(poll_queue, 200.0) == ["last"]


def test_a_job_that_got_its_token_does_not_expire() -> None:
    late = job("late", deadline_s=20.0)
    poll_queue = queue_of(late, due_s=19.0)
    assert take(poll_queue, 19.0) is late
    assert poll_queue.take(30.0) is None
    assert poll_queue.next_s() is None


def test_hints_without_end_do_not_make_the_heap_of_deadlines_grow() -> None:
    """A job that changes its priority all the time expires once."""
    first, late = job("first"), job("late", deadline_s=20.0)
    poll_queue = queue_of(first, late, budget=Budget(rate=0.01, max_rate=0.01, burst=1.0, increase_per_s=0.0))
    assert poll_queue.take(0.0) is not None
    tracemalloc.start()
    try:
        for _ in range(5000):
            poll_queue.set_priority(late, Priority.LOW, 1.0)
            poll_queue.set_priority(late, Priority.NORMAL, 1.0)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 100_000
    assert poll_queue.take(30.0) == (late, None)
    assert poll_queue.take(30.0) is None


def test_a_burst_of_due_jobs_is_taken_in_fair_turns_although_tokens_are_left() -> None:
    """A token for each job does not let the jobs of the first owner go first."""
    jobs = [job(f"{owner}{number}", owner=owner) for owner in "ab" for number in range(3)]
    for budget in (None, Budget()):
        assert ids(queue_of(*jobs, budget=budget), 60.0) == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_429_closes_its_scope() -> None:
    first, second = job("first"), job("second")
    poll_queue = queue_of(first, second, budget=Budget())
    taken = poll_queue.take(0.0)
    assert taken is not None
    _, provider_queue = taken
    assert provider_queue is not None
    poll_queue.scopes.on_answer(provider_queue, answer(429, {"retry-after": "60"}), 0.0)
    assert poll_queue.take(59.0) is None
    (scope,) = poll_queue.scopes.statistics(59.0)
    assert (scope.throttled, scope.waiting, scope.rate) == (1, 1, 14.0)


def test_jobs_that_were_held_and_withdrawn_leave_no_entries() -> None:
    """The entries of withdrawn jobs are dropped in time, and the order of the others remains."""
    poll_queue = queue_of(budget=None)
    first, second, *others = (job(str(number)) for number in range(100))
    for each, rank in ((second, 2.0), *((other, 0.0) for other in others), (first, 1.0)):
        poll_queue.put(each, 0.0)
        taken = poll_queue.take(0.0)
        assert taken is not None
        _, provider_queue = taken
        assert provider_queue is not None
        poll_queue.hold(each, provider_queue, 0.0, rank)
        if each in others:
            poll_queue.withdraw(each)
    for each in (first, second):
        poll_queue.release()
        assert take(poll_queue, 0.0) is each
    assert len(poll_queue) == 0
