"""`DueTimes`: due times, priority times, and the durations that it learns."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

import pytest

from azpoll.protocol.answer import FailureKind, RequestFailure
from azpoll.protocol.delay import DelayLimits
from azpoll.protocol.machine import advance
from azpoll.protocol.states import FailureCounts, Fetching, Polling, Succeeded
from azpoll.schedule.due_time import JITTER, DueTimes, detection_of
from azpoll.schedule.durations import Durations
from azpoll.schedule.histogram import Histogram
from azpoll.schedule.job import Priority
from azpoll.schedule.polling_schedule import checking_delay
from tests.support.jobs import COLLECTION, answer, failed_often, job

if TYPE_CHECKING:
    from azpoll.protocol.answer import Answer
    from azpoll.tracking.record import OperationRecord

URL = f"{COLLECTION}/a"
RUNNING = b'{"status":"Running"}'
DATE = "Fri, 02 Jan 2026 03:05:00 GMT"
ENDED = "2026-01-02T03:04:50Z"


def due_of(
    record: OperationRecord, durations: Durations | None = None, at_s: float = 0.0, shortage: float = 0.0
) -> tuple[float, float]:
    assert isinstance(record.state, Polling)
    return DueTimes(Random(1), durations).of(record, record.state, at_s, shortage)  # noqa: S311 - reproducible


def of_a_minute() -> Durations:
    """Return completion times of an operation that takes a minute: the recorded ones have no weight left."""
    durations = Durations()
    for _ in range(900):
        durations.learn("PUT", URL, 60.0)
    return durations


def polling(record: OperationRecord) -> Polling:
    assert isinstance(record.state, Polling)
    return record.state


def waits_at(age_s: float, durations: Durations, *, floor: float = 1.0, shortage: float = 0.0) -> list[float]:
    """Return many delays of an operation that runs at an age, each with its own jitter."""
    record = job(retry_after=None)
    state = polling(record)
    state = state._replace(plan=state.plan._replace(delay_limits=DelayLimits(floor=floor)))
    due_times = DueTimes(Random(1), durations)  # noqa: S311 - reproducible
    return [due_times.of(record, state, age_s, shortage)[0] - age_s for _ in range(500)]


def test_a_delay_of_the_server_has_no_jitter() -> None:
    """Rounding never makes it too short (rule 36)."""
    due_s, priority_time = due_of(job(retry_after=17), at_s=0.1)
    assert due_s == priority_time == pytest.approx(17.1, abs=1e-5)
    assert due_s - 0.1 >= 17


def test_rule_36_jitter_makes_a_delay_of_azpoll_longer_and_never_shorter() -> None:
    """The doubling and the checking schedule (rule 50) have it."""
    due_times, record = DueTimes(Random(1)), job(retry_after=None)  # noqa: S311 - reproducible
    waits = [due_times.of(record, polling(record), 0.0)[0] for _ in range(1000)]
    assert 1.0 <= min(waits) < 1.01
    assert 1 + 0.9 * JITTER < max(waits) <= 1.0001 + JITTER
    exact_s = checking_delay(Durations().of("PUT", URL).quantiles, 30.0, 1.0)
    waits = waits_at(30.0, Durations())
    assert exact_s <= min(waits) < 1.01 * exact_s
    assert (1 + 0.9 * JITTER) * exact_s < max(waits) <= (1.0001 + JITTER) * exact_s


def test_rule_50_completion_times_set_the_delay_where_the_server_sets_none() -> None:
    due_s, priority_time = due_of(job(retry_after=None), of_a_minute())
    assert due_s == pytest.approx(math.sqrt(2 * 60 / 0.105), rel=0.2)
    assert priority_time == pytest.approx(60, rel=0.1)


def test_rule_50_no_delay_is_below_the_floor_or_above_60_s() -> None:
    """Also with jitter. A higher floor counts."""
    short = Durations()
    for _ in range(900):
        short.learn("PUT", URL, 0.01)
    assert min(waits_at(0.0, short)) == max(waits_at(0.0, short)) == pytest.approx(1.0, abs=1e-5)
    assert max(waits_at(1e5, Durations())) == pytest.approx(60.0, abs=1e-5)
    assert min(waits_at(1e5, Durations(), floor=90.0)) == pytest.approx(90.0, abs=1e-5)
    assert 0 < min(waits_at(0.0, short, floor=0.0)) < 0.1


def test_rule_50_the_price_rises_to_5_as_reads_run_short() -> None:
    """The delay grows with the root of the price. A price of the caller's rises as well."""
    normal, short, none = (min(waits_at(300.0, Durations(), shortage=share)) for share in (0.0, 0.5, 1.0))
    assert short == pytest.approx(math.sqrt(3) * normal, rel=0.01)
    assert none == pytest.approx(math.sqrt(5) * normal, rel=0.01)
    cheap = min(waits_at(300.0, Durations(price=0.5), shortage=1.0))
    assert cheap == pytest.approx(math.sqrt(2.5) * normal, rel=0.01)


def test_learned_times_keep_the_delay_of_the_server_and_set_the_priority_time() -> None:
    due_s, priority_time = due_of(job(retry_after=17), of_a_minute())
    assert due_s == pytest.approx(17, abs=1e-5)
    assert priority_time == pytest.approx(60, rel=0.1)


