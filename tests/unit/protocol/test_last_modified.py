"""Rule 53: `systemData.lastModifiedAt` against the sending of a request, on clocks that may differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpoll.protocol.answer import Answer
from azpoll.protocol.last_modified import is_modified_since, rfc3339_time
from azpoll.protocol.reading import Reading
from azpoll.testing.retry_after import imf_date
from tests.support.protocol_rows import NOON, RESOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping

SENT_S, ANSWERED_S = 1000.0, 1100.0


def modified(
    after_sending_s: float, *, service_ahead_s: float = 0.0, date: bool = True, answer_took_s: float = 0.0
) -> bool:
    """Whether a change counts as later than the sending, which was 100 s before the answer."""
    sent = NOON - timedelta(seconds=ANSWERED_S - SENT_S - service_ahead_s)
    changed = (sent + timedelta(seconds=after_sending_s)).isoformat()
    service_time = NOON + timedelta(seconds=service_ahead_s - answer_took_s)
    headers = {"date": imf_date(service_time)} if date else {}
    return is_modified_since(SENT_S, reading(headers), {"systemData": {"lastModifiedAt": changed}})


def reading(headers: Mapping[str, str], received_at: datetime = NOON) -> Reading:
    return Reading(Answer(200, headers, b"", RESOURCE, received_at, ANSWERED_S))


def test_a_change_after_the_sending_counts_and_an_earlier_one_does_not() -> None:
    assert modified(0.001)
    assert not modified(0)
    assert not modified(-0.001)


@pytest.mark.parametrize("service_ahead_s", [-30_000_000, -3600, -121, 1, 60, 3600, 30_000_000])
def test_clocks_that_differ_are_compared_by_the_date_of_the_answer(service_ahead_s: float) -> None:
    """`Date` is in whole seconds and the answer took some time, so the first 3 s after the sending are in doubt."""
    assert modified(3.001, service_ahead_s=service_ahead_s)
    assert not modified(2.999, service_ahead_s=service_ahead_s)
    assert not modified(-10, service_ahead_s=service_ahead_s)


def test_without_a_date_the_first_three_seconds_are_in_doubt() -> None:
    assert modified(3.001, date=False)
    assert not modified(2.999, date=False)


def test_the_time_of_sending_may_be_that_of_the_answer() -> None:
    changed = (NOON - timedelta(seconds=0.5)).isoformat()
    headers = {"date": imf_date(NOON)}
    assert not is_modified_since(ANSWERED_S, reading(headers), {"systemData": {"lastModifiedAt": changed}})


@pytest.mark.parametrize("answer_took_s", [0.4, 5, 119, 120])
def test_a_slow_answer_makes_no_earlier_change_count(answer_took_s: float) -> None:
    assert not modified(-0.001, answer_took_s=answer_took_s)
    assert modified(0.001, answer_took_s=answer_took_s)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"systemData": None},
        {"systemData": "2999-01-01T00:00:00Z"},
        {"systemData": {"lastModifiedAt": 32503680000}},
        {"systemData": {"lastModifiedAt": "tomorrow"}},
        {"systemData": {"createdAt": "2999-01-01T00:00:00Z"}},
        {"properties": {"systemData": {"lastModifiedAt": "2999-01-01T00:00:00Z"}}},
    ],
)
def test_a_resource_without_a_readable_time_counts_as_unchanged(document: Mapping[str, object] | None) -> None:
    assert not is_modified_since(SENT_S, reading({}), document)


def test_without_the_time_of_sending_no_change_counts() -> None:
    assert not is_modified_since(None, reading({}), {"systemData": {"lastModifiedAt": "2999-01-01T00:00:00Z"}})


def test_times_at_the_ends_of_the_calendar_count_as_unchanged() -> None:
    """The subtraction of the age overflows, and the result is never an exception."""
    document = {"systemData": {"lastModifiedAt": "9999-12-31T23:59:59.999999Z"}}
    assert not is_modified_since(SENT_S, reading({}, datetime.min.replace(tzinfo=UTC)), document)
    assert not is_modified_since(SENT_S, reading({}, datetime.max.replace(tzinfo=UTC)), document)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-11-06T12:00:00Z", NOON),
        ("2024-11-06t12:00:00z", NOON),
        ("2024-11-06T13:30:00+01:30", NOON),
        ("2024-11-06T12:00:00.1234567Z", NOON.replace(microsecond=123456)),
        ("2024-11-06T12:00:00.5-00:00", NOON.replace(microsecond=500000)),
        ("2024-11-06T12:00:00", None),
        ("2024-11-06", None),
        ("2024-02-30T12:00:00Z", None),
        ("2024-11-06T12:00:60Z", None),
        ("2024-11-06T12:00:00+25:00", None),
        ("2024-11-06 12:00:00Z", None),
        ("20241106T120000Z", None),
        ("٢٠٢٤-11-06T12:00:00Z", None),
        ("", None),
    ],
)
def test_a_time_is_one_of_rfc_3339(text: str, time: datetime | None) -> None:
    assert rfc3339_time(text) == time


@given(st.text() | st.datetimes().map(lambda time: f"{time.isoformat()}Z"), st.floats(allow_nan=False))
def test_no_time_raises_an_exception(text: str, sent_s: float) -> None:
    is_modified_since(sent_s, reading({}), {"systemData": {"lastModifiedAt": text}})
