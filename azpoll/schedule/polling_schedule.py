"""The times at which an operation is polled where its service names none, from completion times (rule 50).

The rules call them the checking schedule. Completion times are given as quantiles. Between two of them the hazard is
taken as constant: the rate at which operations end that have run so far. For a hazard h, polls at a density of
sqrt(h / (2 * price)) minimise the mean detection delay plus the price of the polls. This is Keller's optimum for
checking schedules. After the last quantile the hazard is 1 / age.
"""

from __future__ import annotations

import math
from typing import TypeAlias

Quantiles: TypeAlias = tuple[float, float, float, float, float]
"""Seconds in which the `SHARES` of operations have ended, ascending."""

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)

HAZARDS = (0.105, 0.182, 0.405, 0.693, 0.916)
"""Hazard over each step of `SHARES`: ln((1 - share before) / (1 - share))."""

LONGEST_S = 60.0
"""No delay of the schedule is longer."""

_AHEAD = 3
"""A delay ends three quantiles ahead at the latest, so that it never skips most of the operations."""


def checking_delay(quantiles: Quantiles, age_s: float, price_s: float) -> float:
    """Return the seconds until the next poll of an operation that runs at `age_s`, neither clamped nor with jitter.

    `price_s` is the seconds of detection delay that one poll is worth.
    """
    before_s = 0.0
    for number, quantile_s in enumerate(quantiles):
        if age_s < quantile_s:
            best_s = math.sqrt(2 * price_s * (quantile_s - before_s) / HAZARDS[number])
            return min(best_s, quantiles[min(number + _AHEAD, len(SHARES) - 1)] - age_s)
        before_s = quantile_s
    return math.sqrt(2 * price_s * age_s)


def time_of(quantiles: Quantiles, share: float) -> float:
    """Return the seconds in which `share` (0..1) of operations have ended.

    The logarithm of the time is linear in the share. Below the first and above the last quantile it goes on as between
    the nearest two.
    """
    upper = next((number for number, each in enumerate(SHARES[:-1]) if number and share < each), len(SHARES) - 1)
    part = (share - SHARES[upper - 1]) / (SHARES[upper] - SHARES[upper - 1])
    return quantiles[upper - 1] * math.pow(quantiles[upper] / quantiles[upper - 1], part)
