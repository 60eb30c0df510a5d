"""The clock of whatever loop runs."""

from __future__ import annotations

import asyncio

import anyio


def loop_time() -> float:
    """Return the running loop's time in seconds, under asyncio or trio, in a task or in a callback.

    Raises:
        RuntimeError: nothing runs.
    """
    try:
        return anyio.current_time()
    except RuntimeError:  # an asyncio callback has no task, by which anyio knows its backend
        return asyncio.get_running_loop().time()
