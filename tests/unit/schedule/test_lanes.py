"""All lanes: which one a URL belongs to, and what answers tell of read limits."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from azpoll.protocol.answer import Fault, Unreachable
from azpoll.protocol.throttle import Reach
from azpoll.schedule.budget import Budget
from azpoll.schedule.lanes import COLLECTIONS_KEPT, PLACES_KEPT, Lanes
from tests.support.jobs import HOST, SHELF, answer, job

if TYPE_CHECKING:
    from azpoll.record import Record
    from azpoll.schedule.lane import Place

ONE_A_SECOND = Budget(rate=1.0, ceiling=1.0, burst=1.0, rise=0.0)
OPERATIONS = "providers/Microsoft.Fake/locations/west/operations"


def lanes_of(budget: Budget | None = ONE_A_SECOND) -> Lanes[Record]:
    return Lanes(budget, count(1))


def add(lanes: Lanes[Record], url: str, *names: str) -> Place[Record]:
    """Let jobs wait to read in the scope of a URL."""
    place = lanes.place_of(url, 0.0)
    for name in names:
        lanes.add(job(name), place, 0.0)
    return place


def taken(lanes: Lanes[Record], now_s: float) -> list[str]:
    names: list[str] = []
    while (one := lanes.take(now_s)) is not None:
        names.append(one.label or "")
    return names


def throttled(reach: Reach) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a 429 that asks for ten seconds."""
    provider = {"x-ms-ratelimit-remaining-resource": "Microsoft.Fake/Get;0"} if reach is Reach.PROVIDER else {}
    body = b'{"error":{"code":"RetryableErrorDueToAnotherOperation"}}' if reach is Reach.OPERATION else b""
    return {"retry-after": "10", **provider}, body


def test_urls_of_a_collection_are_counted_alike() -> None:
    lanes = lanes_of()
    place = lanes.place_of(f"{HOST}/subscriptions/s/{OPERATIONS}/1?api-version=1", 0.0)
    assert lanes.place_of(f"{HOST}/subscriptions/s/{OPERATIONS}/2?t=/a/b", 0.0) is place
    assert lanes.place_of(f"{HOST}/SUBSCRIPTIONS/S/{OPERATIONS}/3", 0.0) is place
    elsewhere = lanes.place_of(f"{HOST}/subscriptions/s/providers/Microsoft.Fake/locations/east/operations/1", 0.0)
    assert elsewhere is not place
    assert elsewhere.lane is place.lane


@pytest.mark.parametrize("collection", ["subscriptions", "subscriptions/s/providers"])
def test_urls_beneath_a_collection_that_names_scopes_are_told_apart(collection: str) -> None:
    lanes = lanes_of()
    first, second = (lanes.place_of(f"{HOST}/{collection}/{name}", 0.0) for name in "ab")
    assert first is not second


def test_any_number_of_collections_is_counted_right() -> None:
    """Also those that were forgotten in between."""
    lanes = lanes_of()
    place = lanes.place_of(f"{SHELF}/a/b", 0.0)
    for number in range(COLLECTIONS_KEPT + 1):
        assert lanes.place_of(f"{SHELF}/{number}/b", 0.0) is place


def test_scopes_that_have_nothing_to_remember_are_forgotten() -> None:
    """Where somebody waits, or reads are spent, all is kept."""
    lanes = lanes_of()
    add(lanes, f"{HOST}/subscriptions/waits/x", "first", "second")
    assert taken(lanes, 0.0) == ["first"]
    for number in range(3 * PLACES_KEPT):
        lanes.place_of(f"{HOST}/subscriptions/{number}/x", 0.0)
    scopes = [scope.scope for scope in lanes.statistics(0.0)]
    assert len(scopes) <= PLACES_KEPT + 1
    assert scopes[0] == f"{HOST} waits"
    assert taken(lanes, 1.0) == ["second"]


def test_a_scope_that_waits_for_reads_delays_no_other() -> None:
    lanes = lanes_of()
    add(lanes, f"{HOST}/subscriptions/a/x", "a1", "a2", "a3")
    add(lanes, f"{HOST}/subscriptions/b/x", "b1", "b2")
    assert taken(lanes, 0.0) == ["a1", "b1"]
    assert lanes.waiting == 3
    assert lanes.next_s() == pytest.approx(1.0)
    assert taken(lanes, 1.0) == ["a2", "b2"]


