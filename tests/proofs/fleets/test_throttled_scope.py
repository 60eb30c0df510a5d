"""R11: owners share a throttled scope evenly, and the other scope is not affected."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import Ordinary, Pattern, Reply, RetryAfter, Script
from tests.proofs.fleets.fleet import LATENCY_S, Fleet
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azpoll.testing import IncomingRequest

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SEEDS = scaled(push=1, nightly=20)
DURATION_S = 1200.0
OWNERS = {"one": 1, "ten": 10, "hundred": 100}
SCOPES = ("throttled", "other")
PATTERNS: tuple[Pattern, ...] = ("azure-async-operation", "body", "operation-location", "location")
SCARCE = azpoll.Budget(rate=0.6, max_rate=0.6, burst=1, write_rate=None)
"""One third of it is below the demand of a single operation with a Retry-After of 1 s."""

THROTTLED_S = 20.0
"""The Retry-After of a 429, which every `EVERY`-th read of the throttled scope gets."""

EVERY = 10


async def run_fleet(seed: int, *, throttles: bool) -> Fleet:
    """Run six owners in two scopes for 20 min; the service may throttle one of the scopes."""
    draw = random.Random(seed)  # noqa: S311 - a simulation
    refusal = Reply(429, {"error": {"code": "SubscriptionRequestsThrottled"}}, retry_after=THROTTLED_S)
    refusing = ([Ordinary()] * (EVERY - 1) + [refusal]) * 100

    def endless(request: IncomingRequest) -> Script:
        pattern, retry_after = draw.choice(PATTERNS), RetryAfter(draw.uniform(1.0, 1.5), "retry-after-ms")
        refused = throttles and request.path.startswith(f"/subscriptions/{SCOPES[0]}/")
        return Script(pattern=pattern, duration_s=1e6, retry_after=retry_after, polls=refusing if refused else None)

    fleet = Fleet(endless)
    owners = [(scope, owner) for scope in SCOPES for owner, count in OWNERS.items() for _ in range(count)]
    draw.shuffle(owners)
    async with fleet.client() as client, azpoll.Tracker(client, budget=SCARCE, on_exit="stop") as tracker:
        fleet.record_lateness(tracker)
        for scope, owner in owners:
            fleet.begin(tracker, subscription=scope, owner=(scope, owner))
        await anyio.sleep(DURATION_S)
    return fleet


def reads_by_owner(fleet: Fleet, scope: str) -> dict[Hashable, int]:
    """Return the number of polls in a scope by owner."""
    reads: dict[Hashable, int] = {}
    for _, path in fleet.polls(scope):
        owner = fleet.owners[path]
        reads[owner] = reads.get(owner, 0) + 1
    return reads


def lateness_p99_s(fleet: Fleet, scope: str) -> float:
    """Return the 99th percentile of the lateness of the polls of a scope, in seconds."""
    numbers = [n for n, path in enumerate(fleet.owners) if path.startswith(f"/subscriptions/{scope}/")]
    late_s = sorted(late_s for number in numbers for late_s in fleet.late.get(number, []))
    return late_s[len(late_s) * 99 // 100]


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_owners_share_a_throttled_scope_and_the_other_is_not_affected(seed: int) -> None:
    """Owners of 1, 10 and 100 operations get one third of their scope each, within 10 %."""
    unthrottled, throttled = await run_fleet(seed, throttles=False), await run_fleet(seed, throttles=True)
    assert unthrottled.arm.statistics().throttled == 0
    assert throttled.arm.statistics().throttled > 10
    reads_of_scope: dict[str, int] = {}
    for scope in SCOPES:
        reads = reads_by_owner(throttled, scope)
        reads_of_scope[scope] = sum(reads.values())
        assert reads.keys() == {(scope, owner) for owner in OWNERS}
        for owner, times in reads.items():
            assert times == pytest.approx(reads_of_scope[scope] / len(OWNERS), rel=0.1), f"seed {seed}: {owner}"
    assert reads_of_scope[SCOPES[0]] < 0.75 * reads_of_scope[SCOPES[1]], f"seed {seed}"
    assert reads_of_scope[SCOPES[1]] == pytest.approx(DURATION_S * SCARCE.rate, rel=0.01), f"seed {seed}"
    other = SCOPES[1]
    assert lateness_p99_s(throttled, other) == pytest.approx(lateness_p99_s(unthrottled, other), abs=2 * LATENCY_S), (
        f"seed {seed}"
    )
    throttled.check_requests(SCARCE, len(SCOPES))
