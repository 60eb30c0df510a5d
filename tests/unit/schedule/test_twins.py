"""Jobs that ask the same URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.schedule.twins import Twins
from tests.support.jobs import job

if TYPE_CHECKING:
    from azpoll.record import Record

URL = "https://host/status"


def shelf(number: int) -> tuple[Twins, list[Record]]:
    twins, jobs = Twins(), [job(name) for name in range(number)]
    for one in jobs:
        twins.add(URL, one)
    return twins, jobs


def test_a_job_alone_has_none() -> None:
    twins, (alone,) = shelf(1)
    assert twins.of(URL, alone) == []
    assert twins.of("https://host/elsewhere", alone) == []


def test_the_others_are_named_in_the_order_they_came() -> None:
    """Also to a job that is not in itself, as one that is being asked."""
    twins, jobs = shelf(4)
    assert twins.of(URL, jobs[1]) == [jobs[0], jobs[2], jobs[3]]
    assert twins.of(URL, job("asked")) == jobs


def test_those_that_leave_are_named_no_more() -> None:
    twins, jobs = shelf(3)
    for place, one in enumerate(jobs):
        twins.discard(URL, one)
        assert twins.of(URL, one) == jobs[place + 1 :]
    twins.add(URL, jobs[0])
    twins.discard(URL, jobs[0])
    assert twins.of(URL, jobs[1]) == []
