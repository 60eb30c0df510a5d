"""Rules 25 and 34 to 36: how long to wait, whatever the server says."""

import math
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from azpoll.protocol.answer import Answer, FailureKind, RequestFailure
from azpoll.protocol.delay import Delay, DelayLimits, backoff_delay, poll_delay, retry_after

NOON = datetime(2024, 11, 6, 12, 0, 0, tzinfo=UTC)
UNREACHABLE = RequestFailure(FailureKind.TIMEOUT, "no answer within 30 s", at_s=0.0)
OPEN_PACE = DelayLimits(floor=0.0, cap=1e308)


def answer(received_at: datetime = NOON, /, **headers: str) -> Answer:
    """Return an answer with these headers; `_` stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(202, named, b"", "https://management.azure.com/op", received_at, 0.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17.0),
        ("1.5", 1.5),
        ("007", 7.0),
        (" 17\t", 17.0),
        ("0", 0.0),
        ("-0", 0.0),
        ("0.0", 0.0),
        ("-5", 0.0),
        ("-0.5", 0.0),
        ("2592000", 2_592_000.0),
        ("9" * 100, 1e100),
    ],
)
def test_rule_34_retry_after_is_whole_or_fractional_seconds(value: str, seconds: float) -> None:
    """RFC 9110 10.2.3, widened by fractions and, by rule 35, negative numbers, which are 0."""
    assert retry_after(answer(retry_after=value)) == seconds
    assert str(retry_after(answer(retry_after=value))) == str(seconds)  # no -0.0


@pytest.mark.parametrize(
    "value",
    [
        *[
            "",
            " ",
            "soon",
            "+5",
            "1e3",
            "0x10",
            "1_000",
            ".5",
            "5.",
            "1.2.3",
            "- 5",
            "--5",
            "1,5",
            "5, 10",
            "5 s",
            "X5",
        ],
        *[
            "inf",
            "-inf",
            "nan",
            "Infinity",
            "\uff15",
            "\u0663",
            "5\n",
            "5\x00",
            "\u00a05",
            "9" * 101,
            "9" * 400,
            "1." + "9" * 101,
        ],
        *["P1D", "true", "null", "1/2"],
    ],
)
def test_rule_35_an_unparsable_or_non_finite_retry_after_is_as_absent(value: str) -> None:
    """Not the forms of Python, C or another script; azure-core sleeps `inf` s, raises on `soon`."""
    assert retry_after(answer(retry_after=value)) is None
    assert poll_delay(answer(retry_after=value), DelayLimits(), 0) == Delay(1.0, by_server=False)


def test_rule_34_no_header_says_nothing() -> None:
    """None, unlike a 0."""
    assert retry_after(answer()) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after_ms": "1500", "x_ms_retry_after_ms": "2500", "retry_after": "9"}, 1.5),
        ({"x_ms_retry_after_ms": "2500", "retry_after": "9"}, 2.5),
        ({"retry_after_ms": "0", "retry_after": "9"}, 0.0),
        ({"retry_after_ms": "-1", "retry_after": "9"}, 0.0),
        ({"retry_after_ms": "0.5"}, 0.0005),
        ({"retry_after_ms": "soon", "x_ms_retry_after_ms": "2500", "retry_after": "9"}, 2.5),
        ({"retry_after_ms": "soon", "x_ms_retry_after_ms": "9" * 400, "retry_after": "9"}, 9.0),
        ({"retry_after_ms": "Wed, 06 Nov 2024 12:00:07 GMT", "retry_after": "9"}, 9.0),
        ({"retry_after_ms": "soon", "retry_after": "later"}, None),
    ],
)
def test_rule_34_milliseconds_come_first(headers: dict[str, str], seconds: float | None) -> None:
    """`retry-after-ms`, `x-ms-retry-after-ms`, `Retry-After`; one that cannot be read gives way to the next."""
    assert retry_after(answer(**headers)) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Wed, 06 Nov 2024 12:00:07 GMT", 7.0),
        ("Wednesday, 06-Nov-24 12:00:07 GMT", 7.0),
        ("Wed Nov  6 12:00:07 2024", 7.0),
        ("Sat Nov 16 12:00:00 2024", 864_000.0),
        (" \tWed, 06 Nov 2024 12:00:07 GMT\t ", 7.0),
        ("Mon, 06 Nov 2024 12:00:07 GMT", 7.0),  # the wrong day of the week
        ("Wed, 06 Nov 2024 12:00:60 GMT", 59.0),  # a leap second
        ("Wed, 06 Nov 2024 11:59:59 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251_671_406_399.0),
        ("Thursday, 06-Nov-74 12:00:00 GMT", 1_577_836_800.0),  # 50 years ahead: still the future
        ("Thursday, 06-Nov-75 12:00:00 GMT", 0.0),  # 51 years ahead: 1975
    ],
)
def test_rule_34_retry_after_may_be_an_http_date_in_three_forms(value: str, seconds: float) -> None:
    """RFC 9110 5.6.7, with its rule for years of two digits."""
    assert retry_after(answer(retry_after=value)) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *["wed, 06 nov 2024 12:00:07 gmt", "Wed, 6 Nov 2024 12:00:07 GMT", "Wed, 06 Nov 2024 12:00:07"],
        *["Wed, 06 Nov 2024 12:00:07 +0000", "Wed, 06 Nov 2024 24:00:00 GMT", "Wed, 31 Feb 2024 12:00:07 GMT"],
        *[
            "Wed, 06 Nov 0000 12:00:07 GMT",
            "Wed, 06 Nov 2024 12:00:61 GMT",
            "Wed, 06 Nov \uff12\uff10\uff12\uff14 12:00:07 GMT",
        ],
        *["\nWed, 06 Nov 2024 12:00:07 GMT", "\u00a0Wed, 06 Nov 2024 12:00:07 GMT", "XWed, 06 Nov 2024 12:00:07 GMT"],
        *["2024-11-06T12:00:07Z", "Wed, 06 Nov 2024 12:00:07 GMT, Wed, 06 Nov 2024 12:00:07 GMT"],
    ],
)
def test_rule_35_a_date_in_another_form_is_as_absent(value: str) -> None:
    """Nothing is guessed, nothing is raised."""
    assert retry_after(answer(retry_after=value)) is None


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Wed, 06 Nov 2024 11:00:00 GMT", 3607.0),  # the server's clock is an hour behind ours
        ("Wednesday, 06-Nov-24 11:59:00 GMT", 67.0),
        ("Wed, 06 Nov 2024 13:00:00 GMT", 0.0),
        ("now", 7.0),
    ],
)
def test_rule_34_a_date_counts_from_the_answers_own_date(date: str, seconds: float) -> None:
    """Clock skew plays no part; without a readable `Date` our own clock is the base."""
    assert retry_after(answer(retry_after="Wed, 06 Nov 2024 12:00:07 GMT", date=date)) == seconds


def test_rule_34_a_year_of_two_digits_survives_the_first_years_of_the_calendar() -> None:
    """A clock that was never set is no reason to raise."""
    first = answer(datetime(1, 1, 1, tzinfo=UTC), retry_after="Wednesday, 06-Nov-60 12:00:07 GMT")
    assert retry_after(first) is None


@pytest.mark.parametrize("value", ["0", "-5", "0.2", "Sun, 06 Nov 1994 08:49:37 GMT"])
def test_rule_35_zero_negative_or_past_is_the_floor(value: str) -> None:
    """It is still the server's word: nothing else is waited for."""
    assert poll_delay(answer(retry_after=value), DelayLimits(), 5) == Delay(1.0, by_server=True)
    assert poll_delay(answer(retry_after=value), DelayLimits(floor=2.5), 5) == Delay(2.5, by_server=True)


