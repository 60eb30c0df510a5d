"""Rule 54: operations that hang delay healthy ones by at most 10 s, whatever scopes and origins they have."""

from __future__ import annotations

from contextlib import suppress

import anyio
import pytest

import azpoll
from azpoll.testing import Delay, Drip, FakeARM, IncomingRequest, Ordinary, Script
from tests.proofs.overload.slow_operations import HANGING, SCOPES, lateness_beside
from tests.support.clients import client_of
from tests.support.marks import ASYNCIO

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LATE_S = 10.0
HEALTHY_S = 600.0


async def check_one_healthy_operation(hanging: str, scope: str) -> None:
    """Assert that a healthy operation is on time beside 500 that hang. All are due at the same time."""
    lateness = await lateness_beside(HANGING[hanging], SCOPES[scope])
    assert lateness.lost == 0
    assert len(lateness.polls) >= 55
    assert max(lateness.polls) <= LATE_S
    assert max(lateness.ends) <= LATE_S + LATE_S
    assert lateness.in_flight <= 67


@pytest.mark.parametrize("hanging", HANGING)
async def test_rule_54_500_operations_that_hang_delay_a_healthy_one_by_at_most_10_s(hanging: str) -> None:
    """Before this rule a healthy operation was not polled once in 700 s."""
    await check_one_healthy_operation(hanging, "own subscriptions")


@ASYNCIO
@pytest.mark.parametrize("scope", ["own origins", "one bad subscription"])
@pytest.mark.parametrize("hanging", ["every second answer is late", "no answers"])
async def test_rule_54_500_operations_of_any_scope_delay_a_healthy_one_by_at_most_10_s(
    hanging: str, scope: str
) -> None:
    """On one event loop: the queues of the scopes have no part that depends on it."""
    await check_one_healthy_operation(hanging, scope)


@ASYNCIO
@pytest.mark.parametrize("hanging", ["late answers", "every second answer is late", "no answers"])
async def test_rule_54_an_owner_is_on_time_beside_500_operations_that_hang_in_its_scope(hanging: str) -> None:
    """Operations of one owner share the reads of the subscription: the first polls of 501 take 19 s in any case."""
    lateness = await lateness_beside(HANGING[hanging], SCOPES["the subscription of the healthy"], owner="healthy")
    assert (lateness.lost, max(lateness.polls) <= LATE_S) == (0, True)
    shared = await lateness_beside(HANGING[hanging], SCOPES["the subscription of the healthy"])
    assert shared.lost == 0
    assert max(shared.polls) <= 2 * LATE_S


@ASYNCIO
async def test_rule_54_200_healthy_operations_are_on_time_beside_500_that_hang() -> None:
    lateness = await lateness_beside(HANGING["late answers"], SCOPES["own subscriptions"], healthy=200)
    assert lateness.lost == 0
    assert lateness.quantile(0.99) <= LATE_S


@pytest.mark.parametrize("hanging", ["late answers", "no answers"])
async def test_rule_54_a_client_of_ten_connections_needs_longer_for_the_first_polls_alone(hanging: str) -> None:
    """Each operation can take 0.5 s of the four connections that are not for slow ones; half of that later on."""
    lateness = await lateness_beside(HANGING[hanging], SCOPES["own subscriptions"], connections=10)
    assert lateness.lost == 0
    assert lateness.in_flight <= 7
    assert max(lateness.polls) <= 40.0
    assert sorted(lateness.polls)[-2] <= LATE_S


async def test_rule_54_operations_that_are_slow_make_progress_beside_healthy_ones() -> None:
    """Each of 60 operations whose answers take 29 s is polled as often as 33 connections allow."""
    lateness = await lateness_beside(HANGING["late answers"], SCOPES["own subscriptions"], hanging=60)
    assert lateness.slow_answers >= 60 * 700 / (2 * 29 + 10) * 0.8
    assert max(lateness.polls) <= LATE_S


@pytest.mark.parametrize("step", [Drip(1, 4.0, Ordinary()), Delay(119.0), Delay(1e4)], ids=["drips", "slow", "never"])
@pytest.mark.parametrize("owned", ["own subscriptions", "one subscription"])
async def test_rule_54_initial_requests_that_hang_delay_no_other(step: Drip | Delay, owned: str) -> None:
    """20 answers that dripped stopped every `begin`. 32 in own subscriptions are tolerated; in one, any number is."""
    hanging = 32 if owned == "own subscriptions" else 200
    arm = FakeARM(
        default=lambda request: Script(duration_s=0, retry_after=1, initial=None if _is_good(request) else step),
        limits=None,
    )
    client = client_of(arm)
    took: list[float] = []
    async with client, azpoll.Tracker(client, on_exit="stop") as tracker, anyio.create_task_group() as tasks:

        async def begin(path: str) -> None:
            with suppress(azpoll.InitialRequestFailed, azpoll.TrackerClosed):
                await tracker.begin("PATCH", path, json={})

        for number in range(hanging):
            name = f"bad{number}" if owned == "own subscriptions" else "bad"
            tasks.start_soon(begin, f"/subscriptions/{name}/resourceGroups/g{number}?api-version=1")
        await anyio.sleep(0.1)
        for number in range(20):
            begun_s = anyio.current_time()
            await tracker.begin("PUT", f"/subscriptions/good/resourceGroups/g{number}?api-version=1", json={})
            took.append(anyio.current_time() - begun_s)
            await anyio.sleep(10)
        tasks.cancel_scope.cancel()
    assert max(took) <= LATE_S


def _is_good(request: IncomingRequest) -> bool:
    return "/good/" in request.path
