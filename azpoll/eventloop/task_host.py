"""Where the workers of a tracker run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from anyio.abc import TaskGroup


class TaskHost:
    """A task group that is cancelled at the end, and whose tasks are then waited for.

    Its host is a task of its own: what cancels a task group cancels its host too, and that must not be the
    task of the caller, in which other cancellations may be pending. (On Python 3.11 and 3.12 an
    `asyncio.TaskGroup` that fails leaves one behind for good.) A cancellation around it does not reach them,
    so that requests under way can be waited for: a cancelled one can leave an HTTP pool unusable. It does reach
    whoever enters: `TaskGroup.start` would wait for ever for a host that no cancellation reaches.

    Not an async generator: the event loop closes those that nobody left, in a task that may not.
    """

    def __init__(self) -> None:
        self._workers: TaskGroup | None = None

    async def open(self) -> TaskGroup:
        """Return the task group."""
        self._scope = anyio.CancelScope(shield=True)
        self._tasks = await anyio.create_task_group().__aenter__()
        opened = anyio.Event()
        self._tasks.start_soon(self._host, opened, name="azpoll crew")
        try:
            await opened.wait()
        except BaseException:
            await self.aclose()
            raise
        assert self._workers is not None  # noqa: S101 - the host has opened it
        return self._workers

    async def aclose(self) -> None:
        """Cancel its tasks, and return when they have ended."""
        self._scope.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def _host(self, opened: anyio.Event) -> None:
        with self._scope:
            async with anyio.create_task_group() as self._workers:
                opened.set()
                await anyio.sleep_forever()
