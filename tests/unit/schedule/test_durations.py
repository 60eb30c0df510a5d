"""`Durations`: learned durations of operations by kind."""

from __future__ import annotations

import pytest

from azpoll.schedule.durations import LEAST_SAMPLES, Durations, operation_kind

HOST = "https://management.azure.com"
GROUP = f"{HOST}/subscriptions/S/resourceGroups/G/providers"
KIND = "PUT microsoft.sql/servers"


def learned(*seconds: float) -> Durations:
    durations = Durations()
    for took_s in seconds:
        durations.add(KIND, took_s)
    return durations


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (f"{GROUP}/Microsoft.Sql/servers/A?api-version=1", "PUT microsoft.sql/servers"),
        (f"{GROUP}/Microsoft.Sql/servers/A/databases/B", "PUT microsoft.sql/servers/databases"),
        (f"{GROUP}/A.A/things/T/providers/B.B/locks/L", "PUT b.b/locks"),
        (f"{HOST}/subscriptions/S/resourceGroups/G", "PUT "),
        (f"{HOST}/x?y=/providers/A.A/things/T", "PUT "),
    ],
)
def test_a_kind_is_method_provider_and_types(url: str, kind: str) -> None:
    """Names, the query and case do not matter; an extension's own provider counts."""
    assert operation_kind("PUT", url) == kind


def test_a_kind_with_too_few_operations_is_unknown() -> None:
    durations = learned(*[60.0] * (LEAST_SAMPLES - 1))
    for kind in (KIND, "PUT never/seen"):
        assert durations.next_wait_s(kind, 0.0, first=True) is None
        assert durations.even_s(kind, 0.0) is None
    durations.add(KIND, 60.0)
    assert durations.next_wait_s(KIND, 0.0, first=True) == pytest.approx(60, rel=0.1)


def test_the_first_poll_is_due_when_a_fifth_has_ended() -> None:
    """A fifth of durations spread evenly from 1 to 100 s is within 20 s."""
    durations = learned(*map(float, range(1, 101)))
    assert durations.next_wait_s(KIND, 0.0, first=True) == pytest.approx(20, rel=0.1)


def test_further_polls_are_due_when_a_third_of_the_rest_has_ended() -> None:
    """An operation that has run for 40 s is one of the 60 that take longer: a third of them has ended at 60 s."""
    durations = learned(*map(float, range(1, 101)))
    wait_s = durations.next_wait_s(KIND, 40.0, first=False)
    assert wait_s is not None
    assert 40 + wait_s == pytest.approx(60, rel=0.1)


def test_the_order_is_by_the_time_at_which_half_of_the_rest_has_ended() -> None:
    durations = learned(*map(float, range(1, 101)))
    assert durations.even_s(KIND, 0.0) == pytest.approx(50, rel=0.1)
    even_s = durations.even_s(KIND, 40.0)
    assert even_s is not None
    assert 40 + even_s == pytest.approx(70, rel=0.1)


def test_an_operation_that_outlives_all_others_is_first_and_has_the_default_schedule() -> None:
    durations = learned(*[60.0] * LEAST_SAMPLES)
    assert durations.even_s(KIND, 1000.0) == 0.0
    assert durations.next_wait_s(KIND, 1000.0, first=False) is None


def test_its_repr_shows_the_number_of_kinds() -> None:
    assert repr(learned(1.0, 2.0)) == "<Durations of 1 kinds>"
