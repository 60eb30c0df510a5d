"""R11: where one of two scopes is throttled, its owners share what is left evenly, and the other is as it was."""

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

pytestmark = pytest.mark.anyio

SEEDS = scaled(push=1, nightly=20)
WATCHED_S = 1200.0
OWNERS = {"one": 1, "ten": 10, "hundred": 100}
SCOPES = ("throttled", "other")
PATTERNS: tuple[Pattern, ...] = ("azure-async-operation", "body", "operation-location", "location")
SCARCE = azpoll.Budget(rate=0.6, max_rate=0.6, burst=1, write_rate=None)
"""A third of it is less than one operation asks for that is to be asked each second."""

THROTTLED_S = 20.0
"""One read in so many of a scope is answered 429, and the scope is then to be left alone for so many seconds."""

EVERY = 10


async def seen(seed: int, *, throttles: bool) -> Fleet:
    """Watch six owners in two scopes for twenty minutes, in one of which the service may throttle."""
    draw = random.Random(seed)  # noqa: S311 - a simulation
    refusal = Reply(429, {"error": {"code": "SubscriptionRequestsThrottled"}}, retry_after=THROTTLED_S)
    refusing = ([Ordinary()] * (EVERY - 1) + [refusal]) * 100

    def endless(request: IncomingRequest) -> Script:
        pattern, retry_after = draw.choice(PATTERNS), RetryAfter(draw.uniform(1.0, 1.5), "retry-after-ms")
        refused = throttles and request.path.startswith(f"/subscriptions/{SCOPES[0]}/")
        return Script(pattern=pattern, duration_s=1e6, retry_after=retry_after, polls=refusing if refused else None)

    fleet = Fleet(endless)
    whose = [(scope, owner) for scope in SCOPES for owner, count in OWNERS.items() for _ in range(count)]
    draw.shuffle(whose)
    async with fleet.client() as client, azpoll.Tracker(client, budget=SCARCE, on_exit="stop") as tracker:
        fleet.watch(tracker)
        for scope, owner in whose:
            fleet.begin(tracker, subscription=scope, owner=(scope, owner))
        await anyio.sleep(WATCHED_S)
    return fleet


def shares(fleet: Fleet, scope: str) -> dict[Hashable, int]:
    """Return how often each owner's operations in a scope were asked."""
    asked: dict[Hashable, int] = {}
    for _, path in fleet.polls(scope):
        owner = fleet.owners[path]
        asked[owner] = asked.get(owner, 0) + 1
    return asked


def lateness_p99_s(fleet: Fleet, scope: str) -> float:
    """Return how late the polls of a scope were sent, 99th percentile."""
    numbers = [n for n, path in enumerate(fleet.owners) if path.startswith(f"/subscriptions/{scope}/")]
    late_s = sorted(late_s for number in numbers for late_s in fleet.late.get(number, []))
    return late_s[len(late_s) * 99 // 100]


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_each_owner_has_its_share_and_the_scope_that_is_not_throttled_is_as_it_was(seed: int) -> None:
    """Owners of 1, 10 and 100 operations, in both scopes, each within a tenth of a third."""
    quiet, busy = await seen(seed, throttles=False), await seen(seed, throttles=True)
    assert quiet.arm.statistics().throttled == 0
    assert busy.arm.statistics().throttled > 10
    reads: dict[str, int] = {}
    for scope in SCOPES:
        asked = shares(busy, scope)
        reads[scope] = sum(asked.values())
        assert asked.keys() == {(scope, owner) for owner in OWNERS}
        for owner, times in asked.items():
            assert times == pytest.approx(reads[scope] / len(OWNERS), rel=0.1), f"seed {seed}: {owner}"
    assert reads[SCOPES[0]] < 0.75 * reads[SCOPES[1]], f"seed {seed}"
    assert reads[SCOPES[1]] == pytest.approx(WATCHED_S * SCARCE.rate, rel=0.01), f"seed {seed}"
    other = SCOPES[1]
    assert lateness_p99_s(busy, other) == pytest.approx(lateness_p99_s(quiet, other), abs=2 * LATENCY_S), f"seed {seed}"
    busy.kept(SCARCE, len(SCOPES))
