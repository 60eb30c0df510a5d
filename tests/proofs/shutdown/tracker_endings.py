"""One tracker with one operation in a given state, and the end of the tracker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import anyio
import httpx

import azpoll
from azpoll.testing import FakeARM
from tests.proofs.shutdown.operation_states import END_S, STATES
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

ORIGIN = "https://management.azure.com"
THING = "/subscriptions/s1/resourceGroups/g/providers/Microsoft.Fake/things/t?api-version=1"

Operation = azpoll.AsyncOperation[httpx.Response]
Ending = Literal["wait", "stop", "raise", "cancel", "client closed", "client closed, stop"]
ENDINGS: tuple[Ending, ...] = get_args(Ending)
COMPLETE: tuple[Ending, ...] = ("wait",)
UNREAD: tuple[Ending, ...] = ("client closed",)


@dataclass
class AwaiterResult:
    """The result of an awaiter, and its time."""

    verdict: str
    at_s: float
    token: str | None = None


@dataclass
class RunResult:
    """The results of one run.

    Attributes:
        arm: the service.
        results: the results of the awaiters.
        operations: the tracked operations.
        raised: the exception of leaving the tracker.
        left_s: the time at which the tracker was left.
        tasks: the number of tasks that ran after the end.
        resumed: the ends of the resumed operations.
    """

    arm: FakeARM
    results: list[AwaiterResult] = field(default_factory=list[AwaiterResult])
    operations: list[Operation] = field(default_factory=list[Operation])
    raised: BaseException | None = None
    left_s: float = 0.0
    tasks: int = 0
    resumed: set[str] = field(default_factory=set[str])


async def result_of(waiting: Awaitable[object]) -> AwaiterResult:
    """Await an operation; return the result and its time."""
    try:
        await waiting
    except azpoll.AzpollError as error:
        verdict = "failed" if isinstance(error, azpoll.OperationFailed) else type(error).__name__
        return AwaiterResult(verdict, anyio.current_time(), error.resume_token)
    return AwaiterResult("succeeded", anyio.current_time())


class TrackerRun:
    """Brings an operation into a state, and ends its tracker.

    Args:
        state: a name of `STATES`.
        ending: the way in which the tracker ends.
        waiters: the number of awaiters.
    """

    def __init__(self, state: str, ending: Ending, waiters: int) -> None:
        self._state = STATES[state]
        self._ending = ending
        self._waiters = waiters
        self.end = RunResult(FakeARM(default=self._state.script, limits=None))

    def client(self) -> httpx.AsyncClient:
        return client_of(self.end.arm, timeout=None)

    async def main(self) -> None:
        """Run until the tracker has ended, then resume the operation in another tracker."""
        before = len(anyio.get_running_tasks())
        client = self.client()
        with anyio.fail_after(5_000):
            async with client, anyio.create_task_group() as tasks:
                with anyio.CancelScope() as scope:
                    await self._tracked(client, tasks, scope)
                self.end.left_s = anyio.current_time()
        await anyio.lowlevel.checkpoint()
        self.end.tasks = len(anyio.get_running_tasks()) - before
        async with self.client() as client, azpoll.Tracker(client) as tracker:
            tokens = [
                result.token for result in self.end.results if result.token is not None and result.verdict != "failed"
            ]
            for token in tokens[:1]:  # all tokens are of the one operation
                self.end.resumed.add((await result_of(tracker.resume(token))).verdict)

    async def _tracked(self, client: httpx.AsyncClient, tasks: anyio.abc.TaskGroup, scope: anyio.CancelScope) -> None:
        on_exit: Literal["wait", "stop"] = "stop" if self._ending.endswith("stop") else "wait"
        try:
            async with azpoll.Tracker(client, on_exit=on_exit) as tracker:
                tasks.start_soon(self._begin, tracker, tasks)
                await anyio.sleep(END_S)
                await self._end_tracker(client, scope)
        except (LookupError, ExceptionGroup) as error:
            self.end.raised = error

    async def _begin(self, tracker: azpoll.Tracker[httpx.Response], tasks: anyio.abc.TaskGroup) -> None:
        await anyio.sleep(self._state.begun_s)
        operation = await tracker.begin(self._state.method, THING)
        self.end.operations.append(operation)

        async def wait() -> None:
            self.end.results.append(await result_of(operation))

        for _ in range(self._waiters):
            tasks.start_soon(wait)

    async def _end_tracker(self, client: httpx.AsyncClient, scope: anyio.CancelScope) -> None:
        match self._ending:
            case "raise":
                raise LookupError
            case "cancel":
                scope.cancel()
                await anyio.lowlevel.checkpoint()
            case "client closed" | "client closed, stop":
                await client.aclose()
            case _:
                pass
