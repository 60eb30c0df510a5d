"""Waits that no cancellation interrupts, for the end of a transaction and of a worker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Coroutine


async def wait_shielded(ending: Coroutine[object, object, None]) -> None:
    """Run a coroutine to its end. A cancellation that arrives meanwhile is raised afterwards."""
    task = asyncio.ensure_future(ending)
    cancellation: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError as error:
                cancellation = error
    if cancellation is not None:
        raise cancellation
