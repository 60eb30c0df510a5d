"""What the tasks of azpoll are told of the loop they run in."""

from __future__ import annotations

import anyio
import pytest
import sniffio

from azpoll.eventloop.clock import set_sniffio_hint

pytestmark = pytest.mark.anyio


async def test_a_task_is_told_its_loop_and_no_other_task_is(anyio_backend_name: str) -> None:
    """That of asyncio has to be looked for unless it is told; trio tells its own, to all."""
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
