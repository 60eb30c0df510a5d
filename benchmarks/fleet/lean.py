"""The other policies as a model: events in a heap, straight on FakeARM's bucket, millions of reads a minute.

Polls that fall on the same moment come in random order, as they would at a real service.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass

from azpoll.testing.rate_limits import TokenBucket
from benchmarks.fleet.world import READS, RETRY_AFTER_S, THROTTLED_S, Fleet, Outcome, outcome


@dataclass(frozen=True)
class Rules:
    """A poller of single operations.

    Attributes:
        first_s: seconds before the first poll.
        tries: a poll refused so often in a row ends the wait.
    """

    first_s: float
    tries: float


POLICIES = {
    "azure-core": Rules(first_s=0.0, tries=4),
    "naive": Rules(first_s=RETRY_AFTER_S, tries=math.inf),
}
"""Both poll every 17 s as they are told, and after a 429 when it says."""


def lean(fleet: Fleet, policy: str, seed: int) -> Outcome:
    """Simulate a policy of `POLICIES`."""
    rules = POLICIES[policy]
    starts = [number * fleet.every_s for number in range(fleet.operations)]
    ends = [start_s + duration_s for start_s, duration_s in zip(starts, fleet.durations(seed), strict=True)]
    bucket = TokenBucket(READS, 0.0)
    refused = [0] * fleet.operations
    order = random.Random(seed).random
    events = [(start_s + rules.first_s, order(), number) for number, start_s in enumerate(starts)]
    heapq.heapify(events)
    told: list[tuple[float, float]] = []
    reads = throttled = 0
    while events:
        now_s, _, number = events[0]
        reads += 1
        if bucket.consume(now_s):
            throttled += 1
            refused[number] += 1
            if refused[number] < rules.tries:
                heapq.heapreplace(events, (now_s + THROTTLED_S, order(), number))
            else:
                heapq.heappop(events)
        elif now_s >= ends[number]:
            told.append((now_s, ends[number]))
            heapq.heappop(events)
        else:
            refused[number] = 0
            heapq.heapreplace(events, (now_s + RETRY_AFTER_S, order(), number))
    early = fleet.operations if rules.first_s < RETRY_AFTER_S else 0
    return outcome(fleet, policy, told, reads=reads, throttled=throttled, early=early)


def oracle(fleet: Fleet, seed: int, burst: int) -> Outcome:
    """Poll each operation once, after its end and in the order of the ends: no policy can do better.

    Args:
        fleet: whose operations.
        seed: of their durations.
        burst: reads that may be saved up.
    """
    durations = fleet.durations(seed)
    ends = sorted(number * fleet.every_s + duration_s for number, duration_s in enumerate(durations))
    told: list[tuple[float, float]] = []
    tokens, now_s = float(burst), 0.0
    for end_s in ends:
        at_s = max(end_s, now_s)
        tokens = min(burst, tokens + (at_s - now_s) * READS.per_s)
        now_s = at_s + max(1 - tokens, 0) / READS.per_s
        tokens = max(tokens, 1.0) - 1
        told.append((now_s, end_s))
    return outcome(fleet, f"oracle, {burst} saved", told, reads=len(told), throttled=0, early=0)
