"""Rules 34 and 35: the seconds that an answer asks to wait, in any header, form and clock."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.retry_after import answered_at, retry_after
from tests.support.retry_headers import NAMES, NOON, VALUES, answer


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


def test_rule_34_without_a_header_there_is_no_retry_after() -> None:
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


@given(st.datetimes(timezones=st.just(UTC)), st.dictionaries(NAMES, VALUES))
def test_rule_35_a_retry_after_is_finite_or_ignored(moment: datetime, headers: dict[str, str]) -> None:
    """Any values of the four headers, at any time."""
    said = retry_after(answer(moment, **headers))
    assert said is None or 0.0 <= said < math.inf


@given(st.integers(0, 10**9), st.timedeltas(timedelta(0), timedelta(days=9000)))
def test_rule_34_a_date_and_its_number_of_seconds_say_the_same(seconds: int, since: timedelta) -> None:
    """Whenever it is, a date in the first form counts whole seconds from the `Date` beside it."""
    now = (NOON + since).replace(microsecond=0)
    then = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    said = retry_after(answer(retry_after=then, date=format_datetime(now, usegmt=True)))
    assert said == retry_after(answer(retry_after=str(seconds)))
    assert said == seconds


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Wed, 06 Nov 2024 11:00:00 GMT", datetime(2024, 11, 6, 11, tzinfo=UTC)),
        ("Wed Nov  6 11:00:00 2024", datetime(2024, 11, 6, 11, tzinfo=UTC)),
        ("now", NOON),
    ],
)
def test_rule_34_an_answer_is_dated_by_the_servers_clock(date: str, moment: datetime) -> None:
    """By the local one if `Date` is absent or unparsable."""
    assert answered_at(answer(date=date)) == moment
    assert answered_at(answer()) == NOON