def test_recorded_times_alone_set_no_priority_time() -> None:
    """They are of other callers' operations: in a queue the due time counts until 20 have ended here."""
    for retry_after in (17, None):
        due_s, priority_time = due_of(job(retry_after=retry_after), Durations())
        assert due_s == priority_time


def test_rule_50_completion_times_change_no_interval_of_the_caller_and_no_backoff() -> None:
    """The schedule shortens no backoff (rules 25 to 27)."""
    record = job(retry_after=None)
    state = polling(record)
    paced = state._replace(plan=state.plan._replace(delay_limits=DelayLimits(interval=5.0)))
    kinds = (FailureCounts(failures=1), FailureCounts(misses=1), FailureCounts(unauthorized=1))
    for fixed in (paced, *(state._replace(failure_counts=counts) for counts in kinds)):
        due_s, _ = DueTimes(Random(1), of_a_minute()).of(record, fixed, 0.0)  # noqa: S311 - reproducible
        assert due_s <= 1 + 2 * JITTER


def test_rule_36_the_initial_retry_after_is_the_least_first_delay_of_the_schedule() -> None:
    """Where the first poll names none. Later delays are of the schedule alone."""
    record = job(retry_after=50)
    first = advance(polling(record), answer(200, {}, RUNNING, at_s=50.0))
    assert isinstance(first, Polling)
    second = advance(first, answer(200, {}, RUNNING, at_s=100.0))
    assert isinstance(second, Polling)
    due_times = DueTimes(Random(1), Durations())  # noqa: S311 - reproducible
    assert due_times.of(record, first, 50.0)[0] == pytest.approx(100.0, abs=1e-5)
    assert due_times.of(record, second, 100.0)[0] < 130.0


def test_a_delay_of_the_schedule_ends_at_the_deadline() -> None:
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


def taught_by(outcome: Answer | RequestFailure, since_s: float) -> tuple[Durations, Histogram]:
    """Return the durations and the detection delay after one outcome; the last answer before it came at `since_s`."""
    durations, detection = Durations(), Histogram()
    record = job()
    before = polling(record)
    record.state = advance(before, outcome)
    DueTimes(Random(1), durations).learn(before, record, outcome, since_s, detection)  # noqa: S311 - reproducible
    return durations, detection


@pytest.mark.parametrize(
    ("body", "taught_s"),
    [
        (b"", 25.0),
        (b',"endTime":"2026-01-02T03:04:52Z"', 22.0),
        (b',"endTime":"2026-01-02T03:04:30Z"', 25.0),
        (b',"endTime":"x"', 25.0),
    ],
)
@pytest.mark.parametrize("word", [b"Succeeded", b"Failed", b"Canceled"])
def test_rule_50_an_end_is_learned_as_reported_or_halfway_between_two_polls(
    word: bytes, body: bytes, taught_s: float
) -> None:
    """Not at the last poll: the schedule would grow by its own delays. An end before both is not believed."""
    outcome = answer(200, {"date": DATE}, b'{"status":"' + word + b'"' + body + b"}", at_s=30.0)
    durations, detection = taught_by(outcome, since_s=20.0)
    assert durations.of("PUT", URL).learned.quantile(0.5) == pytest.approx(taught_s, rel=0.1)
    assert detection.total == (body.endswith(b'Z"'))


def test_rule_50_the_final_get_teaches_nothing() -> None:
    """The operation ended before it."""
    durations, detection = Durations(), Histogram()
    record = job()
    before = advance(polling(record), answer(200, {}, b'{"status":"Succeeded"}', at_s=30.0))
    assert isinstance(before, Fetching)
    result = answer(200, {}, b'{"id":"/x"}', at_s=40.0)
    record.state = advance(before, result)
    assert isinstance(record.state, Succeeded)
    DueTimes(Random(1), durations).learn(before, record, result, 30.0, detection)  # noqa: S311 - reproducible
    assert not durations.of("PUT", URL).learned.total


@pytest.mark.parametrize(
    "outcome",
    [
        answer(302, {"location": "https://elsewhere.example/"}, at_s=30.0),
        answer(503, {}, at_s=30.0),
        RequestFailure(FailureKind.TIMEOUT, "", 30.0),
        RequestFailure(FailureKind.CERTIFICATE, "", 30.0),
    ],
)
def test_an_operation_that_was_given_up_or_still_runs_is_not_learned(outcome: Answer | RequestFailure) -> None:
    durations, detection = taught_by(outcome, since_s=20.0)
    assert not durations.of("PUT", URL).learned.total
    assert not detection.total


def test_without_durations_only_the_detection_delay_is_recorded() -> None:
    detection = Histogram()
    record = job()
    outcome = answer(200, {"date": DATE}, b'{"status":"Failed","endTime":"2026-01-02T03:04:50Z"}', at_s=30.0)
    before = polling(record)
    record.state = advance(before, outcome)
    DueTimes(Random(1)).learn(before, record, outcome, 20.0, detection)  # noqa: S311 - reproducible
    assert detection.total == 1
