"""The lane of one scope: the reads of its meters, turns of owners, ranks."""

from __future__ import annotations

import math
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

import pytest

from azpoll.schedule.budget import Budget
from azpoll.schedule.lane import COVERED_EVERY, HEAD_START_S, Lane, Place, Rank
from azpoll.schedule.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azpoll.schedule.budget import Meter

SCOPE = Scope("https://host", "s", "")
NUMBERS = count(1)


class Job:
    """A due job."""

    def __init__(self, name: object = None, owner: Hashable = None, rank: Rank = Rank.PLAIN) -> None:
        self.name = name
        self.entry = 0
        self.due_s = 0.0
        self.order_s = 0.0
        self.rank = rank
        self.owner = owner


def meter(rate: float, burst: float = 1.0) -> Meter:
    return Budget(rate=rate, ceiling=rate, burst=burst, rise=0.0).meter(0.0)


def lane_of(gives: Meter | None = None) -> tuple[Lane[Job], Place[Job]]:
    lane: Lane[Job] = Lane(SCOPE, gives)
    return lane, Place(lane, "", None)


def add(place: Place[Job], *jobs: Job) -> None:
    for job in jobs:
        place.lane.add(job, place, next(NUMBERS))


def taken(lane: Lane[Job], now_s: float) -> list[object]:
    names: list[object] = []
    while (job := lane.take(now_s)) is not None:
        assert job.entry == 0
        names.append(job.name)
    return names


def test_an_empty_lane_gives_nothing_ever() -> None:
    lane, _ = lane_of(meter(1))
    assert lane.take(1e9) is None
    assert lane.next_s(0.0) == math.inf


def test_without_a_meter_all_leave_at_once_in_their_order() -> None:
    lane, place = lane_of()
    jobs = [Job(name) for name in range(5)]
    jobs[3].order_s = -1.0
    add(place, *jobs)
    assert (lane.waiting, lane.next_s(7.0)) == (5, 7.0)
    assert taken(lane, 7.0) == [3, 0, 1, 2, 4]
    assert (lane.waiting, lane.reads) == (0, 5)
    assert lane.lateness.quantile(0.5) == pytest.approx(7, rel=0.1)


def test_reads_are_given_at_the_rate_of_the_meter() -> None:
    """Two a second, and the lane says when the next one is."""
    lane, place = lane_of(meter(2))
    add(place, *(Job(name) for name in range(4)))
    assert taken(lane, 0.0) == [0]
    assert lane.next_s(0.0) == pytest.approx(0.5)
    assert taken(lane, 0.4) == []
    assert taken(lane, 0.5) == [1]
    assert taken(lane, 1.0) == [2]


def test_owners_of_1_10_and_100_jobs_share_the_reads_evenly() -> None:
    """Each is within 10 % of its share for as long as it has jobs; the small ones are done first."""
    lane, place = lane_of()
    for owner, jobs in (("large", 1000), ("middle", 100), ("small", 10)):
        add(place, *(Job(owner, owner) for _ in range(jobs)))
    names = taken(lane, 0.0)
    assert Counter(names[:30]) == {"large": 10, "middle": 10, "small": 10}
    shares = Counter(names[30:210])
    assert shares["large"] == pytest.approx(90, rel=0.1)
    assert shares["middle"] == pytest.approx(90, rel=0.1)
    assert set(names[210:]) == {"large"}


def test_an_owner_that_comes_and_goes_gets_no_more_than_its_share() -> None:
    """Arriving with one job at a time is not a way to the front."""
    lane, place = lane_of()
    add(place, *(Job(owner, owner) for owner in "abcd" for _ in range(100)))
    names: list[object] = []
    for _ in range(100):
        add(place, Job("guest", "guest"))
        job = lane.take(0.0)
        assert job is not None
        names.append(job.name)
    assert Counter(names)["guest"] == pytest.approx(20, abs=2)


