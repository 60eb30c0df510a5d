"""A task group that outlives the task that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import anyio

if TYPE_CHECKING:
    from anyio.abc import TaskGroup


class TaskHost:
    """A task group that runs until `aclose`, which cancels its tasks and waits for them.

    The host of the group is a task of its own. A task group that is cancelled cancels its host too, and that must not
    be the caller's task, in which other cancellations may be pending. (On Python 3.11 and 3.12 an `asyncio.TaskGroup`
    that fails leaves a cancellation behind.)

    A cancellation of the caller does not reach the tasks. A cancelled request can leave an HTTP pool unusable, so
    requests in flight are completed first. The cancellation does reach `start`, which would otherwise never return.

    It is not an async generator, since the event loop closes abandoned generators in a task that must not do so.
    """

    def __init__(self, tasks: TaskGroup, outer: TaskGroup, scope: anyio.CancelScope) -> None:
        self.tasks = tasks
        self._outer = outer
        self._scope = scope

    @classmethod
    async def start(cls) -> Self:
        """Start the host, and return it when its task group can start tasks."""
        scope = anyio.CancelScope(shield=True)
        started = anyio.Event()
        inner: list[TaskGroup] = []

        async def host() -> None:
            with scope:
                async with anyio.create_task_group() as tasks:
                    inner.append(tasks)
                    started.set()
                    await anyio.sleep_forever()

        outer = await anyio.create_task_group().__aenter__()
        outer.start_soon(host, name="azpoll task host")
        try:
            await started.wait()
        except BaseException:
            await _close(outer, scope)
            raise
        return cls(inner[0], outer, scope)

    async def aclose(self) -> None:
        """Cancel the tasks, and return when they have ended."""
        await _close(self._outer, self._scope)


async def _close(outer: TaskGroup, scope: anyio.CancelScope) -> None:
    scope.cancel()
    await outer.__aexit__(None, None, None)
