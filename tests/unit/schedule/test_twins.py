"""Jobs that ask the same URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.schedule.single_flight import SingleFlight
from tests.support.jobs import job

if TYPE_CHECKING:
    from azpoll.tracking.record import OperationRecord

URL = "https://host/status"


def shelf(number: int) -> tuple[SingleFlight, list[OperationRecord]]:
    sharers, jobs = SingleFlight(), [job(name) for name in range(number)]
    for one in jobs:
        sharers.add(URL, one)
    return sharers, jobs


def test_a_job_alone_has_none() -> None:
    sharers, (alone,) = shelf(1)
    assert sharers.of(URL, alone) == []
    assert sharers.of("https://host/elsewhere", alone) == []


def test_the_others_are_named_in_the_order_they_came() -> None:
    """Also to a job that is not in itself, as one that is being asked."""
    sharers, jobs = shelf(4)
    assert sharers.of(URL, jobs[1]) == [jobs[0], jobs[2], jobs[3]]
    assert sharers.of(URL, job("asked")) == jobs


def test_those_that_leave_are_named_no_more() -> None:
    sharers, jobs = shelf(3)
    for provider_queue, one in enumerate(jobs):
        sharers.discard(URL, one)
        assert sharers.of(URL, one) == jobs[provider_queue + 1 :]
    sharers.add(URL, jobs[0])
    sharers.discard(URL, jobs[0])
    assert sharers.of(URL, jobs[1]) == []
