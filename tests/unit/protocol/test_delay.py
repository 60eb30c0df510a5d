"""Rules 25 and 34 to 36: the delay before the next request, for any wait that the server asks for."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from azpoll.protocol.delay import (
    IMMEDIATELY,
    Delay,
    DelayLimits,
    backoff_delay,
    first_step,
    immediate_delay,
    next_step,
    poll_delay,
)
from azpoll.protocol.retry_after import retry_after
from tests.support.retry_headers import NAMES, VALUES, answer

SECONDS = st.floats(min_value=0.0, max_value=1e308)


def asked(value: str) -> float | None:
    """Return the seconds that a `Retry-After` asks for."""
    return retry_after(answer(retry_after=value))


@pytest.mark.parametrize("value", ["0", "-5", "0.2", "Sun, 06 Nov 1994 08:49:37 GMT"])
def test_rule_35_zero_negative_or_past_is_the_floor(value: str) -> None:
    """It is still the server's word: nothing else is waited for."""
    assert poll_delay(asked(value), DelayLimits(), 5) == Delay(1.0, by_server=True)
    assert poll_delay(asked(value), DelayLimits(floor=2.5), 5) == Delay(2.5, by_server=True)


def test_rule_35_a_floor_of_0_is_legal() -> None:
    """For servers that do not mind, and for tests."""
    delay_limits = DelayLimits(interval=0.0, floor=0.0)
    assert poll_delay(asked("0"), delay_limits, 0) == Delay(0.0, by_server=True)
    assert poll_delay(None, delay_limits, 0) == Delay(0.0, by_server=False)


