"""A pause in which the other tasks of the event loop run."""

from __future__ import annotations

import anyio


async def checkpoint() -> None:
    """Pause until the other tasks of the event loop have run. A cancellation is raised here."""
    await anyio.sleep(0)  # noqa: ASYNC115 - `anyio.lowlevel`, which has a function for it, takes 1.5 ms to import
