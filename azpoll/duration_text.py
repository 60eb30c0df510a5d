"""Durations as text, for commands and reports."""

from __future__ import annotations

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
