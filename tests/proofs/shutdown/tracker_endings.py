"""One tracker with one operation in a state, and its end."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import anyio
import httpx

import azpoll
from azpoll.testing import FakeARM
from tests.proofs.shutdown.operation_states import END_S, STATES
from tests.support.clients import client_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

ORIGIN = "https://management.azure.com"
THING = "/subscriptions/s1/resourceGroups/g/providers/Microsoft.Fake/things/t?api-version=1"

Operation = azpoll.AsyncOperation[httpx.Response]
Ending = Literal["wait", "stop", "raise", "cancel", "client closed", "client closed, stop"]
ENDINGS: tuple[Ending, ...] = get_args(Ending)
WHOLE: tuple[Ending, ...] = ("wait",)
UNREAD: tuple[Ending, ...] = ("client closed",)


@dataclass
class Told:
    """What a waiter was told, and when."""

    verdict: str
    at_s: float
    token: str | None = None


@dataclass
class End:
    """What became of it all.

    Attributes:
        arm: the service.
        told: each waiter's.
        operations: that were tracked.
        raised: what leaving the tracker raised.
        left_s: when the tracker was left.
        tasks: that still ran after all.
        again: how what can be resumed ended.
    """

    arm: FakeARM
    told: list[Told] = field(default_factory=list[Told])
    operations: list[Operation] = field(default_factory=list[Operation])
    raised: BaseException | None = None
    left_s: float = 0.0
    tasks: int = 0
    again: set[str] = field(default_factory=set[str])


async def told_by(waiting: Awaitable[object]) -> Told:
    """Wait, and return what was told."""
    try:
        await waiting
    except azpoll.AzpollError as error:
        verdict = "failed" if isinstance(error, azpoll.OperationFailed) else type(error).__name__
        return Told(verdict, anyio.current_time(), error.resume_token)
    return Told("succeeded", anyio.current_time())


class World:
    """Brings an operation into a state, and ends its tracker.

    Args:
        state: a name of `STATES`.
        ending: how it ends.
        waiters: how many await the operation.
    """

    def __init__(self, state: str, ending: Ending, waiters: int) -> None:
        self._state = STATES[state]
        self._ending = ending
        self._waiters = waiters
        self.end = End(FakeARM(default=self._state.script, limits=None))

    def client(self) -> httpx.AsyncClient:
        return client_of(self.end.arm, timeout=None)

    async def main(self) -> None:
        """Run it all, to where nothing is left."""
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
            tokens = [told.token for told in self.end.told if told.token is not None and told.verdict != "failed"]
            for token in tokens[:1]:  # all are of the one operation
                self.end.again.add((await told_by(tracker.resume(token))).verdict)

    async def _tracked(self, client: httpx.AsyncClient, tasks: anyio.abc.TaskGroup, scope: anyio.CancelScope) -> None:
        on_exit: Literal["wait", "stop"] = "stop" if self._ending.endswith("stop") else "wait"
        try:
            async with azpoll.Tracker(client, on_exit=on_exit) as tracker:
                tasks.start_soon(self._begin, tracker, tasks)
                await anyio.sleep(END_S)
                await self._bring_about(client, scope)
        except (LookupError, ExceptionGroup) as error:
            self.end.raised = error

    async def _begin(self, tracker: azpoll.Tracker[httpx.Response], tasks: anyio.abc.TaskGroup) -> None:
        await anyio.sleep(self._state.begun_s)
        operation = await tracker.begin(self._state.method, THING)
        self.end.operations.append(operation)

        async def wait() -> None:
            self.end.told.append(await told_by(operation))

        for _ in range(self._waiters):
            tasks.start_soon(wait)

    async def _bring_about(self, client: httpx.AsyncClient, scope: anyio.CancelScope) -> None:
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


@contextmanager
def forgotten() -> Generator[None]:
    """Let whatever was made in the block and would warn of itself when it is forgotten do so at its end."""
    gc.freeze()
    try:
        yield
        gc.collect()
    finally:
        gc.unfreeze()
