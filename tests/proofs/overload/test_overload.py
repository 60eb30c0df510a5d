"""R12: overdue operations do not cause a burst of requests, and none is lost."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from tests.proofs.fleets.fleet import LATENCY_S, stall
from tests.proofs.overload.overdue_operations import (
    HIGH_MAX_IN_FLIGHT,
    MAX_DURATION_S,
    SCARCE,
    SCOPES,
    begin_all,
    check_budget,
    check_ends,
    check_no_late_read,
    granted_s,
    max_in_window,
    poll_times_s,
    random_fleet,
)
from tests.support.scale import scaled

if TYPE_CHECKING:
    import httpx

    from tests.proofs.fleets.fleet import Fleet

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("wall_clock"), pytest.mark.slow]

SEEDS = scaled(push=1, nightly=20)
RESUMED = scaled(push=6_000, nightly=100_000)
SLEEPING = scaled(push=600, nightly=30_000)
STALLED = scaled(push=200, nightly=2_000)
SLEEP_S = 8 * 3600.0
STALLING_S = 400.0
MAX_IN_FLIGHT = 8
"""The default concurrency limit."""

EPOCH_S = 1_790_000_000.0


@pytest.fixture
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive Unix time from the loop clock, since the time in a token is Unix time."""
    monkeypatch.setattr(time, "time", lambda: EPOCH_S + anyio.current_time())


def size_for(size: int, anyio_backend_name: str, share: int) -> int:
    """Return a size; a fraction of it on the slower event loop."""
    return size if anyio_backend_name == "asyncio" else size // share


async def tokens_of(fleet: Fleet, size: int) -> list[str]:
    """Track operations for 25 s; return their tokens in random order."""
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
async def test_tokens_resumed_together_are_polled_as_the_budget_grants(seed: int, anyio_backend_name: str) -> None:
    """All operations have ended meanwhile, so each takes one read, as early as the budget allows."""
    size = size_for(RESUMED, anyio_backend_name, 50)
    fleet = random_fleet(seed)
    tokens = await tokens_of(fleet, size)
    await anyio.sleep(MAX_DURATION_S)
    since_s = anyio.current_time()
    async with fleet.client() as client, azpoll.Tracker(client, max_in_flight=HIGH_MAX_IN_FLIGHT) as tracker:
        operations = resume_all(tracker, tokens)
        for operation in operations:
            await operation.wait()
            operation.exception()
    check_budget(fleet, since_s)
    check_no_late_read(fleet, since_s)
    check_ends(fleet, operations, size)
    assert sum(len(poll_times_s(fleet, scope, since_s)) for scope in SCOPES) == size


@pytest.mark.parametrize("counted", [True, False], ids=["loop clock counts sleep", "loop clock stops"])
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_overdue_polls_are_spread_after_eight_hours_of_sleep(
    seed: int, anyio_backend_name: str, *, counted: bool
) -> None:
    """On some systems the loop clock stops during sleep; then no operation is overdue afterwards."""
    asleep_s = 0.0
    size = size_for(SLEEPING, anyio_backend_name, 4)
    fleet = random_fleet(seed, clock=lambda: anyio.current_time() + asleep_s)
    async with fleet.client() as client, azpoll.Tracker(client, max_in_flight=HIGH_MAX_IN_FLIGHT) as tracker:
        begin_all(fleet, tracker, size)
        await anyio.sleep(100.5)
        before = fleet.arm.statistics().reads
        if counted:
            stall(SLEEP_S)
        else:
            asleep_s = SLEEP_S
        woken_s = anyio.current_time() + asleep_s
        for operation in fleet.tracked:
            await operation.wait()
            operation.exception()
    check_budget(fleet, 0.0)
    check_ends(fleet, fleet.tracked, size)
    assert fleet.arm.statistics().reads - before <= size + HIGH_MAX_IN_FLIGHT, (
        "each operation has ended and takes one read"
    )
    if counted:
        check_no_late_read(fleet, woken_s)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_repeated_stalls_of_five_seconds_cause_no_bursts(seed: int) -> None:
    """Tokens accumulate during a stall only up to the burst of the budget."""
    draw = random.Random(seed)  # noqa: S311 - a simulation
    fleet = random_fleet(seed)
    async with fleet.client() as client, azpoll.Tracker(client, budget=SCARCE, on_exit="stop") as tracker:
        begin_all(fleet, tracker, STALLED)
        while anyio.current_time() < STALLING_S:
            await anyio.sleep(draw.uniform(0.01, 15))
            stall(5)
        lost = STALLED - tracker.statistics().running - sum(operation.done() for operation in fleet.tracked)
    check_budget(fleet, 0.0, SCARCE)
    assert lost == 0
    for scope in SCOPES:
        assert max_in_window(poll_times_s(fleet, scope, 0.0), 1.0) >= SCARCE.burst, "the stalls left a backlog"


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_without_a_budget_max_in_flight_limits_concurrent_requests(seed: int, anyio_backend_name: str) -> None:
    size = size_for(SLEEPING, anyio_backend_name, 4)
    fleet = random_fleet(seed)
    tokens = await tokens_of(fleet, size)
    await anyio.sleep(MAX_DURATION_S)
    since_s = anyio.current_time()
    fleet.transport.max_in_flight_seen = 0
    async with fleet.client() as client, azpoll.Tracker(client, budget=None, max_in_flight=MAX_IN_FLIGHT) as tracker:
        operations = resume_all(tracker, tokens)
        for operation in operations:
            await operation.wait()
            operation.exception()
    assert fleet.transport.max_in_flight_seen == MAX_IN_FLIGHT
    assert anyio.current_time() - since_s == pytest.approx(size / MAX_IN_FLIGHT * LATENCY_S, abs=LATENCY_S)
    fleet.arm.no_early_polls()
    fleet.arm.one_request_at_a_time()
    check_ends(fleet, operations, size)


def test_the_checks_of_overload_can_fail() -> None:
    """The windows are counted as the service counts them, and the checks can fail."""
    assert max_in_window([0.0, 0.5, 0.999, 1.0, 1.2], 1.0) == 4
    assert max_in_window([], 1.0) == 0
    assert granted_s(125) == 0.0
    assert granted_s(146) == 2.0