def test_rule_35_a_floor_of_0_is_legal() -> None:
    """For servers that do not mind, and for tests."""
    delay_limits = DelayLimits(interval=0.0, floor=0.0)
    assert poll_delay(answer(retry_after="0"), delay_limits, 0) == Delay(0.0, by_server=True)
    assert poll_delay(answer(), delay_limits, 0) == Delay(0.0, by_server=False)


@pytest.mark.parametrize("value", ["3601", "2592000", "9" * 100, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_rule_35_a_long_retry_after_is_capped(value: str) -> None:
    """At 1 h, or where the caller says; core-lro's timer overflows and polls 800 times a second."""
    assert poll_delay(answer(retry_after=value), DelayLimits(), 0) == Delay(3600.0, by_server=True)
    assert poll_delay(answer(retry_after=value), DelayLimits(cap=10.0), 0) == Delay(10.0, by_server=True)


def test_rule_36_the_default_schedule_doubles_from_1_s_to_30_s() -> None:
    """Also without an answer; no step is too large or too small to be computed."""
    steps = [-1, 0, 1, 2, 3, 4, 5, 6, 10**9, 10**400]
    waits = [poll_delay(None, DelayLimits(), step) for step in steps]
    assert waits == [Delay(s, by_server=False) for s in (1.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0)]


def test_rule_36_the_default_schedule_keeps_within_floor_and_cap() -> None:
    """The settings hold for azpoll's own schedule too."""
    assert poll_delay(answer(), DelayLimits(floor=5.0), 0) == Delay(5.0, by_server=False)
    assert poll_delay(answer(), DelayLimits(cap=3.0), 9) == Delay(3.0, by_server=False)


def test_rule_36_an_interval_replaces_the_schedule_and_yields_to_the_server() -> None:
    """The floor still holds; the cap is no limit to what the caller asks for."""
    assert poll_delay(answer(), DelayLimits(interval=10.0), 9) == Delay(10.0, by_server=False)
    assert poll_delay(answer(retry_after="3"), DelayLimits(interval=10.0), 9) == Delay(3.0, by_server=True)
    assert poll_delay(answer(retry_after="17"), DelayLimits(interval=10.0), 9) == Delay(17.0, by_server=True)
    assert poll_delay(answer(), DelayLimits(interval=0.1), 9) == Delay(1.0, by_server=False)
    assert poll_delay(answer(), DelayLimits(interval=7200.0), 0) == Delay(7200.0, by_server=False)


def test_rule_25_back_off_doubles_from_1_s_to_60_s() -> None:
    """After answers and lost connections alike; the interval plays no part."""
    delay_limits = DelayLimits(interval=300.0)
    seconds = [1.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    failures = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10**400]
    expected = [Delay(s, by_server=False) for s in seconds]
    assert [backoff_delay(UNREACHABLE, delay_limits, count) for count in failures] == expected
    assert [backoff_delay(answer(), delay_limits, count) for count in failures] == expected


@pytest.mark.parametrize(
    ("value", "failures", "wait"),
    [
        ("17", 1, Delay(17.0, by_server=True)),
        ("17", 6, Delay(32.0, by_server=False)),
        ("16", 5, Delay(16.0, by_server=True)),  # equal: the server's word must be kept
        ("0", 1, Delay(1.0, by_server=False)),
        ("999999", 1, Delay(3600.0, by_server=True)),
        ("soon", 3, Delay(4.0, by_server=False)),
    ],
)
def test_rule_25_the_longer_of_retry_after_and_back_off_counts(value: str, failures: int, wait: Delay) -> None:
    """`by_server` tells which of the two it was."""
    assert backoff_delay(answer(retry_after=value), DelayLimits(), failures) == wait


def test_rule_25_back_off_keeps_within_floor_and_cap() -> None:
    """A floor above the back-off is waited for."""
    assert backoff_delay(UNREACHABLE, DelayLimits(floor=5.0), 1) == Delay(5.0, by_server=False)
    assert backoff_delay(UNREACHABLE, DelayLimits(cap=20.0), 9) == Delay(20.0, by_server=False)
    assert backoff_delay(answer(retry_after="90"), DelayLimits(cap=20.0), 9) == Delay(20.0, by_server=True)


def test_rule_35_a_pace_takes_any_finite_seconds() -> None:
    """0 and the largest number there is included."""
    assert DelayLimits(interval=0.0, floor=0.0, cap=sys.float_info.max).clamp(1e300) == 1e300


def test_rule_35_the_cap_may_be_the_floor() -> None:
    """Then every wait is the same."""
    assert DelayLimits(floor=2.0, cap=2.0).clamp(9.0) == 2.0


HEADER_VALUES = st.one_of(
    st.text(st.characters(), max_size=30),
    st.integers().map(str),
    st.integers(1, 420).map(lambda digits: "9" * digits),
    st.floats().map(str),
    st.datetimes(timezones=st.just(UTC)).map(lambda moment: format_datetime(moment, usegmt=True)),
    st.datetimes().map(lambda moment: moment.strftime("Friday, %d-Feb-%y %H:%M:%S GMT")),
    st.datetimes().map(lambda moment: moment.strftime("Fri Feb %d %H:%M:%S %Y")),
)
NAMES = st.sampled_from(["retry_after_ms", "x_ms_retry_after_ms", "retry_after", "date"])
MOMENTS = st.datetimes(timezones=st.just(UTC))
SECONDS = st.floats(min_value=0.0, max_value=1e308)


@given(MOMENTS, st.dictionaries(NAMES, HEADER_VALUES))
def test_rule_35_what_the_server_says_is_finite_or_nothing(moment: datetime, headers: dict[str, str]) -> None:
    """Any values of the four headers, at any time."""
    said = retry_after(answer(moment, **headers))
    assert said is None or 0.0 <= said < math.inf


@given(
    st.dictionaries(NAMES, HEADER_VALUES),
    st.none() | SECONDS,
    st.tuples(SECONDS, SECONDS),
    st.integers(),
)
@example({}, None, (0.0, 0.0), 10**400)
def test_rule_35_every_wait_is_finite_and_within_floor_and_cap(
    headers: dict[str, str], interval: float | None, bounds: tuple[float, float], step: int
) -> None:
    """Only an interval of the caller's own may be beyond the cap; only what the server said is `by_server`."""
    delay_limits = DelayLimits(interval, *sorted(bounds))
    outcome = answer(**headers)
    waits = [poll_delay(outcome, delay_limits, step), poll_delay(None, delay_limits, step)]
    waits += [backoff_delay(outcome, delay_limits, step), backoff_delay(UNREACHABLE, delay_limits, step)]
    for wait in waits:
        assert delay_limits.floor <= wait.seconds <= max(delay_limits.cap, interval or 0.0) < math.inf
        assert not (wait.by_server and retry_after(outcome) is None)


@given(st.integers(0, 10**9), st.timedeltas(timedelta(0), timedelta(days=9000)))
def test_rule_34_a_date_and_its_number_of_seconds_say_the_same(seconds: int, since: timedelta) -> None:
    """Whenever it is, a date in the first form counts whole seconds from the `Date` beside it."""
    now = (NOON + since).replace(microsecond=0)
    then = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    said = retry_after(answer(retry_after=then, date=format_datetime(now, usegmt=True)))
    assert said == retry_after(answer(retry_after=str(seconds)))
    assert poll_delay(answer(retry_after=str(seconds)), OPEN_PACE, 0) == Delay(float(seconds), by_server=True)
