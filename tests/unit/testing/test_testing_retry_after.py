"""`RetryAfter` writes every form, and the service reads back what it told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from azpoll.testing import RetryAfter
from azpoll.testing.retry_after import Form, imf_date, retry_after_s

NOW = datetime(1994, 11, 6, 8, 49, 30, 999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "form", "header"),
    [
        (17, "seconds", ("Retry-After", "17")),
        (100, "seconds", ("Retry-After", "100")),
        (0, "seconds", ("Retry-After", "0")),
        (1.5, "seconds", ("Retry-After", "1.5")),
        (1234567, "seconds", ("Retry-After", "1234567")),
        (7, "imf-date", ("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")),
        (7, "rfc850-date", ("Retry-After", "Sunday, 06-Nov-94 08:49:37 GMT")),
        (6.2, "asctime-date", ("Retry-After", "Sun Nov  6 08:49:37 1994")),
        (1.5, "retry-after-ms", ("retry-after-ms", "1500")),
        (1.5, "x-ms-retry-after-ms", ("x-ms-retry-after-ms", "1500")),
    ],
)
def test_each_form_is_written_and_read_back(seconds: float, form: Form, header: tuple[str, str]) -> None:
    name, value = RetryAfter(seconds, form).header(NOW)
    assert (name, value) == header
    told = retry_after_s({name.lower(): value, "date": imf_date(NOW)})
    assert told == pytest.approx(7 if form == "asctime-date" else seconds)


@pytest.mark.parametrize("text", ["soon", "", "nan", "inf", "Sun, 99 Nov 1994 08:49:37 GMT"])
def test_an_unreadable_retry_after_is_ignored(text: str) -> None:
    assert retry_after_s({"retry-after": text, "date": imf_date(NOW)}) is None
    assert retry_after_s({}) is None


def test_a_date_without_a_date_header_is_ignored() -> None:
    assert retry_after_s({"retry-after": imf_date(NOW)}) is None