def test_a_429_of_the_subscription_closes_all_of_its_places_and_no_other_scope() -> None:
    lanes = lanes_of(Budget())
    place = add(lanes, f"{HOST}/subscriptions/a/{OPERATIONS}/1", "a1")
    add(lanes, f"{HOST}/subscriptions/a/resourceGroups/g/x", "a2")
    add(lanes, f"{HOST}/subscriptions/b/{OPERATIONS}/1", "b1")
    throttle = lanes.heard(place, answer(429, *throttled(Reach.SCOPE)), 0.0)
    assert throttle is not None
    assert (throttle.reach, throttle.retry_after_s) == (Reach.SCOPE, 10.0)
    assert taken(lanes, 9.9) == ["b1"]
    assert sorted(taken(lanes, 11.0)) == ["a1", "a2"]
    first, second = lanes.statistics(0.0)
    assert (first.throttled, second.throttled) == (1, 0)
    assert first.rate == pytest.approx(14.5)  # 0.7 of 20, and a quiet second since


def test_a_429_of_a_provider_closes_its_place_alone_for_its_time() -> None:
    """It is found to have a limit, beneath that of the subscription."""
    lanes = lanes_of(Budget())
    place = add(lanes, f"{HOST}/subscriptions/a/{OPERATIONS}/1", "west1", "west2")
    add(lanes, f"{HOST}/subscriptions/a/{OPERATIONS.replace('west', 'east')}/1", "east")
    for _ in range(2):
        lanes.heard(place, answer(429, *throttled(Reach.PROVIDER)), 0.0)
    assert taken(lanes, 9.9) == ["east"]
    assert taken(lanes, 11.0) == ["west1", "west2"]
    (scope,) = lanes.statistics(11.0)
    assert (scope.throttled, scope.rate) == (2, 25.0)


def test_a_429_of_a_lock_closes_nothing() -> None:
    lanes = lanes_of(Budget())
    place = add(lanes, f"{HOST}/subscriptions/a/x", "first", "second")
    lanes.heard(place, answer(429, *throttled(Reach.OPERATION)), 0.0)
    assert taken(lanes, 0.0) == ["first", "second"]
    (scope,) = lanes.statistics(0.0)
    assert (scope.throttled, scope.rate) == (1, 20.0)


@pytest.mark.parametrize("reach", list(Reach))
def test_without_a_budget_429s_are_counted_and_close_nothing(reach: Reach) -> None:
    """Each operation waits for its own Retry-After; the numbers of reads that are left mean nothing."""
    lanes = lanes_of(None)
    place = add(lanes, SHELF, "first", "second")
    headers, body = throttled(reach)
    headers["x-ms-ratelimit-remaining-subscription-reads"] = "0"
    lanes.heard(place, answer(429, headers, body), 0.0)
    assert taken(lanes, 0.0) == ["first", "second"]
    (scope,) = lanes.statistics(0.0)
    assert (scope.throttled, scope.rate, scope.tokens, scope.reads) == (1, None, None, 2)


def test_few_reads_left_slow_their_scope() -> None:
    """With 15 left of 60 it is a quarter of the rate; an answer that tells nothing changes nothing."""
    lanes = lanes_of()
    place = add(lanes, SHELF, "first", "second")
    assert taken(lanes, 0.0) == ["first"]
    lanes.heard(place, answer(headers={"x-ms-ratelimit-remaining-subscription-reads": "15"}), 0.0)
    lanes.heard(place, answer(), 0.0)
    lanes.heard(place, Unreachable(Fault.TIMEOUT, "no answer", 0.0), 0.0)
    assert taken(lanes, 3.9) == []
    assert taken(lanes, 4.1) == ["second"]


def test_a_job_that_is_withdrawn_leaves_no_wake_behind_for_long() -> None:
    lanes = lanes_of()
    place = lanes.place_of(SHELF, 0.0)
    alone = job("alone")
    lanes.add(alone, place, 0.0)
    lanes.withdraw(alone, place)
    assert lanes.waiting == 0
    assert lanes.take(0.0) is None
    assert lanes.next_s() is None


def test_a_scope_whose_last_job_left_is_not_woken_by_its_429() -> None:
    lanes = lanes_of()
    place = add(lanes, SHELF, "alone")
    assert taken(lanes, 0.0) == ["alone"]
    lanes.heard(place, answer(429, *throttled(Reach.SCOPE)), 0.0)
    assert lanes.next_s() is None
