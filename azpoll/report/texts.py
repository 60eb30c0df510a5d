"""Durations, times and states as texts of a report."""

from __future__ import annotations

from datetime import UTC, datetime

WORDS = {
    "failed": "Failed",
    "unknown": "Unknown",
    "not_started": "Not started",
    "canceled": "Canceled",
    "running": "Running",
    "intent": "Unanswered",
    "succeeded": "Succeeded",
}
"""Each state of a report for people."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_TENTHS_BELOW = 9.95


def duration_text(duration_s: float) -> str:
    """Return a duration as `0.4 s`, `34 s`, `5 min 3 s`, `2 h 5 min` or `3 d 4 h`."""
    if duration_s < _TENTHS_BELOW:
        return f"{duration_s:.1f} s"
    whole = round(duration_s)
    for unit, name, below, below_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // below
            return f"{whole // unit} {name} {rest} {below_name}" if rest else f"{whole // unit} {name}"
    return f"{whole} s"


def time_text(unix_s: float) -> str:
    """Return a time as `2026-03-01 12:00:05` in UTC."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso_text(unix_s: float | None) -> str | None:
    """Return a time in ISO 8601 with milliseconds, in UTC."""
    return None if unix_s is None else datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 poll`, `1,204 polls`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
