"""Polls run in the context in which the tracker was entered, and initial requests in that of their caller.

Otherwise the spans, log fields and tenants of one request would be attached to the polls of all others.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import FakeARM
from tests.support.clients import client_of
from tests.support.marks import EACH_LIBRARY
from tests.support.operations import path_of, put

if TYPE_CHECKING:
    from typing import Any

    from tests.support.clients import Library

REQUEST: ContextVar[str] = ContextVar("REQUEST", default="none")


@pytest.mark.anyio
@EACH_LIBRARY
async def test_polls_run_in_the_context_of_the_entry_of_the_tracker(library: Library) -> None:
    seen: set[tuple[str, str]] = set()

    async def hook(request: Any) -> None:
        seen.add((request.method, REQUEST.get()))

    async def handle(tracker: azpoll.Tracker[Any], number: int) -> None:
        REQUEST.set(f"request {number}")
        await put(tracker, path_of(number))

    arm = FakeARM(latency_s=0.5, limits=None)
    arm.operation("PUT", duration_s=60, retry_after=10)
    async with client_of(arm, library, event_hooks={"request": [hook]}) as client:
        REQUEST.set("entry")
        async with azpoll.Tracker(client) as tracker, anyio.create_task_group() as tasks:
            REQUEST.set("later")
            for number in range(10):
                tasks.start_soon(handle, tracker, number)
    assert {context for method, context in seen if method == "PUT"} == {f"request {number}" for number in range(10)}
    assert {context for method, context in seen if method == "GET"} == {"entry"}
