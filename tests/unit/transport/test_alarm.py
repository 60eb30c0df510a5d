"""Waiting until a time or until it rings, in virtual time."""

from __future__ import annotations

import anyio
import pytest

from azpoll.eventloop.wakeup import wakeup

pytestmark = pytest.mark.anyio


async def test_it_wakes_at_its_time() -> None:
    begun_s = anyio.current_time()
    await wakeup().wait(begun_s + 17)
    assert anyio.current_time() - begun_s == pytest.approx(17, abs=1e-6)


async def test_a_time_gone_by_wakes_at_once() -> None:
    begun_s = anyio.current_time()
    await wakeup().wait(begun_s - 1)
    assert anyio.current_time() - begun_s == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("times", [1, 2])
async def test_it_wakes_when_it_is_rung(times: int) -> None:
    """However often, and whether it has a time or none."""
    ours, woken = wakeup(), [False]

    async def wait() -> None:
        await ours.wait()
        await ours.wait(anyio.current_time() + 3600)
        woken[0] = True

    begun_s = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        for _ in range(2):
            await anyio.sleep(1)
            assert not woken[0]
            for _ in range(times):
                ours.set()
    assert anyio.current_time() - begun_s == pytest.approx(2, abs=1e-6)


async def test_a_ring_that_nobody_waits_for_is_not_kept() -> None:
    ours = wakeup()
    ours.set()
    begun_s = anyio.current_time()
    await ours.wait(begun_s + 1)
    ours.set()
    await ours.wait(begun_s + 2)
    assert anyio.current_time() - begun_s == pytest.approx(2, abs=1e-6)


async def test_who_is_cancelled_waits_no_longer_and_can_wait_again() -> None:
    ours, begun_s = wakeup(), anyio.current_time()
    with anyio.move_on_after(1) as scope:
        await ours.wait(begun_s + 3600)
    assert scope.cancelled_caught
    await ours.wait(begun_s + 2)
    assert anyio.current_time() - begun_s == pytest.approx(2, abs=1e-6)
