"""R11: owners of 1, 10 and 100 operations share one scarce budget evenly, and nobody starves."""

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

pytestmark = pytest.mark.anyio

SEEDS = scaled(push=1, nightly=20)
WATCHED_S = 1800.0
OWNERS = {"one": 1, "ten": 10, "hundred": 100}
PATTERNS: tuple[Pattern, ...] = ("azure-async-operation", "body", "operation-location", "location")
SCARCE = azpoll.Budget(rate=0.6, max_rate=0.6, burst=1, increase_per_s=0, write_rate=None)
"""A third of it is less than one operation asks for that is to be asked each second."""


def endless(draw: random.Random) -> Script:
    """Return an operation of any kind that wants more than its owner's share, and never ends."""
    return Script(
        pattern=draw.choice(PATTERNS),
        duration_s=1e6,
        retry_after=RetryAfter(draw.uniform(1.0, 1.5), "retry-after-ms"),
    )


def turns(fleet: Fleet) -> dict[object, list[float]]:
    """Return when each owner's polls left."""
    found: dict[object, list[float]] = {}
    for at_s, path in fleet.polls():
        found.setdefault(fleet.owners[path], []).append(at_s)
    return found


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_owners_of_1_10_and_100_operations_are_given_equal_shares(seed: int) -> None:
    """Within a tenth, over half an hour in which all want more; in any order, and at several providers."""
    draw = random.Random(seed)  # noqa: S311 - a simulation
    fleet = Fleet(lambda _: endless(draw))
    owners = [owner for owner, operations in OWNERS.items() for _ in range(operations)]
    draw.shuffle(owners)
    async with fleet.client() as client, azpoll.Tracker(client, budget=SCARCE, on_exit="stop") as tracker:
        for owner in owners:
            fleet.begin(tracker, owner=owner, provider=draw.choice(["Microsoft.A", "Microsoft.B"]))
        await anyio.sleep(WATCHED_S)
    fleet.kept(SCARCE)
    share = WATCHED_S * SCARCE.rate / len(OWNERS)
    for whose, left_s in turns(fleet).items():
        assert len(left_s) == pytest.approx(share, rel=0.1), f"seed {seed}: {whose}"
        waits_s = [later - earlier for earlier, later in pairwise(left_s)]
        assert max(waits_s) <= 2 * len(OWNERS) / SCARCE.rate, f"seed {seed}: {whose} starved"


async def test_no_operation_starves_within_its_owners_share() -> None:
    """Each of a hundred has been asked as often as its neighbours."""
    fleet = Fleet(Script(duration_s=1e6, retry_after=1))
    async with fleet.client() as client, azpoll.Tracker(client, budget=SCARCE, on_exit="stop") as tracker:
        for owner, operations in OWNERS.items():
            for _ in range(operations):
                fleet.begin(tracker, owner=owner)
        await anyio.sleep(WATCHED_S)
    asked = Counter(path for _, path in fleet.polls())
    for owner in OWNERS:
        times = [asked[path] for path, whose in fleet.owners.items() if whose == owner]
        assert max(times) - min(times) <= 1, owner
        assert min(times) >= 3, owner


async def test_who_wants_less_than_its_share_waits_for_one_turn_of_each_other() -> None:
    """Three operations that are asked every ten minutes do not queue behind two hundred that are always due."""
    fleet = Fleet(lambda request: Script(duration_s=1e6, retry_after=600 if "Modest" in request.path else 1))
    async with fleet.client() as client, azpoll.Tracker(client, budget=SCARCE, on_exit="stop") as tracker:
        fleet.watch(tracker)
        for number in range(200):
            fleet.begin(tracker, owner=f"greedy{number % 2}")
        for _ in range(3):
            fleet.begin(tracker, owner="modest", provider="Modest")
        await anyio.sleep(2500)
    modest = [late_s for number in range(200, 203) for late_s in fleet.late[number]]
    assert len(modest) == 12
    assert max(modest) <= 3 * 3 / SCARCE.rate, "three that are due together wait for three turns of three owners"
    greedy = {owner: len(left_s) for owner, left_s in turns(fleet).items() if owner != "modest"}
    assert greedy["greedy0"] == pytest.approx(greedy["greedy1"], rel=0.01)


async def test_owners_share_the_writes_of_their_initial_requests_as_evenly() -> None:
    """When a hundred, ten and one want to begin at once, one turn each: the eleventh turns are all the hundred's."""
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


async def test_what_is_counted_here_is_every_poll_under_its_owner() -> None:
    """Of a status monitor, and of a resource that tells its own state."""
    fleet = Fleet(lambda request: Script(duration_s=5, retry_after=2, pattern=PATTERNS["Itself" in request.path]))
    async with fleet.client() as client, azpoll.Tracker(client) as tracker:
        fleet.begin(tracker, owner="a", provider="Monitored")
        fleet.begin(tracker, owner="b", provider="Itself")
    assert {owner: len(left_s) for owner, left_s in turns(fleet).items()} == {"a": 3, "b": 3}
    assert fleet.line.most == 2
