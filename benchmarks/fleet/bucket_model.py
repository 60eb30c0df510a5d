"""The other policies as a model: an event heap directly on FakeARM's token bucket, millions of reads per minute.

Polls that are due at the same time are sent in random order, as they would reach a real service.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass

from azpoll.testing.rate_limits import TokenBucket
from benchmarks.fleet.scenario import READS, RETRY_AFTER_S, THROTTLED_S, Fleet, Outcome, outcome


@dataclass(frozen=True)
class Rules:
    """The rules of a poller of single operations.

    Attributes:
        first_s: seconds before the first poll.
        tries: consecutive throttled polls that end the wait.
    """

    first_s: float
    tries: float


POLICIES = {
    "azure-core": Rules(first_s=0.0, tries=4),
    "naive": Rules(first_s=RETRY_AFTER_S, tries=math.inf),
}
"""Both wait for `Retry-After` after every response: 17 s, and 10 s after a 429."""


def modelled(fleet: Fleet, policy: str, seed: int) -> Outcome:
    """Simulate a policy of `POLICIES`."""
    rules = POLICIES[policy]
    starts = [number * fleet.every_s for number in range(fleet.operations)]
    ends = [start_s + duration_s for start_s, duration_s in zip(starts, fleet.durations(seed), strict=True)]
    bucket = TokenBucket(READS, 0.0)
    refused = [0] * fleet.operations
    order = random.Random(seed).random
    events = [(start_s + rules.first_s, order(), number) for number, start_s in enumerate(starts)]
    heapq.heapify(events)
    detected: list[tuple[float, float]] = []
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
            detected.append((now_s, ends[number]))
            heapq.heappop(events)
        else:
            refused[number] = 0
            heapq.heapreplace(events, (now_s + RETRY_AFTER_S, order(), number))
    early = fleet.operations if rules.first_s < RETRY_AFTER_S else 0
    return outcome(fleet, policy, detected, reads=reads, throttled=throttled, early=early)


def oracle(fleet: Fleet, seed: int, burst: int) -> Outcome:
    """Simulate the lower bound of all policies: one poll per operation, after its end, in the order of the ends.

    Args:
        fleet: the fleet.
        seed: seed of its durations.
        burst: reads that may be saved up.
    """
    durations = fleet.durations(seed)
    ends = sorted(number * fleet.every_s + duration_s for number, duration_s in enumerate(durations))
    detected: list[tuple[float, float]] = []
    tokens, now_s = float(burst), 0.0
    for end_s in ends:
        at_s = max(end_s, now_s)
        tokens = min(burst, tokens + (at_s - now_s) * READS.per_s)
        now_s = at_s + max(1 - tokens, 0) / READS.per_s
        tokens = max(tokens, 1.0) - 1
        detected.append((now_s, end_s))
    return outcome(fleet, f"oracle, {burst} saved", detected, reads=len(detected), throttled=0, early=0)
