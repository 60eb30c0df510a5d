"""When the next request is due, and what is learned from an end."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from azpoll.protocol.delay import DelayLimits
from azpoll.protocol.machine import advance
from azpoll.protocol.states import FailureCounts, Polling
from azpoll.schedule.due_time import JITTER, DueTimes, detection_of
from azpoll.schedule.durations import LEAST_SAMPLES, Durations
from azpoll.schedule.histogram import Histogram
from azpoll.schedule.scope_queue import Priority
from tests.support.jobs import answer, job

if TYPE_CHECKING:
    from azpoll.tracking.record import OperationRecord

KIND = "PUT microsoft.fake/things"
DATE = "Fri, 02 Jan 2026 03:05:00 GMT"
ENDED = "2026-01-02T03:04:50Z"


def due_of(record: OperationRecord, durations: Durations | None = None, at_s: float = 0.0) -> tuple[float, float]:
    assert isinstance(record.state, Polling)
    return DueTimes(Random(1), durations).of(record, record.state, at_s)  # noqa: S311 - to be repeated


def of_a_minute() -> Durations:
    durations = Durations()
    for _ in range(LEAST_SAMPLES):
        durations.add(KIND, 60.0)
    return durations


def polling(record: OperationRecord) -> Polling:
    assert isinstance(record.state, Polling)
    return record.state


def test_a_wait_the_server_asked_for_has_no_jitter() -> None:
    """And is never a hair too short (rule 36)."""
    due_s, priority_time = due_of(job(retry_after=17), at_s=0.1)
    assert due_s == priority_time == pytest.approx(17.1, abs=1e-5)
    assert due_s - 0.1 >= 17


def test_a_wait_of_our_own_is_jittered_later_and_never_sooner() -> None:
    due_times, record = DueTimes(Random(1)), job(retry_after=None)  # noqa: S311 - to be repeated
    waits = [due_times.of(record, polling(record), 0.0)[0] for _ in range(1000)]
    assert 1.0 <= min(waits) < 1.01
    assert 1 + 0.9 * JITTER < max(waits) <= 1.0001 + JITTER


def test_learned_durations_set_the_wait_where_the_server_names_none() -> None:
    due_s, priority_time = due_of(job(retry_after=None), of_a_minute())
    assert due_s == pytest.approx(60, rel=0.1)
    assert priority_time == pytest.approx(60, rel=0.1)


def test_learned_durations_leave_a_wait_that_the_server_named_and_set_the_order() -> None:
    due_s, priority_time = due_of(job(retry_after=17), of_a_minute())
    assert due_s == pytest.approx(17, abs=1e-5)
    assert priority_time == pytest.approx(60, rel=0.1)


def test_a_kind_never_seen_goes_by_the_default_schedule() -> None:
    due_s, priority_time = due_of(job(retry_after=None), Durations())
    assert due_s == priority_time <= 1 + 2 * JITTER


def test_an_interval_of_the_caller_and_a_failed_poll_are_left_alone_too() -> None:
    record = job(retry_after=None)
    state = polling(record)
    paced = state._replace(plan=state.plan._replace(delay_limits=DelayLimits(interval=5.0)))
    failing = state._replace(failure_counts=FailureCounts(failures=1))
    for fixed in (paced, failing):
        due_s, _ = DueTimes(Random(1), of_a_minute()).of(record, fixed, 0.0)  # noqa: S311 - to be repeated
        assert due_s <= 1 + 2 * JITTER


def test_a_learned_wait_ends_with_the_time_that_the_operation_is_given() -> None:
    """Its last poll is made at the deadline, not after it."""
    due_s, _ = due_of(job(retry_after=None, deadline_s=30.0), of_a_minute())
    assert due_s == 30.0


def test_a_hint_that_came_during_the_last_request_ends_a_wait_of_our_own() -> None:
    """After the floor of the pace; what the server asked for is kept."""
    own, told = job(retry_after=None), job(retry_after=17)
    own.priority = told.priority = Priority.HIGH
    assert due_of(own, of_a_minute())[0] == pytest.approx(1, abs=1e-5)
    assert due_of(told, of_a_minute())[0] == pytest.approx(17, abs=1e-5)


@pytest.mark.parametrize(
    ("end_time", "date", "seconds"),
    [
        (ENDED, DATE, 10.0),
        ("2026-01-02T04:04:50+01:00", DATE, 10.0),
        ("2026-01-02T03:04:50", DATE, 10.0),
        ("2026-01-02T03:06:00Z", DATE, 0.0),
        (ENDED, "", 0.0),
        ("2026-01-02T03:04:00Z", "", 5.0),
        ("2026-01-02T03:04:00Z", "Fri, 02 Jan 2026 03:05:00 -0000", 5.0),
        ("2026-01-02T03:04:00Z", f"Fri, 02 Jan {'9' * 20} 03:05:00 GMT", 5.0),
        ("2026-01-02T03:04:00Z", f"Fri, 02 Jan 2026 03:05:00 +{'9' * 20}", 5.0),
        ("yesterday", DATE, None),
        (None, DATE, None),
    ],
)
def test_detection_is_from_the_end_told_to_the_answer_by_the_clock_of_the_server(
    end_time: str | None, date: str, seconds: float | None
) -> None:
    """UTC where no zone is told; a `Date` that cannot be read gives way to when the answer came (03:04:05)."""
    headers = {"date": date} if date else {}
    assert detection_of(answer(headers=headers), end_time) == seconds


@pytest.mark.parametrize(("body", "taught"), [(b"", 30.0), (b',"endTime":"2026-01-02T03:04:50Z"', 20.0)])
def test_an_end_teaches_how_long_it_took_without_the_time_it_was_not_seen(body: bytes, taught: float) -> None:
    durations, detection = Durations(), Histogram()
    record = job()
    outcome = answer(200, {"date": DATE}, b'{"status":"Failed"' + body + b"}", at_s=30.0)
    plan = polling(record).plan
    record.state = advance(polling(record), outcome)
    for _ in range(LEAST_SAMPLES):
        DueTimes(Random(1), durations).learn(plan, record, outcome, detection)  # noqa: S311 - to be repeated
    assert durations.even_s(KIND, 0.0) == pytest.approx(taught, rel=0.1)
    assert detection.total == (LEAST_SAMPLES if body else 0)


def test_what_was_given_up_teaches_nothing() -> None:
    """It may still run."""
    durations, detection = Durations(), Histogram()
    record = job()
    plan = polling(record).plan
    gone = answer(302, {"location": "https://elsewhere.example/"}, at_s=30.0)
    record.state = advance(polling(record), gone)
    assert not isinstance(record.state, Polling)
    DueTimes(Random(1), durations).learn(plan, record, gone, detection)  # noqa: S311 - to be repeated
    assert repr(durations) == "<Durations of 0 kinds>"
