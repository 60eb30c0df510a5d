"""A wait ends at a time or when its wakeup is set, in virtual time."""

from __future__ import annotations

import anyio
import pytest

from azpoll.eventloop.wakeup import Wakeup

pytestmark = pytest.mark.anyio


async def test_a_wait_ends_at_its_time() -> None:
    begun_s = anyio.current_time()
    await Wakeup().wait(begun_s + 17)
    assert anyio.current_time() - begun_s == pytest.approx(17, abs=1e-6)


async def test_a_wait_until_a_past_time_ends_immediately() -> None:
    begun_s = anyio.current_time()
    await Wakeup().wait(begun_s - 1)
    assert anyio.current_time() - begun_s == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_wait_ends_when_the_wakeup_is_set(times: int) -> None:
    """With and without a time, and also if it is set more than once."""
    ours, woken = Wakeup(), [False]

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


async def test_a_wakeup_that_is_set_without_a_waiter_is_not_kept() -> None:
    ours = Wakeup()
    ours.set()
    begun_s = anyio.current_time()
    await ours.wait(begun_s + 1)
    ours.set()
    await ours.wait(begun_s + 2)
    assert anyio.current_time() - begun_s == pytest.approx(2, abs=1e-6)


async def test_a_cancelled_wait_ends_and_another_can_follow() -> None:
    ours, begun_s = Wakeup(), anyio.current_time()
    with anyio.move_on_after(1) as scope:
        await ours.wait(begun_s + 3600)
    assert scope.cancelled_caught
    await ours.wait(begun_s + 2)
    assert anyio.current_time() - begun_s == pytest.approx(2, abs=1e-6)
