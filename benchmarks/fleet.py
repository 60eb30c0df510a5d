"""Thousands of operations under ARM's read limit, in virtual time, the whole stack on FakeARM's own bucket.

Run: python -m benchmarks.fleet [--operations 10000] [--steady] [--seed 1]

Every operation takes a lognormal time (median 180 s, sigma 0.6) and its service asks for 17 s between polls; a
subscription grants 250 reads at once and 25 a second. Detection is the time from an operation's end at the
server to its being told to a client. Exits with 1 when an operation is lost or a poll early.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import time
from dataclasses import dataclass

import anyio
import httpx

import azpoll
from azpoll.testing import FakeARM, Limits, Rate, Script, run_virtual

ARM = "https://management.azure.com"
GROUP = "/subscriptions/s/resourceGroups/g/providers"
UNLIMITED = Rate(1_000_000_000, 1e9)
LIMITS = Limits(reads=Rate(250, 25), writes=UNLIMITED, deletes=UNLIMITED, retry_after_s=10)
PER_DEPLOYMENT = 800
"""ARM's limit of resources in one deployment."""

POLICIES = ("budget", "learned", "hints")


@dataclass(frozen=True)
class Outcome:
    """What became of one fleet."""

    lost: int
    mean_s: float
    p50_s: float
    p99_s: float
    reads: int
    throttled: int
    early: int
    wall_s: float


def fleet(policy: str, operations: int, seed: int, *, steady: bool) -> Outcome:
    """Simulate one fleet: all at once, or ten starts a second."""
    randomness = random.Random(seed)

    def script(_request: object) -> Script:
        return Script(duration_s=randomness.lognormvariate(math.log(180), 0.6), retry_after=17)

    arm = FakeARM(default=script, limits=LIMITS, log_size=10)

    async def run() -> None:
        durations = azpoll.Durations() if policy == "learned" else None
        async with (
            httpx.AsyncClient(transport=arm.transport(), base_url=ARM) as client,
            azpoll.Tracker(client, durations=durations) as tracker,
        ):
            for number in range(operations):
                deployment = f"d{number // PER_DEPLOYMENT}"
                if policy == "hints" and number % PER_DEPLOYMENT == 0:
                    url = f"{ARM}{GROUP}/Microsoft.Resources/deployments/{deployment}/operations?api-version=2024-03-01"
                    tracker.add_hints(azpoll.DeploymentOperations(url))
                url = f"{GROUP}/Microsoft.Test/widgets/{deployment}-{number}?api-version=2024-03-01"
                await tracker.begin("PUT", url, result="status")
                await anyio.sleep(0.1 if steady else 0)

    begun = time.perf_counter()
    run_virtual(run)
    wall_s = time.perf_counter() - begun
    counts = arm.statistics()
    told = [(o.told_end_at_s, o.ended_at_s) for o in arm.operations.values()]
    delays = sorted(at_s - ended_s for at_s, ended_s in told if at_s is not None and ended_s is not None)
    return Outcome(
        lost=operations - len(delays),
        mean_s=statistics.mean(delays),
        p50_s=delays[len(delays) // 2],
        p99_s=delays[int(len(delays) * 0.99)],
        reads=counts.reads,
        throttled=counts.throttled,
        early=counts.early_polls,
        wall_s=wall_s,
    )


def main() -> int:
    """Simulate each policy and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=1000)
    parser.add_argument("--steady", action="store_true", help="ten starts a second instead of all at once")
    parser.add_argument("--policy", choices=POLICIES, action="append")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    starts = "10 starts/s" if options.steady else "all at once"
    print(f"{options.operations} operations, {starts}, seed {options.seed}")
    print("policy     lost   mean s    p50 s    p99 s     reads     429   early   simulated in")
    wrong = 0
    for policy in options.policy or POLICIES:
        o = fleet(policy, options.operations, options.seed, steady=options.steady)
        wrong += o.lost + o.early
        print(
            f"{policy:8} {o.lost:6} {o.mean_s:8.1f} {o.p50_s:8.1f} {o.p99_s:8.1f}"
            f" {o.reads:9} {o.throttled:7} {o.early:7} {o.wall_s:8.1f} s"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
