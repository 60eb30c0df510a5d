"""A process that forks while it tracks: in the child, tracker and operations refuse to work, and the parent's go on."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from typing import TYPE_CHECKING, Any

import anyio

import azpoll
from tests.proofs.shutdown.tracking_program import Program, path_of, say

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.clients import Library

NAME = "polling"


def uses(tracker: Any, operation: Any) -> list[Callable[[], Awaitable[object]]]:
    """Return all that may be done with a tracker and an operation of it."""
    token = operation.resume_token()

    async def await_it() -> object:
        return await operation

    async def resume() -> object:
        return tracker.resume(token)

    async def stop() -> object:
        return operation.stop_tracking()

    async def follow() -> object:
        return [snapshot async for snapshot in operation.snapshots()]

    return [
        await_it,
        resume,
        stop,
        follow,
        operation.wait,
        operation.cancel,
        lambda: tracker.begin("PUT", path_of(NAME)),
    ]


async def refused(tracker: Any, operation: Any) -> bool:
    """Whether each use is refused."""
    for use in uses(tracker, operation):
        try:
            await use()
        except azpoll.WrongEventLoop:
            continue
        return False
    return True


def refused_in_another_loop(tracker: Any, operation: Any) -> None:
    """End the process with 0 if each use is refused in an event loop of its own."""
    os._exit(not asyncio.run(refused(tracker, operation)))


async def forked(library: Library) -> None:
    """Fork in the middle of it; the child goes on with the event loop it has inherited."""
    program = Program(library)
    async with program.client() as client, anyio.create_task_group() as tasks:
        async with program.tracker(client) as tracker:
            await program.bring_about(tracker, tasks)
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    code = not await refused(tracker, program.operations[NAME])
                finally:
                    os._exit(code)
            say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))  # noqa: ASYNC222 - it ends at once
            await go_on(program)
        await program.tell()


async def forked_by_multiprocessing(library: Library) -> None:
    """The same, with an event loop of the child's own."""
    program = Program(library)
    async with program.client() as client, anyio.create_task_group() as tasks:
        async with program.tracker(client) as tracker:
            await program.bring_about(tracker, tasks)
            arguments = (tracker, program.operations[NAME])
            child = multiprocessing.get_context("fork").Process(target=refused_in_another_loop, args=arguments)
            child.start()
            child.join()
            say(child.exitcode)
            await go_on(program)
        await program.tell()


async def go_on(program: Program) -> None:
    """Let the parent's polls go on for a while, and stop."""
    operation = program.operations[NAME]
    polls = operation.snapshot().polls
    while operation.snapshot().polls < polls + 2:  # noqa: ASYNC110 - polls are counted, not told
        await anyio.sleep(0.01)
    for each in program.operations.values():
        each.stop_tracking()