def test_hinted_jobs_come_first() -> None:
    lane, place = lane_of()
    add(place, Job("plain"), Job("hinted", rank=Rank.HINTED))
    assert taken(lane, 0.0) == ["hinted", "plain"]


def test_hinted_jobs_hold_nobody_up_for_ever() -> None:
    """With a hint for every read there is, a plain job is asked after a minute all the same."""
    lane, place = lane_of(meter(1))
    add(place, Job("plain"))
    for second in range(200):
        hinted = Job("hinted", rank=Rank.HINTED)
        hinted.order_s = float(second)
        add(place, hinted)
        job = lane.take(float(second))
        assert job is not None
        if job.name == "plain":
            assert second == pytest.approx(HEAD_START_S, abs=2)
            return
    raise AssertionError("the plain job starved")


def test_covered_jobs_are_asked_with_reads_to_spare_alone() -> None:
    """Only while the meter holds half its burst."""
    lane, place = lane_of(meter(1, burst=10))
    add(place, *(Job("covered", rank=Rank.COVERED) for _ in range(20)))
    assert len(taken(lane, 0.0)) == 6
    assert lane.next_s(0.0) == pytest.approx(1.0)
    add(place, *(Job("plain") for _ in range(20)))
    assert lane.next_s(0.0) == 0.0
    assert set(taken(lane, 0.0)) == {"plain"}


def test_one_read_in_many_goes_to_a_covered_job_all_the_same() -> None:
    """What covers it may be wrong: it must not wait for ever behind those that are not."""
    lane, place = lane_of(meter(1))
    add(place, Job("covered", rank=Rank.COVERED))
    for second in range(2 * COVERED_EVERY):
        add(place, Job("plain"))
        job = lane.take(float(second))
        assert job is not None
        if job.name == "covered":
            assert lane.reads == COVERED_EVERY
            return
    raise AssertionError("the covered job starved")


def test_a_provider_that_is_closed_delays_no_other() -> None:
    """The sub-scope's jobs wait for its own meter, the rest of the scope for the scope's."""
    lane, open_place = lane_of(meter(10, burst=10))
    closed = meter(1)
    closed.throttled(0.0, 100.0, 0.7)
    closed_place: Place[Job] = Place(lane, "microsoft.x/", closed)
    add(closed_place, Job("closed"), Job("closed", rank=Rank.COVERED))
    assert lane.next_s(0.0) >= 100.0
    add(open_place, Job("open"))
    assert lane.next_s(0.0) == 0.0
    assert taken(lane, 0.0) == ["open"]
    assert lane.next_s(0.0) >= 100.0
    assert taken(lane, 110.0) == ["closed"]


def test_an_owner_with_jobs_of_two_providers_has_one_share() -> None:
    lane, first = lane_of()
    second: Place[Job] = Place(lane, "microsoft.x/", None)
    for place in (first, second):
        add(place, *(Job("both", "both") for _ in range(50)))
    add(first, *(Job("one", "one") for _ in range(50)))
    assert Counter(taken(lane, 0.0)[:40]) == {"both": 20, "one": 20}


def test_a_job_that_is_withdrawn_leaves_the_rest_as_they_were() -> None:
    lane, place = lane_of()
    jobs = [Job(name, owner=name % 2) for name in range(4)]
    add(place, *jobs)
    jobs[0].entry = 0
    lane.withdraw(jobs[0], place, jobs[0].rank)
    assert lane.waiting == 3
    assert taken(lane, 0.0) == [2, 1, 3]


def test_a_lane_tells_when_an_arrival_may_change_its_next_time() -> None:
    """Only the first job of a kind at a place can: so a thousand arrivals cost little."""
    lane, place = lane_of()
    jobs = [Job(), Job(), Job(rank=Rank.COVERED)]
    assert [lane.add(job, place, next(NUMBERS)) for job in jobs] == [True, False, True]
