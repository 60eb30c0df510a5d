"""`RetryAfter`: every form in which Azure services state a delay, with a writer and a reader.

The reader belongs to the fake server and shares no code with azpoll's own, so `FakeARM` audits a client independently.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal, assert_never, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Form = Literal["seconds", "imf-date", "rfc850-date", "asctime-date", "retry-after-ms", "x-ms-retry-after-ms"]

_FORMS: tuple[Form, ...] = get_args(Form)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """A delay and the form in which a header states it.

    Attributes:
        seconds: finite; a negative delay is for tests of a client. The date forms round it up to a whole second.
        form: "seconds" writes `17` or `1.5`. The date forms are the three of RFC 9110 5.6.7, relative to the `Date` of
            the same answer. The `-ms` forms are the headers of that name, in milliseconds.
    """

    seconds: float
    form: Form = "seconds"

    def __post_init__(self) -> None:
        """Raise ValueError for a delay that no header can state."""
        if not isinstance(self.seconds, (int, float)) or not math.isfinite(self.seconds):  # pyright: ignore[reportUnnecessaryIsInstance] - for callers without a type checker
            raise ValueError(f"retry_after must be a finite number of seconds or a RetryAfter, not {self.seconds!r}")
        if self.form not in _FORMS:
            raise ValueError(f"form must be one of {', '.join(map(repr, _FORMS))}, not {self.form!r}")

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
    """Return `when` (aware UTC) as an HTTP `Date`, independent of the locale."""
    day, month = _DAYS[when.weekday()][:3], _MONTHS[when.month - 1]
    time = f"{when.hour:02d}:{when.minute:02d}:{when.second:02d}"  # `strftime` takes three times as long
    return f"{day}, {when.day:02d} {month} {when.year} {time} GMT"


def _date_text(now: datetime, seconds: int, form: Form) -> str:
    when = now.replace(microsecond=0) + timedelta(seconds=seconds)
    day, month = _DAYS[when.weekday()], _MONTHS[when.month - 1]
    if form == "rfc850-date":
        return f"{day}, {when.day:02d}-{month}-{when.year % 100:02d} {when:%H:%M:%S} GMT"
    if form == "asctime-date":
        return f"{day[:3]} {month} {when.day:2d} {when:%H:%M:%S} {when.year}"
    return imf_date(when)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the delay that an answer asks for, in seconds; None if its headers state no readable one.

    Args:
        headers: lower-case name to value.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name)
        if text is None:
            continue
        try:
            delay_s = float(text) * unit_s
        except ValueError:
            return _seconds_until(text, headers.get("date"))
        return delay_s if math.isfinite(delay_s) else None
    return None


def _seconds_until(text: str, date: str | None) -> float | None:
    try:
        then, base = parsedate_to_datetime(text), parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return (then.replace(tzinfo=then.tzinfo or UTC) - base).total_seconds()
