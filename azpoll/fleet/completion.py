"""Endings that no cancellation interrupts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Coroutine


async def completed(ending: Coroutine[object, object, None]) -> None:
    """Wait for an ending, which no cancellation interrupts; then raise the last cancellation."""
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
