"""A process that forks while it tracks: the child gets `WrongEventLoop`, and the parent continues."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from typing import TYPE_CHECKING, Any

import anyio

import azpoll
from tests.proofs.shutdown.tracking_program import Program, path_of, report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.clients import Library

NAME = "polling"


def uses(tracker: Any, operation: Any) -> list[Callable[[], Awaitable[object]]]:
    """Return all uses of a tracker and an operation."""
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
    """Whether each use raises `WrongEventLoop`."""
    for use in uses(tracker, operation):
        try:
            await use()
        except azpoll.WrongEventLoop:
            continue
        return False
    return True


def refused_in_another_loop(tracker: Any, operation: Any) -> None:
    """Exit with code 0 if each use raises `WrongEventLoop` in a new event loop."""
    os._exit(not asyncio.run(refused(tracker, operation)))


async def forked(library: Library) -> None:
    """Fork while polls run; the child uses the inherited event loop."""
    program = Program(library)
    async with program.client() as client, anyio.create_task_group() as tasks:
        async with program.tracker(client) as tracker:
            await program.start(tracker, tasks)
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    code = not await refused(tracker, program.operations[NAME])
                finally:
                    os._exit(code)
            report(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))  # noqa: ASYNC222 - the child ends immediately
            await continue_polling(program)
        await program.report_results()


async def forked_by_multiprocessing(library: Library) -> None:
    """Fork by multiprocessing; the child uses a new event loop."""
    program = Program(library)
    async with program.client() as client, anyio.create_task_group() as tasks:
        async with program.tracker(client) as tracker:
            await program.start(tracker, tasks)
            arguments = (tracker, program.operations[NAME])
            child = multiprocessing.get_context("fork").Process(target=refused_in_another_loop, args=arguments)
            child.start()
            child.join()
            report(child.exitcode)
            await continue_polling(program)
        await program.report_results()


async def continue_polling(program: Program) -> None:
    """Wait for two more polls of the parent, then stop tracking."""
    operation = program.operations[NAME]
    polls = operation.snapshot().polls
    while operation.snapshot().polls < polls + 2:  # noqa: ASYNC110 - there is no event to await
        await anyio.sleep(0.01)
    for each in program.operations.values():
        each.stop_tracking()
