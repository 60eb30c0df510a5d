"""Fleets of operations, the simulated service they run at, and the outcome of a simulation."""

from __future__ import annotations

import math
import random
from array import array
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

from azpoll.testing import FakeARM, Limits, Rate, Script

if TYPE_CHECKING:
    from collections.abc import Iterable

ORIGIN = "https://management.azure.com"
GROUP = "/subscriptions/s/resourceGroups/g/providers"
QUERY = "api-version=2024-03-01"

MEDIAN_S, SIGMA = 180.0, 0.6
RETRY_AFTER_S = 17.0
THROTTLED_S = 10.0
"""`Retry-After` of a 429, in seconds."""

READS = Rate(250, 25.0)
PLENTY = Rate(1_000_000_000, 1e9)
LIMITS = Limits(reads=READS, writes=PLENTY, deletes=PLENTY, retry_after_s=THROTTLED_S)


@dataclass(frozen=True)
class Fleet:
    """Operations in one subscription.

    Attributes:
        operations: number of operations.
        every_s: seconds between two starts; 0 starts all concurrently.
        shared: whether another tool uses the same principal for 15 reads/s in 2 of every 5 minutes.
    """

    operations: int
    every_s: float = 0.0
    shared: bool = False

    def __str__(self) -> str:
        """Return the fleet's name in the report."""
        starts = f"operations, {1 / self.every_s:g} starts/s" if self.every_s else "concurrent operations"
        return f"{self.operations:,} {starts}{', principal shared' if self.shared else ''}"

    def durations(self, seed: int) -> list[float]:
        """Return the duration of each operation in seconds, the same for every policy."""
        draw = random.Random(seed).lognormvariate
        return [draw(math.log(MEDIAN_S), SIGMA) for _ in range(self.operations)]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one fleet under one policy.

    An operation's end is detected when a response reports it to the client.

    Attributes:
        fleet: the fleet.
        policy: name of the policy.
        lost: waits that stopped before the operation's end was detected.
        delays_s: seconds from the end at the server to its detection, ascending; lost waits have none.
        detected_s: times of detection, ascending.
        ended_s: times at which the detected operations had ended, ascending.
        reads: GETs sent, including throttled ones and lists.
        throttled: GETs answered by 429.
        early: polls before the time that the service had set.
        wall_s: real seconds of the simulation.
    """

    fleet: Fleet
    policy: str
    lost: int
    delays_s: array[float]
    detected_s: array[float]
    ended_s: array[float]
    reads: int
    throttled: int
    early: int
    wall_s: float = 0.0

    @property
    def mean_s(self) -> float:
        """Mean detection delay, lost waits left out."""
        return sum(self.delays_s) / len(self.delays_s) if self.delays_s else math.nan

    def quantile_s(self, share: float) -> float:
        """Return a quantile of the detection delay, lost waits left out."""
        return self.delays_s[int(len(self.delays_s) * share)] if self.delays_s else math.nan

    @property
    def throttled_share(self) -> float:
        """Share of the reads that was throttled."""
        return self.throttled / self.reads if self.reads else 0.0


def outcome(
    fleet: Fleet, policy: str, detected: Iterable[tuple[float, float]], *, reads: int, throttled: int, early: int
) -> Outcome:
    """Make an outcome of pairs (detected, ended); operations without a pair are lost."""
    pairs = list(detected)
    return Outcome(
        fleet,
        policy,
        fleet.operations - len(pairs),
        array("d", sorted(detected_s - ended_s for detected_s, ended_s in pairs)),
        array("d", sorted(detected_s for detected_s, _ in pairs)),
        array("d", sorted(ended_s for _, ended_s in pairs)),
        reads,
        throttled,
        early,
    )


def service(fleet: Fleet, seed: int) -> FakeARM:
    """Return a service whose operations have the fleet's durations, in the order of their starts."""
    durations = iter(fleet.durations(seed))
    scripts = map(_script, durations, repeat(RETRY_AFTER_S))
    return FakeARM(default=lambda _request: next(scripts), limits=LIMITS, log_size=10)


def _script(duration_s: float, retry_after: float) -> Script:
    return Script(duration_s=duration_s, retry_after=retry_after)


def outcome_at(arm: FakeARM, fleet: Fleet, policy: str, *, other_reads: int = 0, other_throttled: int = 0) -> Outcome:
    """Make the outcome of a policy from a service's records, without the reads of another tool."""
    counts = arm.statistics()
    times = ((operation.told_end_at_s, operation.ended_at_s) for operation in arm.operations.values())
    detected = [(at_s, ended_s) for at_s, ended_s in times if at_s is not None and ended_s is not None]
    return outcome(
        fleet,
        policy,
        detected,
        reads=counts.reads - other_reads,
        throttled=counts.throttled - other_throttled,
        early=counts.early_polls,
    )
