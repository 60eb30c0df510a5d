"""A task group that outlives the task that made it."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import anyio

from azpoll.eventloop.clock import is_asyncio

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from anyio.abc import TaskGroup

    Function: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class TaskHost:
    """A task group that runs until `aclose`, which cancels its tasks and waits for them.

    The host of the group is a task of its own. A task group that is cancelled cancels its host too, and that must not
    be the caller's task, in which other cancellations may be pending. (On Python 3.11 and 3.12 an `asyncio.TaskGroup`
    that fails leaves a cancellation behind.)

    A cancellation of the caller does not reach the tasks. A cancelled request can leave an HTTP pool unusable, so
    requests in flight are completed first. The cancellation does reach `start`, which would otherwise never return.

    It is not an async generator, since the event loop closes abandoned generators in a task that must not do so.

    Attributes:
        lost: called once if the group ends before `aclose`: one of its tasks failed, or the event loop cancels all.
    """

    def __init__(self, tasks: TaskGroup, scope: anyio.CancelScope, join: Function) -> None:
        self.tasks = tasks
        self.lost: Callable[[], object] | None = None
        self._scope = scope
        self._join = join

    @classmethod
    async def start(cls) -> Self:
        """Start the host, and return it when its task group can start tasks. The same task must close it."""
        outer = await anyio.create_task_group().__aenter__()

        async def join() -> None:
            await outer.__aexit__(None, None, None)

        def spawn(host: Function) -> Function:
            outer.start_soon(host, name="azpoll task host")
            return join

        return await cls._started(anyio.CancelScope(shield=True), spawn)

    @classmethod
    async def start_detached(cls) -> Self:
        """Start the host in a task of the event loop itself: any task may close it.

        The end of the event loop cancels the host. An error of its tasks is raised by `aclose`.
        """
        return await cls._started(anyio.CancelScope(), _in_asyncio if is_asyncio() else _in_trio)

    @classmethod
    async def _started(cls, scope: anyio.CancelScope, spawn: Callable[[Function], Function]) -> Self:
        """Start a host with `spawn`, which returns a function that waits for its end."""
        started = anyio.Event()
        inner: list[TaskGroup] = []
        made: list[Self] = []

        async def host() -> None:
            try:
                with scope:
                    async with anyio.create_task_group() as tasks:
                        inner.append(tasks)
                        started.set()
                        await anyio.sleep_forever()
            finally:
                for each in made:
                    if each.lost is not None:
                        each.lost()

        join = spawn(host)
        try:
            await started.wait()
        except BaseException:
            scope.cancel()
            await join()
            raise
        made.append(cls(inner[0], scope, join))
        return made[0]

    async def aclose(self) -> None:
        """Cancel the tasks, and return when they have ended."""
        self.lost = None
        self._scope.cancel()
        await self._join()


def _in_asyncio(host: Function) -> Function:
    task = asyncio.get_running_loop().create_task(host(), name="azpoll task host")

    async def join() -> None:
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    return join


def _in_trio(host: Function) -> Function:
    from trio.lowlevel import spawn_system_task  # noqa: PLC0415 - under trio alone

    ended = anyio.Event()
    errors: list[BaseException] = []

    async def run() -> None:
        try:
            await host()
        except anyio.get_cancelled_exc_class():
            raise  # the event loop ends
        except BaseException as error:  # noqa: BLE001 - a system task must not raise; `join` does
            errors.append(error)
        finally:
            ended.set()

    spawn_system_task(run, name="azpoll task host", context=copy_context())

    async def join() -> None:
        with anyio.CancelScope(shield=True):
            await ended.wait()
        if errors:
            raise errors[0]

    return join
