"""Times, numbers and states as texts of a report."""

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


def time_text(unix_s: float) -> str:
    """Return a time as `2026-03-01 12:00:05` in UTC."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso_text(unix_s: float | None) -> str | None:
    """Return a time in ISO 8601 with milliseconds, in UTC."""
    return None if unix_s is None else datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 poll`, `1,204 polls`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
