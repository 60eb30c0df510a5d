"""The harness reaches each await, and finds hangs and late cancellations."""

from __future__ import annotations

import anyio
import pytest

import azpoll
from azpoll.testing import VirtualTimeHang
from tests.proofs.cancellation.cancelled_caller import Caller, end_of
from tests.proofs.cancellation.stepping_loops import CANCEL_METHODS, CancelMethod, Steps, run_stepping
from tests.support.garbage import garbage_collected

AWAITS = ("first", "second", "third")


async def tick() -> None:
    """Take steps while other tasks wait."""
    while True:  # noqa: ASYNC110 - it waits for no condition
        await anyio.sleep(0.3)


async def three_awaits(reached: list[str]) -> str:
    for name in AWAITS:
        reached.append(name)
        await anyio.sleep(1)
    return "done"


def reached_before(method: CancelMethod, step: int) -> tuple[str, int]:
    """Return the await at which a caller was cancelled before a step, and its number of cancellations."""
    steps, caller, reached = Steps(frozenset({step})), Caller(method, 0.0), list[str]()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tick)
            steps.begin(caller.cancel)
            await caller.repeat(lambda: three_awaits(reached))
            steps.end()
            tasks.cancel_scope.cancel()

    run_stepping(main, method=method, steps=steps)
    assert caller.result == "done"
    return reached[len(reached) - len(AWAITS) - 1], caller.cancellations


@pytest.mark.parametrize("method", CANCEL_METHODS)
def test_each_await_is_cancelled_by_one_of_the_steps(method: CancelMethod) -> None:
    steps = Steps()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tick)
            steps.begin(lambda: None)
            await three_awaits([])
            steps.end()
            tasks.cancel_scope.cancel()

    run_stepping(main, method=method, steps=steps)
    found = [reached_before(method, step) for step in range(1, steps.taken + 1)]
    assert {name for name, cancellations in found if cancellations} == {*AWAITS}


async def stuck() -> None:
    """Hang beside a task that sleeps without end, as one task of every tracker does."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.sleep_forever)
        await anyio.Event().wait()


async def busy() -> None:
    while True:
        await anyio.lowlevel.checkpoint()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # an interrupted trio run warns
@pytest.mark.parametrize("method", ["task", "trio"])
def test_a_hang_is_found(method: CancelMethod) -> None:
    with garbage_collected(), pytest.raises(VirtualTimeHang):
        run_stepping(stuck, method=method, steps=Steps())


def test_an_endless_loop_is_found() -> None:
    steps = Steps()
    with pytest.raises(RuntimeError, match="stopped before"):
        run_stepping(busy, method="task", steps=steps)
    assert steps.endless


async def cancel_late() -> None:
    caller = Caller("task", 1.0)

    async def slow_to_cancel() -> str:
        with anyio.CancelScope(shield=True):
            try:
                await anyio.sleep(5)
            finally:
                await anyio.sleep(2)
        return "done"

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(caller.repeat, slow_to_cancel)
        await anyio.sleep(1)
        caller.cancel()


def test_a_late_cancellation_is_found() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        run_stepping(cancel_late, method="task", steps=Steps())
    assert "late" in str(caught.value.exceptions[0])


def test_an_error_without_a_token_is_found() -> None:
    async def closed() -> None:
        raise azpoll.TrackerClosed("no token")

    assert run_stepping(end_of, closed(), method="task", steps=Steps()) == "TrackerClosed without a token"
