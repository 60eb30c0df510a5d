"""A snapshot can be taken where no event loop runs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import azpoll
from azpoll.testing import FakeARM
from tests.support.clients import client_of
from tests.support.operations import THING

if TYPE_CHECKING:
    import httpx


def test_rule_41_a_snapshot_can_be_taken_after_the_event_loop_has_ended() -> None:
    """An operator may look at what was not ended."""

    async def run() -> azpoll.AsyncOperation[httpx.Response]:
        arm = FakeARM()
        arm.operation("PUT", duration_s=50)
        async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
            operation = await tracker.begin("PUT", THING)
            running.append(operation.snapshot())
        return operation

    running: list[azpoll.Snapshot] = []
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        operation = runner.run(run())
    after = operation.snapshot()
    assert 0 <= running[0].elapsed_s <= after.elapsed_s < 60
    assert abs(after.started_at - running[0].started_at) < timedelta(seconds=1)
