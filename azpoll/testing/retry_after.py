"""`RetryAfter`: every form in which Azure services tell when to ask again, written and read.

The reader here is the server's own, kept apart from azpoll's, so that `FakeARM` can judge a client independently.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal, assert_never

if TYPE_CHECKING:
    from collections.abc import Mapping

Form = Literal["seconds", "imf-date", "rfc850-date", "asctime-date", "retry-after-ms", "x-ms-retry-after-ms"]

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """A time to wait and the form it is told in.

    Attributes:
        seconds: 0 or more; the date forms round it up to a whole second.
        form: "seconds" writes `17` or `1.5`; the date forms are the three of RFC 9110 5.6.7, relative to the answer's
            own `Date`; the `-ms` forms are those headers, in milliseconds.
    """

    seconds: float
    form: Form = "seconds"

    def header(self, now: datetime) -> tuple[str, str]:
        """Return the header's name and value for an answer dated `now` (aware)."""
        match self.form:
            case "seconds":
                return "Retry-After", f"{self.seconds:.3f}".rstrip("0").rstrip(".")
            case "retry-after-ms" | "x-ms-retry-after-ms":
                return self.form, str(round(self.seconds * 1000))
            case "imf-date" | "rfc850-date" | "asctime-date":
                return "Retry-After", _date_text(now, math.ceil(self.seconds), self.form)
            case _:
                assert_never(self.form)


def imf_date(when: datetime) -> str:
    """Return `when` (aware UTC) as an HTTP `Date`; never by locale."""
    day, month = _DAYS[when.weekday()][:3], _MONTHS[when.month - 1]
    return f"{day}, {when.day:02d} {month} {when.year} {when:%H:%M:%S} GMT"


def _date_text(now: datetime, seconds: int, form: Form) -> str:
    when = now.replace(microsecond=0) + timedelta(seconds=seconds)
    day, month = _DAYS[when.weekday()], _MONTHS[when.month - 1]
    if form == "rfc850-date":
        return f"{day}, {when.day:02d}-{month}-{when.year % 100:02d} {when:%H:%M:%S} GMT"
    if form == "asctime-date":
        return f"{day[:3]} {month} {when.day:2d} {when:%H:%M:%S} {when.year}"
    return imf_date(when)


def told_delay_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds an answer tells a client to wait, or None if it tells none that can be read.

    Args:
        headers: lower-case name to value.
    """
    for name, unit in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name)
        if text is None:
            continue
        try:
            number = float(text) * unit
        except ValueError:
            return _until(text, headers.get("date"))
        return number if math.isfinite(number) else None
    return None


def _until(text: str, date: str | None) -> float | None:
    try:
        then, base = parsedate_to_datetime(text), parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return (then.replace(tzinfo=then.tzinfo or UTC) - base).total_seconds()
