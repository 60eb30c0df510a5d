"""`Durations`: recorded and learned completion times by kind, saved and loaded."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from azpoll.schedule.completion_times import LEAST_SAMPLES, MOST_SAMPLES
from azpoll.schedule.durations import Durations
from azpoll.schedule.saved_durations import KINDS_KEPT
from azpoll.testing.json_types import members

if TYPE_CHECKING:
    from azpoll.schedule.completion_times import CompletionTimes

HOST = "https://management.azure.com"
SERVER = f"{HOST}/subscriptions/S/resourceGroups/G/providers/Microsoft.Sql/servers/A"
KIND = "PUT microsoft.sql/servers"


def learned(*seconds: float, durations: Durations | None = None) -> CompletionTimes:
    times = (durations or Durations()).of("PUT", SERVER)
    for took_s in seconds:
        times.add(took_s)
    return times


def test_rule_50_learned_times_replace_the_recorded_ones_little_by_little() -> None:
    """The recorded ones weigh as much as five operations: five of one time move the median halfway there."""
    recorded_s, longer_s = learned().quantiles[2], 1000.0
    few, many = (learned(*[longer_s] * count).quantiles for count in (4, 500))
    assert few[2] < 2 * recorded_s
    assert few[3] == pytest.approx(longer_s, rel=0.1)
    assert many == pytest.approx([longer_s] * 5, rel=0.1)


def test_rule_50_learned_quantiles_are_those_of_the_operations() -> None:
    for found, exact in zip(learned(*map(float, range(1, 901))).quantiles, (90, 225, 450, 675, 810), strict=True):
        assert found == pytest.approx(exact, rel=0.15)


def test_newer_operations_count_more() -> None:
    """A service that has become slow is known to be slow after as many operations as are kept."""
    times = learned(*[10.0] * 5 * MOST_SAMPLES, *[100.0] * MOST_SAMPLES)
    assert times.learned.total < MOST_SAMPLES
    assert times.quantiles[2] == pytest.approx(100, rel=0.1)


def test_a_kind_is_learned_after_20_operations() -> None:
    times = learned(*[60.0] * (LEAST_SAMPLES - 1))
    assert not times.is_learned
    times.add(60.0)
    assert times.is_learned


def test_the_even_delay_is_the_time_at_which_half_of_the_rest_has_ended() -> None:
    """0 for an operation that runs longer than all others did: it goes first."""
    times = learned(*map(float, range(1, 101)))
    assert times.even_delay(0.0) == pytest.approx(50, rel=0.1)
    assert 40 + times.even_delay(40.0) == pytest.approx(70, rel=0.1)
    assert times.even_delay(1000.0) == 0.0
    for took_s in range(1000, 1100):
        times.add(float(took_s))
    assert times.even_delay(100.0) > 900
    assert learned(*[60.0] * 20).even_delay(0.0) == pytest.approx(60, rel=0.1)


def test_kinds_are_learned_apart() -> None:
    durations = Durations()
    learned(*[60.0] * LEAST_SAMPLES, durations=durations)
    assert durations.of("PUT", f"{SERVER}?api-version=1").is_learned
    assert not durations.of("DELETE", SERVER).is_learned
    assert not durations.of("PUT", f"{SERVER}/databases/B").is_learned


def test_rule_50_a_learned_kind_is_noticed_and_kept_by_save_and_load() -> None:
    """Until then, the kind of an operation whose service names the delay is not looked up."""
    too_few, enough = Durations(), Durations()
    for durations, count in ((too_few, LEAST_SAMPLES - 1), (enough, LEAST_SAMPLES)):
        for _ in range(count):
            durations.learn("PUT", SERVER, 60.0)
    assert not too_few.has_learned
    assert not Durations.load(too_few.save()).has_learned
    assert enough.has_learned
    assert Durations.load(enough.save()).has_learned


def test_the_number_of_kinds_is_bounded() -> None:
    """The oldest kind is dropped, and then starts from the recorded times."""
    durations = Durations()
    learned(*[60.0] * LEAST_SAMPLES, durations=durations)
    for number in range(KINDS_KEPT):
        durations.learn("PUT", f"{HOST}/subscriptions/s/providers/A.A/type{number}/n", 1.0)
    saved = members(durations.save()["kinds"])
    assert len(saved) == KINDS_KEPT
    assert KIND not in saved


def test_its_repr_shows_what_was_learned() -> None:
    durations = Durations(price=2.5)
    durations.of("DELETE", SERVER)
    learned(1.0, 2.0, durations=durations)
    assert repr(durations) == "<Durations of 2 operations of 1 kinds, price 2.5 s>"


@pytest.mark.parametrize("price", [0, -1, math.inf, math.nan, True, "1", None])
def test_a_price_is_a_number_above_0(price: object) -> None:
    with pytest.raises(ValueError, match="price must be a finite number of seconds above 0"):
        Durations(price=price)  # type: ignore[arg-type]  # - what is refused


def test_rule_50_what_was_learned_can_be_saved_and_loaded() -> None:
    """As JSON. The price is no part of it."""
    durations = Durations(price=3.0)
    learned(0.0, 5.0, *[60.0] * 40, durations=durations)
    durations.of("DELETE", SERVER)  # nothing was learned of it
    text = json.dumps(durations.save())
    loaded = Durations.load(json.loads(text), price=2.0)
    assert loaded.save() == durations.save()
    assert loaded.price == 2.0
    assert loaded.of("PUT", SERVER).quantiles == durations.of("PUT", SERVER).quantiles
    assert loaded.of("PUT", SERVER).is_learned
    assert Durations.load(Durations().save()).save() == {"version": 1, "kinds": {}}


NOT_SAVED: list[tuple[object, str]] = [
    (None, "an object with the members 'version' and 'kinds'"),
    ([], "an object with the members 'version' and 'kinds'"),
    ({}, "an object with the members 'version' and 'kinds'"),
    ({"version": 1, "kinds": {}, "more": 1}, "an object with the members 'version' and 'kinds'"),
    ({"version": 2, "kinds": {}}, "have version 1, not '2'"),
    ({"version": 1.0, "kinds": {}}, "have version 1, not '1.0'"),
    ({"version": True, "kinds": {}}, "have version 1, not 'True'"),
    ({"version": 1, "kinds": []}, "'kinds' of saved durations is an object of at most 1,000 kinds"),
    ({"version": 1, "kinds": {f"PUT {n}": [] for n in range(1001)}}, "an object of at most 1,000 kinds"),
    ({"version": 1, "kinds": {"put a": [[1, 1]]}}, "an invalid kind: 'put a'"),
    ({"version": 1, "kinds": {1: [[1, 1]]}}, "an invalid kind: '1'"),
    ({"version": 1, "kinds": {f"PUT {'a' * 300}": [[1, 1]]}}, "an invalid kind"),
]


@pytest.mark.parametrize(("state", "message"), NOT_SAVED)
def test_a_value_that_was_not_saved_is_refused(state: object, message: str) -> None:
    """The message says what is wrong."""
    with pytest.raises(ValueError, match=message):
        Durations.load(state)


NO_BUCKETS: list[object] = [
    *(None, {}, "x", 5, [5], ["ab"], [[]], [[1]], [[1, 2, 3]], [[1, 1], [1, 2]], [["1", 1]]),
    *([[1, "1"]], [[1, 0]], [[1, -1]], [[-1, 1]], [[401, 1]], [[1, 10**10]], [[True, 1]], [[1, True]]),
    *([[1.0, 1]], [[1, math.nan]], [[None, None]]),
]


@pytest.mark.parametrize("buckets", NO_BUCKETS, ids=repr)
def test_buckets_that_were_not_saved_are_refused(buckets: object) -> None:
    """The message names their kind."""
    with pytest.raises(ValueError, match=f"saved durations of '{KIND}' are not a list of different"):
        Durations.load({"version": 1, "kinds": {KIND: buckets}})
