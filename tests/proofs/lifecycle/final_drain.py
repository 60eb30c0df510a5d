"""The end of a run: nothing is in the way any more, and all is let end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    import azpoll
    from tests.proofs.lifecycle.lifecycle_program import Program
    from tests.proofs.lifecycle.tracker_task import Room

LONGEST_S = 4 * 3600.0
"""In which all must have ended, although a clock may have been set back by an hour."""

ROUNDS = 8
"""So often may the tracking of an operation end before the operation has: more often than a script has faults."""

CLOSED_S = 60.0
"""In which a tracker that has nothing to wait for is closed."""


def settle(program: Program) -> None:
    """Let all that runs end, take up again what is not tracked, and leave all trackers."""
    program.world.issuer.up = True
    last = program.open("stop")
    for _ in range(ROUNDS):
        _take_up(program, last)
        if not _is_open(program):
            break
        _wait_for_all(program)
    for room in program.rooms:
        if not room.leaving:
            program.leave(room, "in good order")
    program.world.run(_closed(program.rooms))
    for room in program.open_rooms:  # it waits for what never ends
        program.stuck.append(room)
        program.leave(room, "cancelled")
    program.world.run(_closed(program.rooms))
    program.look()
    for handle in program.handles:
        program.wait_for(handle, "await")  # again, which costs no request
    program.world.let_pass(1)
    program.look()


def _take_up(program: Program, room: Room) -> None:
    for work in program.works:
        if work.token is not None:
            program.resume(work, room)


def _is_open(program: Program) -> bool:
    beginning = any(work.beginning is not None for work in program.works)
    return beginning or any(handle.ending is None for handle in program.handles)


def _wait_for_all(program: Program) -> None:
    operations = [handle.operation for handle in program.handles if handle.ending is None]
    beginnings = [work.beginning for work in program.works if work.beginning is not None]
    program.world.run(_ended(operations, beginnings))
    program.look()


async def _ended(
    operations: list[azpoll.AsyncOperation[httpx.Response]],
    beginnings: list[asyncio.Task[azpoll.AsyncOperation[httpx.Response] | azpoll.AzpollError]],
) -> None:
    waiting = [asyncio.create_task(operation.wait()) for operation in operations]
    if not waiting and not beginnings:
        return
    await asyncio.wait([*waiting, *beginnings], timeout=LONGEST_S)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def _closed(rooms: list[Room]) -> None:
    for room in rooms:
        await room.wait_closed(CLOSED_S)
