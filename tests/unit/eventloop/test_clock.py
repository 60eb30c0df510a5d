"""The sniffio hint names the event loop of a task."""

from __future__ import annotations

import anyio
import pytest
import sniffio

from azpoll.eventloop.clock import set_sniffio_hint

pytestmark = pytest.mark.anyio


async def test_the_sniffio_hint_is_set_for_the_running_task_alone(anyio_backend_name: str) -> None:
    """Without the hint, sniffio searches for asyncio's loop. Trio names itself for all tasks."""
    named = sniffio.current_async_library_cvar
    named.set(None)
    told: list[str | None] = []

    async def work() -> None:
        set_sniffio_hint()
        told.append(named.get())
        assert sniffio.current_async_library() == anyio_backend_name

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
    assert told == ["asyncio" if anyio_backend_name == "asyncio" else None]
    assert named.get() is None
