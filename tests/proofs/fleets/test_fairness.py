"""R11: owners of 1, 10 and 100 operations share one scarce budget evenly, and no operation starves."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import Pattern, RetryAfter, Script
from tests.proofs.fleets.fleet import LATENCY_S, ORIGIN, Fleet
from tests.support.scale import scaled

if TYPE_CHECKING:
    import httpx

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SEEDS = scaled(push=1, nightly=20)
DURATION_S = 1800.0
OWNERS = {"one": 1, "ten": 10, "hundred": 100}
PATTERNS: tuple[Pattern, ...] = ("azure-async-operation", "body", "operation-location", "location")
SCARCE = azpoll.Budget(rate=0.6, max_rate=0.6, burst=1, increase_per_s=0, write_rate=None)
"""One third of it is below the demand of a single operation with a Retry-After of 1 s."""


def endless(draw: random.Random) -> Script:
    """Return a random endless operation whose demand exceeds its owner's share."""
    return Script(
        pattern=draw.choice(PATTERNS),
        duration_s=1e6,
        retry_after=RetryAfter(draw.uniform(1.0, 1.5), "retry-after-ms"),
    )


def poll_times(fleet: Fleet) -> dict[object, list[float]]:
    """Return the times of the polls by owner."""
    found: dict[object, list[float]] = {}
    for at_s, path in fleet.polls():
        found.setdefault(fleet.owners[path], []).append(at_s)
    return found


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_owners_of_1_10_and_100_operations_get_equal_shares(seed: int) -> None:
    """The shares are equal within 10 % over 30 min of excess demand, in any order and at several providers."""
    draw = random.Random(seed)  # noqa: S311 - a simulation
    fleet = Fleet(lambda _: endless(draw))
    owners = [owner for owner, operations in OWNERS.items() for _ in range(operations)]
    draw.shuffle(owners)
    async with fleet.client() as client, azpoll.Tracker(client, budget=SCARCE, on_exit="stop") as tracker:
        for owner in owners:
            fleet.begin(tracker, owner=owner, provider=draw.choice(["Microsoft.A", "Microsoft.B"]))
        await anyio.sleep(DURATION_S)
    fleet.check_requests(SCARCE)
    share = DURATION_S * SCARCE.rate / len(OWNERS)
    for each, poll_times_s in poll_times(fleet).items():
        assert len(poll_times_s) == pytest.approx(share, rel=0.1), f"seed {seed}: {each}"
        waits_s = [later - earlier for earlier, later in pairwise(poll_times_s)]
        assert max(waits_s) <= 2 * len(OWNERS) / SCARCE.rate, f"seed {seed}: {each} starved"


async def test_no_operation_starves_within_its_owners_share() -> None:
    """Each of 100 operations is polled as often as the others of its owner."""
    fleet = Fleet(Script(duration_s=1e6, retry_after=1))
    async with fleet.client() as client, azpoll.Tracker(client, budget=SCARCE, on_exit="stop") as tracker:
        for owner, operations in OWNERS.items():
            for _ in range(operations):
                fleet.begin(tracker, owner=owner)
        await anyio.sleep(DURATION_S)
    reads = Counter(path for _, path in fleet.polls())
    for owner in OWNERS:
        times = [reads[path] for path, each in fleet.owners.items() if each == owner]
        assert max(times) - min(times) <= 1, owner
        assert min(times) >= 3, owner


async def test_an_owner_below_its_share_waits_for_one_turn_of_each_other_owner() -> None:
    """Three operations that are due every 10 min do not queue behind 200 that are always due."""
    fleet = Fleet(lambda request: Script(duration_s=1e6, retry_after=600 if "Modest" in request.path else 1))
    async with fleet.client() as client, azpoll.Tracker(client, budget=SCARCE, on_exit="stop") as tracker:
        fleet.record_lateness(tracker)
        for number in range(200):
            fleet.begin(tracker, owner=f"greedy{number % 2}")
        for _ in range(3):
            fleet.begin(tracker, owner="modest", provider="Modest")
        await anyio.sleep(2500)
    modest = [late_s for number in range(200, 203) for late_s in fleet.late[number]]
    assert len(modest) == 12
    assert max(modest) <= 3 * 3 / SCARCE.rate, "three operations wait for at most three turns of three owners"
    greedy = {owner: len(poll_times_s) for owner, poll_times_s in poll_times(fleet).items() if owner != "modest"}
    assert greedy["greedy0"] == pytest.approx(greedy["greedy1"], rel=0.01)


async def test_owners_share_the_rate_of_initial_requests_evenly() -> None:
    """Owners of 100, 10 and 1 initial requests alternate; after 10 turns only the largest owner is left."""
    fleet = Fleet(Script(duration_s=1, retry_after=1))
    budget = azpoll.Budget(write_rate=1, write_burst=1)
    begun: list[str] = []

    async def begin(tracker: azpoll.Tracker[httpx.Response], owner: str, number: int) -> None:
        path = f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Fake/things/{owner}{number}?api-version=1"
        await tracker.begin("PUT", ORIGIN + path, json={}, result="status", owner=owner)
        begun.append(owner)

    async with (
        fleet.client() as client,
        azpoll.Tracker(client, budget=budget) as tracker,
        anyio.create_task_group() as tasks,
    ):
        for owner in ("hundred", "ten", "one"):
            for number in range(OWNERS[owner]):
                tasks.start_soon(begin, tracker, owner, number)
            await anyio.sleep(LATENCY_S / 10)
    assert Counter(begun) == OWNERS
    assert Counter(begun[1:4]) == Counter(OWNERS.keys())
    assert Counter(begun[4:20]) == {"hundred": 8, "ten": 8}
    assert set(begun[24:]) == {"hundred"}


async def test_every_poll_is_counted_for_its_owner() -> None:
    """Polls of a status monitor and polls of the resource itself are counted."""
    fleet = Fleet(lambda request: Script(duration_s=5, retry_after=2, pattern=PATTERNS["Itself" in request.path]))
    async with fleet.client() as client, azpoll.Tracker(client) as tracker:
        fleet.begin(tracker, owner="a", provider="Monitored")
        fleet.begin(tracker, owner="b", provider="Itself")
    assert {owner: len(poll_times_s) for owner, poll_times_s in poll_times(fleet).items()} == {"a": 3, "b": 3}
    assert fleet.transport.max_in_flight_seen == 2
