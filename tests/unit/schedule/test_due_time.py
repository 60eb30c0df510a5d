"""`DueTimes`: due times, priority times, and the durations that it learns."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.protocol.delay import DelayLimits
from azpoll.protocol.machine import advance
from azpoll.protocol.states import FailureCounts, Polling
from azpoll.schedule.due_time import EVEN_SHARE, JITTER, DueTimes, detection_of
from azpoll.schedule.durations import LEAST_SAMPLES, Durations, Histogram
from azpoll.schedule.job import Priority
from tests.support.jobs import answer, failed_often, job

if TYPE_CHECKING:
    from azpoll.tracking.record import OperationRecord

KIND = "PUT microsoft.fake/things"
DATE = "Fri, 02 Jan 2026 03:05:00 GMT"
ENDED = "2026-01-02T03:04:50Z"


def due_of(record: OperationRecord, durations: Durations | None = None, at_s: float = 0.0) -> tuple[float, float]:
    assert isinstance(record.state, Polling)
    return DueTimes(Random(1), durations).of(record, record.state, at_s)  # noqa: S311 - reproducible


def of_a_minute() -> Durations:
    durations = Durations()
    for _ in range(LEAST_SAMPLES):
        durations.add(KIND, 60.0)
    return durations


def polling(record: OperationRecord) -> Polling:
    assert isinstance(record.state, Polling)
    return record.state


def test_a_delay_of_the_server_has_no_jitter() -> None:
    """Rounding never makes it too short (rule 36)."""
    due_s, priority_time = due_of(job(retry_after=17), at_s=0.1)
    assert due_s == priority_time == pytest.approx(17.1, abs=1e-5)
    assert due_s - 0.1 >= 17


def test_jitter_makes_a_delay_of_azpoll_longer_and_never_shorter() -> None:
    due_times, record = DueTimes(Random(1)), job(retry_after=None)  # noqa: S311 - reproducible
    waits = [due_times.of(record, polling(record), 0.0)[0] for _ in range(1000)]
    assert 1.0 <= min(waits) < 1.01
    assert 1 + 0.9 * JITTER < max(waits) <= 1.0001 + JITTER


def test_learned_durations_set_the_delay_where_the_server_sets_none() -> None:
    due_s, priority_time = due_of(job(retry_after=None), of_a_minute())
    assert due_s == pytest.approx(60, rel=0.1)
    assert priority_time == pytest.approx(60, rel=0.1)


def test_learned_durations_keep_the_delay_of_the_server_and_set_the_priority_time() -> None:
    due_s, priority_time = due_of(job(retry_after=17), of_a_minute())
    assert due_s == pytest.approx(17, abs=1e-5)
    assert priority_time == pytest.approx(60, rel=0.1)


def test_an_unknown_kind_has_the_default_schedule() -> None:
    due_s, priority_time = due_of(job(retry_after=None), Durations())
    assert due_s == priority_time <= 1 + 2 * JITTER


def test_learned_durations_change_no_interval_of_the_caller_and_no_backoff() -> None:
    record = job(retry_after=None)
    state = polling(record)
    paced = state._replace(plan=state.plan._replace(delay_limits=DelayLimits(interval=5.0)))
    failing = state._replace(failure_counts=FailureCounts(failures=1))
    for fixed in (paced, failing):
        due_s, _ = DueTimes(Random(1), of_a_minute()).of(record, fixed, 0.0)  # noqa: S311 - reproducible
        assert due_s <= 1 + 2 * JITTER


def test_a_learned_delay_ends_at_the_deadline() -> None:
    """The last poll is sent at the deadline, not after it."""
    due_s, _ = due_of(job(retry_after=None, deadline_s=30.0), of_a_minute())
    assert due_s == 30.0


def test_a_hint_during_the_last_request_ends_a_delay_of_azpoll() -> None:
    """The minimum delay is kept, and so is a delay of the server."""
    own, told = job(retry_after=None), job(retry_after=17)
    own.priority = told.priority = Priority.HIGH
    assert due_of(own, of_a_minute())[0] == pytest.approx(1, abs=1e-5)
    assert due_of(told, of_a_minute())[0] == pytest.approx(17, abs=1e-5)


def test_rule_36_a_hint_during_a_failed_poll_keeps_its_retry_after() -> None:
    """Although the backoff of azpoll is longer, and is its own."""
    hinted = job(retry_after=17)
    hinted.state = failed_often(hinted)
    hinted.priority = Priority.HIGH
    assert due_of(hinted)[0] == pytest.approx(5, abs=1e-5)


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
def test_detection_is_measured_by_the_clock_of_the_server(
    end_time: str | None, date: str, seconds: float | None
) -> None:
    """A time without a zone is UTC. Without a readable `Date` the time of arrival counts (03:04:05)."""
    headers = {"date": date} if date else {}
    assert detection_of(answer(headers=headers), end_time) == seconds


@pytest.mark.parametrize(("body", "taught"), [(b"", 30.0), (b',"endTime":"2026-01-02T03:04:50Z"', 20.0)])
def test_a_learned_duration_excludes_the_detection_delay(body: bytes, taught: float) -> None:
    durations, detection = Durations(), Histogram()
    record = job()
    outcome = answer(200, {"date": DATE}, b'{"status":"Failed"' + body + b"}", at_s=30.0)
    plan = polling(record).plan
    record.state = advance(polling(record), outcome)
    for _ in range(LEAST_SAMPLES):
        DueTimes(Random(1), durations).learn(plan, record, outcome, detection)  # noqa: S311 - reproducible
    assert durations.wait_s(KIND, 0.0, EVEN_SHARE) == pytest.approx(taught, rel=0.1)
    assert detection.total == (LEAST_SAMPLES if body else 0)


def test_an_operation_that_was_given_up_is_not_learned() -> None:
    """It may still run, also if its last poll had no answer."""
    durations, detection = Durations(), Histogram()
    record = job()
    plan = polling(record).plan
    gone = answer(302, {"location": "https://elsewhere.example/"}, at_s=30.0)
    record.state = advance(polling(record), gone)
    assert not isinstance(record.state, Polling)
    DueTimes(Random(1), durations).learn(plan, record, gone, detection)  # noqa: S311 - reproducible
    assert repr(durations) == "<Durations of 0 kinds>"
    DueTimes(Random(1), durations).learn(plan, record, RequestFailure(FailureKind.TIMEOUT, "", 30.0), detection)  # noqa: S311 - reproducible
    assert detection.total == 0


def test_without_durations_only_the_detection_delay_is_recorded() -> None:
    detection = Histogram()
    record = job()
    outcome = answer(200, {"date": DATE}, b'{"status":"Failed","endTime":"2026-01-02T03:04:50Z"}', at_s=30.0)
    plan = polling(record).plan
    record.state = advance(polling(record), outcome)
    DueTimes(Random(1)).learn(plan, record, outcome, detection)  # noqa: S311 - reproducible
    assert detection.total == 1
