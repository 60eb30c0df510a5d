"""R3: `asyncio.run` cancels every task at its end, the tracker's workers included; here it does so at every step."""

from __future__ import annotations

import asyncio
import inspect
import random
from functools import partial
from typing import TYPE_CHECKING

import azpoll
from azpoll.testing import FakeARM, Script, VirtualLoop
from tests.proofs.cancellation.cancelled_caller import end_of
from tests.proofs.cancellation.scenario_run import LATENCY_S, Operation, path_of
from tests.proofs.cancellation.stepping_loops import SteppingLoop, Steps
from tests.support.clients import client_of

if TYPE_CHECKING:
    import httpx


class Run:
    """One program whose tasks are all cancelled before a step; another program resumes its operations."""

    def __init__(self, *at: int) -> None:
        random.seed(0)  # azpoll's jitter
        self.arm = FakeARM(latency_s=LATENCY_S)
        self.arm.default = Script(duration_s=6, retry_after=3)
        self.steps = Steps(frozenset(at))
        self.operations: list[Operation] = []
        self.now_s = 0.0

    def client(self) -> httpx.AsyncClient:
        return client_of(self.arm)

    async def program(self) -> None:
        """Begin two operations and await each in two tasks."""
        loop = asyncio.get_running_loop()

        def cancel_all() -> None:
            for task in asyncio.all_tasks(loop):
                if _has_begun(task):
                    task.cancel()

        self.steps.begin(cancel_all)
        async with self.client() as client, azpoll.Tracker(client) as tracker:
            for number in range(2):
                self.operations.append(await tracker.begin("DELETE", path_of(number)))
            async with asyncio.TaskGroup() as tasks:
                for operation in self.operations * 2:
                    tasks.create_task(operation.wait())
        self.steps.end()

    def start(self) -> None:
        """Run the program to its end or its cancellation."""
        with asyncio.Runner(loop_factory=partial(SteppingLoop, self.steps)) as runner:
            try:
                runner.run(self.program())
            except asyncio.CancelledError:
                self.steps.end()
            self.now_s = runner.get_loop().time()

    def resume(self) -> set[str]:
        """Resume the unfinished operations in another event loop; return their ends."""

        async def main() -> set[str]:
            async with self.client() as client, azpoll.Tracker(client) as tracker:
                tokens = [each.resume_token() for each in self.operations if each.state != "succeeded"]
                return {await end_of(tracker.resume(token)) for token in tokens}

        loop = partial(VirtualLoop, start_s=self.now_s)
        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(main())


def _has_begun(task: asyncio.Task[object]) -> bool:
    """Whether a task has started: anyio 4.16 warns if a task is cancelled before its start."""
    coroutine = task.get_coro()
    return inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED


def check(run: Run, *, whole: bool) -> None:
    """Assert that every operation has ended here with its true state, or ends in the resuming program."""
    states = {str(operation.state) for operation in run.operations}
    assert all(operation.done() for operation in run.operations), states
    assert states <= ({"succeeded"} if whole else {"succeeded", "unknown"}), states
    assert run.resume() <= {"succeeded"}
    run.arm.no_early_polls()
    run.arm.one_request_at_a_time()
    run.arm.no_requests_after_end()


def test_all_tasks_may_be_cancelled_at_any_step() -> None:
    undisturbed = Run()
    undisturbed.start()
    check(undisturbed, whole=True)
    for step in range(1, undisturbed.steps.taken + 1):
        run = Run(step)
        run.start()
        try:
            check(run, whole=False)
        except BaseException as error:
            error.add_note(f"cancelled before step {step} of {undisturbed.steps.taken}")
            raise
        assert len(run.arm.requests) <= len(undisturbed.arm.requests) + len(run.operations)
    assert undisturbed.steps.taken > 20
