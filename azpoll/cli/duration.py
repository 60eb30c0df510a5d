"""Durations of the command line: `90`, `90s`, `30m` or `2h`."""

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
