"""R12: a hundred thousand operations that are all overdue do not burst upon the service, and none is lost."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from tests.proofs.fleets.fleet import LATENCY_S, stall
from tests.proofs.overload.overdue_operations import (
    LONGEST_S,
    MANY_IN_FLIGHT,
    SCARCE,
    SCOPES,
    all_ended_well,
    begin_all,
    granted_s,
    herd,
    left_s,
    most_within,
    no_read_was_wasted,
    within_budget,
)
from tests.support.scale import scaled

if TYPE_CHECKING:
    import httpx

    from tests.proofs.fleets.fleet import Fleet

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("wall_clock")]

SEEDS = scaled(push=1, nightly=20)
RESUMED = scaled(push=6_000, nightly=100_000)
SLEPT = scaled(push=600, nightly=30_000)
STALLED = scaled(push=200, nightly=2_000)
HOURS_S = 8 * 3600.0
STALLING_S = 400.0
MOST_IN_FLIGHT = 8
"""By default."""

EPOCH_S = 1_790_000_000.0


@pytest.fixture
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Unix time pass with the event loop's, since the time in a token is Unix time."""
    monkeypatch.setattr(time, "time", lambda: EPOCH_S + anyio.current_time())


def sized(size: int, anyio_backend_name: str, share: int) -> int:
    """Return a size, or a share of it where the event loop is slower."""
    return size if anyio_backend_name == "asyncio" else size // share


async def stopped(fleet: Fleet, size: int) -> list[str]:
    """Track so many operations for a moment; returns their tokens, in no order."""
    async with fleet.client() as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        begin_all(fleet, tracker, size)
        await anyio.sleep(25)
    tokens = [operation.resume_token() for operation in fleet.tracked]
    random.Random(size).shuffle(tokens)  # noqa: S311 - a simulation
    return tokens


def resume_all(
    tracker: azpoll.Tracker[httpx.Response], tokens: list[str]
) -> list[azpoll.AsyncOperation[httpx.Response]]:
    return [tracker.resume(token, result="status", owner=number % 5) for number, token in enumerate(tokens)]


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_tokens_that_are_resumed_all_at_once_are_asked_one_by_one_as_the_budget_grants(
    seed: int, anyio_backend_name: str
) -> None:
    """All have ended in the meantime, so each costs one read, and the last is told as soon as the budget allows."""
    size = sized(RESUMED, anyio_backend_name, 50)
    fleet = herd(seed)
    tokens = await stopped(fleet, size)
    await anyio.sleep(LONGEST_S)
    since_s = anyio.current_time()
    async with fleet.client() as client, azpoll.Tracker(client, max_in_flight=MANY_IN_FLIGHT) as tracker:
        operations = resume_all(tracker, tokens)
        for operation in operations:
            await operation.wait()
            operation.exception()
    within_budget(fleet, since_s)
    no_read_was_wasted(fleet, since_s)
    all_ended_well(fleet, operations, size)
    assert sum(len(left_s(fleet, scope, since_s)) for scope in SCOPES) == size


@pytest.mark.parametrize("counted", [True, False], ids=["by the loop's clock", "by the wall's alone"])
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_a_machine_that_has_slept_for_eight_hours_spreads_what_is_overdue(
    seed: int, anyio_backend_name: str, *, counted: bool
) -> None:
    """On some systems the event loop's clock stands still meanwhile: then nothing is overdue, and all goes on."""
    asleep_s = 0.0
    size = sized(SLEPT, anyio_backend_name, 4)
    fleet = herd(seed, clock=lambda: anyio.current_time() + asleep_s)
    async with fleet.client() as client, azpoll.Tracker(client, max_in_flight=MANY_IN_FLIGHT) as tracker:
        begin_all(fleet, tracker, size)
        await anyio.sleep(100.5)
        before = fleet.arm.statistics().reads
        if counted:
            stall(HOURS_S)
        else:
            asleep_s = HOURS_S
        woken_s = anyio.current_time() + asleep_s
        for operation in fleet.tracked:
            await operation.wait()
            operation.exception()
    within_budget(fleet, 0.0)
    all_ended_well(fleet, fleet.tracked, size)
    assert fleet.arm.statistics().reads - before <= size + MANY_IN_FLIGHT, "each has ended, and is asked once"
    if counted:
        no_read_was_wasted(fleet, woken_s)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_a_loop_that_stalls_for_five_seconds_again_and_again_does_not_catch_up_in_bursts(seed: int) -> None:
    """What it could not read meanwhile is saved up to the burst that any quiet time saves, and no further."""
    draw = random.Random(seed)  # noqa: S311 - a simulation
    fleet = herd(seed)
    async with fleet.client() as client, azpoll.Tracker(client, budget=SCARCE, on_exit="stop") as tracker:
        begin_all(fleet, tracker, STALLED)
        while anyio.current_time() < STALLING_S:
            await anyio.sleep(draw.uniform(0.01, 15))
            stall(5)
        lost = STALLED - tracker.statistics().running - sum(operation.done() for operation in fleet.tracked)
    within_budget(fleet, 0.0, SCARCE)
    assert lost == 0
    for scope in SCOPES:
        assert most_within(left_s(fleet, scope, 0.0), 1.0) >= SCARCE.burst, "there was something to catch up with"


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_without_a_budget_no_more_than_max_in_flight_are_asked_at_once(
    seed: int, anyio_backend_name: str
) -> None:
    size = sized(SLEPT, anyio_backend_name, 4)
    fleet = herd(seed)
    tokens = await stopped(fleet, size)
    await anyio.sleep(LONGEST_S)
    since_s = anyio.current_time()
    fleet.line.most = 0
    async with fleet.client() as client, azpoll.Tracker(client, budget=None, max_in_flight=MOST_IN_FLIGHT) as tracker:
        operations = resume_all(tracker, tokens)
        for operation in operations:
            await operation.wait()
            operation.exception()
    assert fleet.line.most == MOST_IN_FLIGHT
    assert anyio.current_time() - since_s == pytest.approx(size / MOST_IN_FLIGHT * LATENCY_S, abs=LATENCY_S)
    fleet.arm.no_early_polls()
    fleet.arm.one_request_at_a_time()
    all_ended_well(fleet, operations, size)


def test_what_is_judged_here_can_be_broken() -> None:
    """The windows of reads are counted as the service counts them."""
    assert most_within([0.0, 0.5, 0.999, 1.0, 1.2], 1.0) == 4
    assert most_within([], 1.0) == 0
    assert granted_s(125) == 0.0
    assert granted_s(146) == 2.0