@pytest.mark.parametrize("value", ["3601", "2592000", "9" * 100, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_rule_35_a_long_retry_after_is_capped(value: str) -> None:
    """At 1 h, or where the caller says; core-lro's timer overflows and polls 800 times a second."""
    assert poll_delay(asked(value), DelayLimits(), 0) == Delay(3600.0, by_server=True)
    assert poll_delay(asked(value), DelayLimits(cap=10.0), 0) == Delay(10.0, by_server=True)


def test_rule_36_the_default_schedule_doubles_from_1_s_to_30_s() -> None:
    """No step is too large or too small to be computed."""
    steps = [0, 1, 2, 3, 4, 5, 6, 10**9, 10**400]
    waits = [poll_delay(None, DelayLimits(), step) for step in steps]
    assert waits == [Delay(s, by_server=False) for s in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0)]


def test_rule_36_the_default_schedule_stays_within_floor_and_cap() -> None:
    """The settings hold for azpoll's own schedule too."""
    assert poll_delay(None, DelayLimits(floor=5.0), 0) == Delay(5.0, by_server=False)
    assert poll_delay(None, DelayLimits(cap=3.0), 9) == Delay(3.0, by_server=False)


@pytest.mark.parametrize(
    ("initial", "waits"),
    [
        (None, [1, 2, 4, 8, 16, 30]),
        ("0", [1, 2, 4, 8, 16, 30]),
        ("2", [2, 4, 8, 16, 30, 30]),
        ("5", [5, 8, 16, 30, 30, 30]),
        ("17", [17, 30, 30, 30, 30, 30]),
        ("90", [90, 30, 30, 30, 30, 30]),
        ("9999", [3600, 30, 30, 30, 30, 30]),
    ],
)
def test_rule_36_the_initial_retry_after_is_the_least_first_step(initial: str | None, waits: list[float]) -> None:
    """Where no other answer names a delay. The doubling goes on from there."""
    delay = poll_delay(None if initial is None else asked(initial), DelayLimits(), 0)
    step, found = first_step(delay), [] if delay.by_server else [delay.seconds]
    while len(found) < len(waits):
        delay = poll_delay(None, DelayLimits(), step)
        step = next_step(step, delay)
        found.append(delay.seconds)
    assert found == waits


def test_rule_36_a_later_retry_after_ends_the_effect_of_the_initial_one() -> None:
    initial, later = (poll_delay(asked(value), DelayLimits(), 0) for value in ("17", "5"))
    step = next_step(first_step(initial), later)
    assert poll_delay(None, DelayLimits(), step) == Delay(1.0, by_server=False)


def test_rule_36_an_interval_replaces_the_schedule_and_yields_to_the_server() -> None:
    """The floor still holds; the cap is no limit to what the caller asks for."""
    assert poll_delay(None, DelayLimits(interval=10.0), 9) == Delay(10.0, by_server=False)
    assert poll_delay(asked("3"), DelayLimits(interval=10.0), 9) == Delay(3.0, by_server=True)
    assert poll_delay(asked("17"), DelayLimits(interval=10.0), 9) == Delay(17.0, by_server=True)
    assert poll_delay(None, DelayLimits(interval=0.1), 9) == Delay(1.0, by_server=False)
    assert poll_delay(None, DelayLimits(interval=7200.0), 0) == Delay(7200.0, by_server=False)


def test_rule_25_backoff_doubles_from_1_s_to_60_s() -> None:
    """The caller's interval plays no part."""
    delay_limits = DelayLimits(interval=300.0)
    seconds = [1.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    failures = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10**400]
    expected = [Delay(s, by_server=False) for s in seconds]
    assert [backoff_delay(None, delay_limits, count) for count in failures] == expected


@pytest.mark.parametrize(
    ("value", "failures", "delay"),
    [
        ("17", 1, Delay(17.0, by_server=True)),
        ("17", 6, Delay(32.0, by_server=False, retry_after_s=17.0)),
        ("16", 5, Delay(16.0, by_server=True)),  # equal: the server's word must be kept
        ("0", 1, Delay(1.0, by_server=False)),
        ("999999", 1, Delay(3600.0, by_server=True)),
        ("soon", 3, Delay(4.0, by_server=False)),
    ],
)
def test_rule_25_the_longer_of_retry_after_and_backoff_counts(value: str, failures: int, delay: Delay) -> None:
    """`by_server` tells which of the two it was. A shorter `Retry-After` is kept too."""
    assert backoff_delay(asked(value), DelayLimits(), failures) == delay


def test_rule_25_backoff_stays_within_floor_and_cap() -> None:
    """A floor above the back-off is waited for."""
    assert backoff_delay(None, DelayLimits(floor=5.0), 1) == Delay(5.0, by_server=False)
    assert backoff_delay(None, DelayLimits(cap=20.0), 9) == Delay(20.0, by_server=False)
    assert backoff_delay(asked("90"), DelayLimits(cap=20.0), 9) == Delay(20.0, by_server=True)


def test_rule_35_delay_limits_take_any_finite_seconds() -> None:
    """0 and the largest number there is included."""
    assert DelayLimits(interval=0.0, floor=0.0, cap=sys.float_info.max).clamp(1e300) == 1e300


def test_rule_35_the_cap_may_be_the_floor() -> None:
    """Then every wait is the same."""
    assert DelayLimits(floor=2.0, cap=2.0).clamp(9.0) == 2.0


@given(
    st.dictionaries(NAMES, VALUES),
    st.none() | SECONDS,
    st.tuples(SECONDS, SECONDS),
    st.integers(),
)
@example({}, None, (0.0, 0.0), 10**400)
def test_rule_35_every_delay_is_finite_and_within_floor_and_cap(
    headers: dict[str, str], interval: float | None, bounds: tuple[float, float], step: int
) -> None:
    """Only an interval of the caller's own may be beyond the cap; only what the server said is `by_server`."""
    delay_limits = DelayLimits(interval, *sorted(bounds))
    retry_after_s = retry_after(answer(**headers))
    delays = [poll_delay(retry_after_s, delay_limits, step), poll_delay(None, delay_limits, step)]
    delays += [backoff_delay(retry_after_s, delay_limits, step), backoff_delay(None, delay_limits, step)]
    for delay in delays:
        assert delay_limits.floor <= delay.seconds <= max(delay_limits.cap, interval or 0.0) < math.inf
        assert not (delay.by_server and retry_after_s is None)
    immediate = immediate_delay(retry_after_s, delay_limits)
    assert 0 <= immediate.seconds <= delay_limits.cap
    assert immediate.by_server


@pytest.mark.parametrize(
    ("retry_after_s", "delay"), [(None, IMMEDIATELY), (0.0, IMMEDIATELY), (5.0, Delay(5.0, by_server=True))]
)
def test_rule_36_the_rest_of_an_answer_waits_only_for_a_retry_after(retry_after_s: float | None, delay: Delay) -> None:
    """The floor is for polls, the cap for every delay."""
    assert immediate_delay(retry_after_s, DelayLimits()) == delay
    assert immediate_delay(1e9, DelayLimits()) == Delay(3600.0, by_server=True)
