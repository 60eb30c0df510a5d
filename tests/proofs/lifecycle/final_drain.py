"""The end of a run: every operation ends and every tracker closes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    import azpoll
    from tests.proofs.lifecycle.lifecycle_program import Program
    from tests.proofs.lifecycle.tracker_holder import TrackerHolder

MAX_DRAIN_S = 4 * 3600.0
"""The time in which every operation must end, although a clock may have been set back by 1 h."""

MAX_ROUNDS = 8
"""The number of times that the tracking may end before the operation: more than a script has faults."""

CLOSED_S = 60.0
"""The time in which a tracker without live operations must close."""


def drain(program: Program) -> None:
    """Resume the operations that are not tracked, await all ends, and close all trackers."""
    program.environment.issuer.up = True
    last = program.open("stop")
    for _ in range(MAX_ROUNDS):
        _resume_all(program, last)
        if not _is_open(program):
            break
        _wait_for_all(program)
    program.lost = [handle for handle in program.handles if handle.ending is None]
    for holder in program.holders:
        if not holder.leaving:
            program.leave(holder, "normally")
    program.environment.run(_closed(program.holders))
    for holder in program.open_holders:  # it waits for an operation that never ends
        program.stuck.append(holder)
        program.leave(holder, "cancelled")
    program.environment.run(_closed(program.holders))
    program.observe()
    for handle in program.handles:
        program.wait_for(handle, "await")  # awaiting again costs no request
    program.environment.advance(1)
    program.observe()


def _resume_all(program: Program, holder: TrackerHolder) -> None:
    for remote in program.remotes:
        if remote.token is not None:
            program.resume(remote, holder)


def _is_open(program: Program) -> bool:
    beginning = any(remote.beginning is not None for remote in program.remotes)
    return beginning or any(handle.ending is None for handle in program.handles)


def _wait_for_all(program: Program) -> None:
    operations = [handle.operation for handle in program.handles if handle.ending is None]
    beginnings = [remote.beginning for remote in program.remotes if remote.beginning is not None]
    program.environment.run(_ended(operations, beginnings))
    program.observe()


async def _ended(
    operations: list[azpoll.AsyncOperation[httpx.Response]],
    beginnings: list[asyncio.Task[azpoll.AsyncOperation[httpx.Response] | azpoll.AzpollError]],
) -> None:
    waiting = [asyncio.create_task(operation.wait()) for operation in operations]
    if not waiting and not beginnings:
        return
    await asyncio.wait([*waiting, *beginnings], timeout=MAX_DRAIN_S)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def _closed(holders: list[TrackerHolder]) -> None:
    for holder in holders:
        await holder.wait_closed(CLOSED_S)
