"""What is simulated: fleets, the service they run at, and what became of each."""

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
"""What a 429 says to wait."""

READS = Rate(250, 25.0)
PLENTY = Rate(1_000_000_000, 1e9)
LIMITS = Limits(reads=READS, writes=PLENTY, deletes=PLENTY, retry_after_s=THROTTLED_S)


@dataclass(frozen=True)
class Fleet:
    """Operations in one subscription.

    Attributes:
        operations: how many.
        every_s: seconds between two starts; 0 for all at once.
        shared: whether another tool takes 15 reads/s of the same principal for 2 of every 5 minutes.
    """

    operations: int
    every_s: float = 0.0
    shared: bool = False

    def __str__(self) -> str:
        """Say which fleet it is."""
        starts = f"{1 / self.every_s:g} starts/s" if self.every_s else "all at once"
        return f"{self.operations:,} operations, {starts}{', principal shared' if self.shared else ''}"

    def durations(self, seed: int) -> list[float]:
        """Return how long each operation takes, the same for every policy."""
        draw = random.Random(seed).lognormvariate
        return [draw(math.log(MEDIAN_S), SIGMA) for _ in range(self.operations)]


@dataclass(frozen=True)
class Outcome:
    """What became of one fleet under one policy.

    Attributes:
        fleet: whose.
        policy: its name.
        lost: waits that ended without being told the operation's end.
        delays_s: from each operation's end at the server to its being told, ascending; lost waits have none.
        told_s: when each end was told, ascending.
        ended_s: when each operation that was told of had ended, ascending.
        reads: GETs sent, refused ones and lists included.
        throttled: of these, answered 429.
        early: polls before the time the service had asked for.
        wall_s: real seconds that the simulation took.
    """

    fleet: Fleet
    policy: str
    lost: int
    delays_s: array[float]
    told_s: array[float]
    ended_s: array[float]
    reads: int
    throttled: int
    early: int
    wall_s: float = 0.0

    @property
    def mean_s(self) -> float:
        """Mean detection delay of those that were told."""
        return sum(self.delays_s) / len(self.delays_s) if self.delays_s else math.nan

    def quantile_s(self, share: float) -> float:
        """Return the detection delay that `share` of those that were told do not exceed."""
        return self.delays_s[int(len(self.delays_s) * share)] if self.delays_s else math.nan

    @property
    def throttled_share(self) -> float:
        """Share of the reads that was refused."""
        return self.throttled / self.reads if self.reads else 0.0


def outcome(
    fleet: Fleet, policy: str, told: Iterable[tuple[float, float]], *, reads: int, throttled: int, early: int
) -> Outcome:
    """Make an outcome of (told, ended) times; those that are missing are lost."""
    pairs = list(told)
    return Outcome(
        fleet,
        policy,
        fleet.operations - len(pairs),
        array("d", sorted(told_s - ended_s for told_s, ended_s in pairs)),
        array("d", sorted(told_s for told_s, _ in pairs)),
        array("d", sorted(ended_s for _, ended_s in pairs)),
        reads,
        throttled,
        early,
    )


def service(fleet: Fleet, seed: int) -> FakeARM:
    """Return a service whose next operations take as long as the fleet's."""
    durations = iter(fleet.durations(seed))
    scripts = map(_script, durations, repeat(RETRY_AFTER_S))
    return FakeARM(default=lambda _request: next(scripts), limits=LIMITS, log_size=10)


def _script(duration_s: float, retry_after: float) -> Script:
    return Script(duration_s=duration_s, retry_after=retry_after)


def judged(fleet: Fleet, policy: str, arm: FakeARM, *, other_reads: int = 0, other_throttled: int = 0) -> Outcome:
    """Return what a service saw of a policy, less what another tool did."""
    counts = arm.statistics()
    times = ((operation.told_end_at_s, operation.ended_at_s) for operation in arm.operations.values())
    told = [(told_s, ended_s) for told_s, ended_s in times if told_s is not None and ended_s is not None]
    return outcome(
        fleet,
        policy,
        told,
        reads=counts.reads - other_reads,
        throttled=counts.throttled - other_throttled,
        early=counts.early_polls,
    )
