"""Durations as text: parsed from `90`, `90s`, `30m` or `2h`, and formatted as `5 min 3 s`."""

from __future__ import annotations

import argparse
import re

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd]?)")


def parse_duration(text: str) -> float:
    """Return the seconds of a number with an optional unit s, m, h or d. This is a `type` for argparse.

    Raises:
        ArgumentTypeError: the text is not a duration.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise argparse.ArgumentTypeError("a duration such as 90, 90s, 30m or 2h is needed")
    return float(match[1]) * _UNITS_S[match[2]]


def format_duration(duration_s: float) -> str:
    """Return a duration as `0.4 s`, `34 s`, `5 min 3 s` or `2 h 5 min`."""
    if duration_s < 9.95:  # noqa: PLR2004 - above this, tenths of a second do not matter
        return f"{duration_s:.1f} s"
    whole = round(duration_s)
    if whole < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 - minutes in an hour
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
