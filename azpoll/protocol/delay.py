"""How long to wait before the next request: what the server asked, else a schedule (rules 25, 34 to 36)."""

# Without `from __future__ import annotations`: a NamedTuple would compile each of its own when it is imported.

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from azpoll.protocol.answer import Answer, RequestFailure

_FIRST_S = 1.0
_LONGEST_POLL_S = 30.0  # rule 36
_LONGEST_BACKOFF_S = 60.0  # rule 25

# In this order; one that cannot be read gives way to the next. Source: rule 34.
_MILLISECOND_HEADERS = ("retry-after-ms", "x-ms-retry-after-ms")

# RFC 9110 10.2.3 has whole digits only, so `+5`, `1e3`, `0x10` and `.5` are refused. Wider than the RFC: a
# fraction (services send it) and a minus (rule 35 reads it as "now"). 100 digits are always a finite float.
# Compiled when one comes that is no plain number of few digits, which is seldom.
_NUMBER = r"[ \t]*-?[0-9]{1,100}(?:\.[0-9]{1,100})?[ \t]*"
_FEW_DIGITS = 6

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
# The three forms of RFC 9110 5.6.7. `strptime` reads them by the locale, `email.utils` anything near them. They are
# compiled when a date comes, which is seldom.
_DATE_FORMS = (
    rf"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",
    rf"[A-Z][a-z]{{5,8}}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT",
    rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})",
)


class DelayLimits(NamedTuple):
    """The caller's settings, in finite seconds; whoever makes one has checked them.

    Attributes:
        interval: fixed wait between polls, in place of the default schedule; not shortened by `cap`.
        floor: no wait is shorter; 0 for servers that do not mind.
        cap: no wait is longer, however much the server asks for; only the caller's own `interval` may be. Not below
            `floor`.
    """

    interval: float | None = None
    floor: float = 1.0
    cap: float = 3600.0

    def clamp(self, delay_s: float) -> float:
        """Return `delay_s` moved into floor..cap."""
        if delay_s < self.floor:
            return self.floor
        return min(delay_s, self.cap)


class Delay(NamedTuple):
    """A wait before the next request.

    Attributes:
        seconds: finite, never negative.
        by_server: the server asked for it: no jitter is added, and no deadline brings the request forward.
    """

    seconds: float
    by_server: bool


def retry_after(answer: Answer) -> float | None:
    """Return the seconds the server asks to wait: finite, not negative, not yet clamped. Never raises.

    None when no header says so in a readable way. 0, a negative number or a time gone by are 0.0. A date
    counts from the answer's own `Date`, so that the two clocks may differ, else from `received_at`.

    Source: rules 34 and 35; RFC 9110 10.2.3; Azure REST guidelines for the headers in milliseconds.
    """
    for name in _MILLISECOND_HEADERS:
        if name in answer.headers and (milliseconds := _number(answer.headers[name])) is not None:
            return milliseconds / 1000.0
    if "retry-after" not in answer.headers:
        return None
    value = answer.headers["retry-after"]
    seconds = _number(value)
    if seconds is not None:
        return seconds
    return _seconds_until(value, answer)


def answered_at(answer: Answer) -> datetime:
    """Return when the server answered by its own clock, its `Date`; where that cannot be read, `received_at`."""
    return _http_date(answer.headers.get("date", ""), answer.received_at) or answer.received_at


def poll_delay(answer: Answer | None, delay_limits: DelayLimits, step: int) -> Delay:
    """Return the wait after a good answer: the server's, else the caller's interval, else 1, 2, 4 .. 30 s.

    Args:
        answer: the last one, the initial response included; None when there is none (a resumed operation).
        delay_limits: the caller's settings.
        step: polls already scheduled without a word from the server; 0 before the first.

    Source: rules 34 to 36.
    """
    asked = None if answer is None else retry_after(answer)
    if asked is not None:
        return _told(delay_limits.clamp(asked))
    if delay_limits.interval is not None:
        return Delay(max(delay_limits.interval, delay_limits.floor), by_server=False)
    return Delay(delay_limits.clamp(_doubled(step, _LONGEST_POLL_S)), by_server=False)


def backoff_delay(answer: Answer | RequestFailure, delay_limits: DelayLimits, failures: int) -> Delay:
    """Return the wait after a failed poll: the longer of what the server asks and 1, 2, 4 .. 60 s.

    Args:
        answer: what the poll brought.
        delay_limits: the caller's settings; its interval is for good answers and plays no part.
        failures: failed polls in a row, this one included; 1 or more.

    Source: rule 25.
    """
    own = delay_limits.clamp(_doubled(failures - 1, _LONGEST_BACKOFF_S))
    head = answer if isinstance(answer, Answer) else answer.head
    asked = None if head is None else retry_after(head)
    if asked is not None and min(asked, delay_limits.cap) >= own:
        return Delay(delay_limits.clamp(asked), by_server=True)
    return Delay(own, by_server=False)


@lru_cache(maxsize=256)
def _told(seconds: float) -> Delay:
    """Return the wait that a server asks for: services ask for the same few, and each waiting operation keeps one."""
    return Delay(seconds, by_server=True)


def _doubled(times: int, longest_s: float) -> float:
    return min(_FIRST_S * 2.0 ** min(max(times, 0), 10), longest_s)


def _number(value: str) -> float | None:
    if len(value) <= _FEW_DIGITS and value.isascii() and value.isdecimal():  # as nearly all are
        return float(value)
    if not re.fullmatch(_NUMBER, value):
        return None
    number = float(value)
    return number if number > 0 else 0.0


def _seconds_until(value: str, answer: Answer) -> float | None:
    then = _http_date(value, answer.received_at)
    return None if then is None else max((then - answered_at(answer)).total_seconds(), 0.0)


def _http_date(value: str, received_at: datetime) -> datetime | None:
    """Read one of the three forms; the name of the day is not compared with the date (RFC 9110 5.6.7)."""
    value = value.strip(" \t")
    match = next((found for form in _DATE_FORMS if (found := re.fullmatch(form, value))), None)
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
