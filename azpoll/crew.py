"""Where the workers of a tracker run."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import TaskGroup, TaskStatus


@asynccontextmanager
async def crew() -> AsyncGenerator[TaskGroup]:
    """Give a task group that is cancelled at the end, and wait until its tasks have ended.

    Its host is a task of its own: what cancels a task group cancels its host too, and that must not be the
    task of the caller, in which other cancellations may be pending. (On Python 3.11 and 3.12 an
    `asyncio.TaskGroup` that fails leaves one behind for good.) A cancellation around it does not reach them,
    so that requests under way can be waited for: a cancelled one can leave an HTTP pool unusable.
    """
    async with anyio.create_task_group() as tasks:
        workers: TaskGroup = await tasks.start(_host, name="azpoll crew")
        try:
            yield workers
        finally:
            workers.cancel_scope.cancel()


async def _host(*, task_status: TaskStatus[TaskGroup]) -> None:
    with anyio.CancelScope(shield=True):
        async with anyio.create_task_group() as workers:
            task_status.started(workers)
            await anyio.sleep_forever()
