"""The wait that an answer asks for: the retry headers and the server's clock (rules 34 and 35)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azpoll.protocol.answer import Answer

MILLISECOND_HEADERS = ("retry-after-ms", "x-ms-retry-after-ms")
"""Read before `Retry-After`, in this order; an unparsable value gives way to the next header. Source: rule 34."""

RETRY_AFTER = "retry-after"
DATE = "date"
HEADERS = (*MILLISECOND_HEADERS, RETRY_AFTER, DATE)
"""The headers that this module reads."""

# RFC 9110 10.2.3 allows whole digits only, so `+5`, `1e3`, `0x10` and `.5` are refused. Wider than the RFC: a
# fraction (some services send one) and a minus (rule 35 reads it as "now"). 100 digits are always a finite float.
# The pattern is compiled at the first value that is not a plain number of few digits, which is rare.
_NUMBER = r"[ \t]*-?[0-9]{1,100}(?:\.[0-9]{1,100})?[ \t]*"
_FEW_DIGITS = 6

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
# The three forms of RFC 9110 5.6.7. `strptime` depends on the locale, and `email.utils` accepts far more.
# They are compiled at the first date, which is rare.
_DATE_FORMS = (
    rf"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",
    rf"[A-Z][a-z]{{5,8}}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT",
    rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})",
)


def retry_after(answer: Answer) -> float | None:
    """Return the seconds that the server asks to wait, finite and not yet clamped; None if no header is readable.

    A negative number and a time in the past are 0.0. A date counts from the answer's own `Date`, so that the two clocks
    may differ.

    Source: rules 34 and 35; RFC 9110 10.2.3; Azure REST guidelines for the headers in milliseconds.
    """
    headers = answer.headers
    for name in MILLISECOND_HEADERS:
        if name in headers and (milliseconds := _number(headers[name])) is not None:
            return milliseconds / 1000.0
    if RETRY_AFTER not in headers:
        return None
    value = headers[RETRY_AFTER]
    if (seconds := _number(value)) is not None:
        return seconds
    then = http_date(value, answer.received_at)
    return None if then is None else max((then - answered_at(answer)).total_seconds(), 0.0)


def answered_at(answer: Answer) -> datetime:
    """Return the time of the answer by the server's clock, its `Date`; `received_at` if that is unparsable."""
    return server_date(answer) or answer.received_at


def server_date(answer: Answer) -> datetime | None:
    """Return the `Date` of the answer; None if it is absent or unparsable."""
    return http_date(answer.headers.get(DATE, ""), answer.received_at)


def _number(value: str) -> float | None:
    if len(value) <= _FEW_DIGITS and value.isascii() and value.isdecimal():  # nearly every value
        return float(value)
    if not re.fullmatch(_NUMBER, value):
        return None
    return max(0.0, float(value))  # the order of the two turns -0.0 into 0.0


def http_date(value: str, received_at: datetime) -> datetime | None:
    """Return the time of an HTTP date in one of the three forms; the name of the day is not checked against it."""
    value = value.strip(" \t")
    match = next(filter(None, (re.fullmatch(form, value) for form in _DATE_FORMS)), None)
    if match is None:
        return None
    year = int(match["year"])
    if len(match["year"]) == 2:  # noqa: PLR2004 - two digits: at most 50 years ahead (RFC 9110 5.6.7)
        first = received_at.year - 49
        year = first + (year - first) % 100
    try:
        return datetime(
            year,
            _MONTHS.index(match["month"]) + 1,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            59 if match["second"] == "60" else int(match["second"]),  # a leap second
            tzinfo=UTC,
        )
    except ValueError:
        return None
