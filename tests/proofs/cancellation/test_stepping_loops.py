"""The harness itself: it reaches each await, and finds whoever is stuck."""

from __future__ import annotations

import gc

import anyio
import pytest

import azpoll
from azpoll.testing import VirtualTimeHang
from tests.proofs.cancellation.cancelled_caller import Visitor, verdict
from tests.proofs.cancellation.stepping_loops import WAYS, Steps, Way, run_stepping

AWAITS = ("first", "second", "third")


async def tick() -> None:
    """Take steps of one's own while others wait."""
    while True:  # noqa: ASYNC110 - it waits for nothing
        await anyio.sleep(0.3)


async def three_awaits(reached: list[str]) -> str:
    for name in AWAITS:
        reached.append(name)
        await anyio.sleep(1)
    return "done"


def reached_before(way: Way, step: int) -> tuple[str, int]:
    """Return at which await a visitor was when it was made to leave before a step, and how often it left."""
    steps, visitor, reached = Steps(frozenset({step})), Visitor(way, 0.0), list[str]()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tick)
            steps.begin(visitor.leave)
            await visitor.come(lambda: three_awaits(reached))
            steps.end()
            tasks.cancel_scope.cancel()

    run_stepping(main, way=way, steps=steps)
    assert visitor.told == "done"
    return reached[len(reached) - len(AWAITS) - 1], visitor.left


@pytest.mark.parametrize("way", WAYS)
def test_each_await_is_cut_short_by_one_of_the_steps(way: Way) -> None:
    steps = Steps()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tick)
            steps.begin(lambda: None)
            await three_awaits([])
            steps.end()
            tasks.cancel_scope.cancel()

    run_stepping(main, way=way, steps=steps)
    found = [reached_before(way, step) for step in range(1, steps.taken + 1)]
    assert {name for name, left in found if left} == {*AWAITS}


async def stuck() -> None:
    """Beside a task that sleeps for ever, as one of every tracker does."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.sleep_forever)
        await anyio.Event().wait()


async def busy() -> None:
    while True:
        await anyio.lowlevel.checkpoint()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a trio that was broken off tells of it
@pytest.mark.parametrize("way", ["task", "trio"])
def test_whoever_is_stuck_is_found(way: Way) -> None:
    with pytest.raises(VirtualTimeHang):
        run_stepping(stuck, way=way, steps=Steps())
    gc.collect()


def test_a_loop_without_an_end_is_found() -> None:
    steps = Steps()
    with pytest.raises(RuntimeError, match="stopped before"):
        run_stepping(busy, way="task", steps=steps)
    assert steps.endless


async def leave_late() -> None:
    visitor = Visitor("task", 1.0)

    async def reluctant() -> str:
        with anyio.CancelScope(shield=True):
            try:
                await anyio.sleep(5)
            finally:
                await anyio.sleep(2)
        return "done"

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(visitor.come, reluctant)
        await anyio.sleep(1)
        visitor.leave()


def test_whoever_takes_too_long_to_leave_is_found() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        run_stepping(leave_late, way="task", steps=Steps())
    assert "late" in str(caught.value.exceptions[0])


def test_a_verdict_without_a_token_is_found() -> None:
    async def closed() -> None:
        raise azpoll.TrackerClosed("no token")

    assert run_stepping(verdict, closed(), way="task", steps=Steps()) == "TrackerClosed without a token"
