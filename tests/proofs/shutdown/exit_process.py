"""A process that ends in a chosen way: `python -m tests.proofs.shutdown.exit_process <case> <library>`."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Any

import anyio
import trio

import azpoll
from tests.proofs.shutdown import forked_process
from tests.proofs.shutdown.tracking_program import Program, report

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.clients import Library

READY = "ready"
KEPT_ALIVE: list[object] = []
"""Objects that exist until the interpreter ends."""


async def interrupted(library: Library) -> None:
    """Wait for an interrupt while operations run; report the results of their awaiters."""
    program = Program(library)
    async with program.client() as client, anyio.create_task_group() as tasks:
        try:
            async with program.tracker(client) as tracker:
                await program.start(tracker, tasks)
                report(READY)
                await anyio.sleep(60)
        finally:
            await program.report_results()


async def client_closed(library: Library) -> None:
    """Close the client while requests are in flight, and leave the tracker."""
    program = Program(library)
    async with program.client() as client, anyio.create_task_group() as tasks:
        try:
            async with program.tracker(client) as tracker:
                await program.start(tracker, tasks)
                report(READY)
                await client.aclose()
                tracker.resume("no token")
        except azpoll.TrackerClosed as error:
            report(str(error))
            await program.report_results()


async def exited(library: Library) -> None:
    """Call `sys.exit` in the block of the tracker."""
    program = Program(library)
    async with program.client() as client, anyio.create_task_group() as tasks:
        try:
            async with program.tracker(client) as tracker:
                await program.start(tracker, tasks)
                report(READY)
                sys.exit("exited")
        finally:
            await program.report_results()


def run_exited(run: Callable[..., object]) -> Callable[[Library], None]:
    def case(library: Library) -> None:
        try:
            run(exited, library)
        except* SystemExit as exits:
            report(str(exits.exceptions[0]))

    return case


async def never_closed(library: Library) -> None:
    """Enter a tracker without leaving it, while a task awaits an operation."""
    program = Program(library)
    tracker = await program.tracker(program.client_of_fake()).__aenter__()
    async with anyio.create_task_group() as tasks:
        await program.start(tracker, tasks)
        tasks.cancel_scope.cancel()
    waiting = asyncio.create_task(program.operations["waiting"].wait())
    await asyncio.sleep(0)
    KEPT_ALIVE.extend([program, tracker, waiting])
    report(states_of(program))


def states_of(program: Program) -> dict[str, list[object]]:
    """Return the states of the operations, read outside of their event loop."""
    return {name: [str(each.state), each.done()] for name, each in program.operations.items()}


def run_interrupted(run: Callable[..., object]) -> Callable[[Library], None]:
    def case(library: Library) -> None:
        try:
            run(interrupted, library)
        except* KeyboardInterrupt:
            report("KeyboardInterrupt")

    return case


def run_asyncio(main: Callable[[Library], Any], library: Library) -> None:
    asyncio.run(main(library))


def run_on_asyncio(main: Callable[[Library], Any]) -> Callable[[Library], None]:
    return lambda library: asyncio.run(main(library))


def in_a_loop_that_ends(library: Library) -> None:
    """End the event loop as `asyncio.run` does, which cancels the awaiters."""
    asyncio.run(never_closed(library))
    program, tracker, waiting = KEPT_ALIVE
    assert isinstance(waiting, asyncio.Task)
    report([*errors_elsewhere(program, tracker), waiting.cancelled()])


def in_a_closed_loop(library: Library) -> None:
    """Close the event loop of an open tracker, and use the operations afterwards."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(never_closed(library))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    program, tracker = KEPT_ALIVE[:2]
    report(errors_elsewhere(program, tracker))


def errors_elsewhere(program: Any, tracker: Any) -> list[str]:
    """Use a tracker and an operation in another event loop; return the names of the errors."""
    operation = program.operations["waiting"]
    token = operation.resume_token()

    async def await_it() -> None:
        await operation

    async def resume() -> None:
        tracker.resume(token)

    raised: list[str] = []
    for use in (await_it, resume):
        try:
            asyncio.run(use())
        except azpoll.AzpollError as error:
            raised.append(type(error).__name__)
    return raised


def in_a_daemon_thread(library: Library) -> None:
    """End the interpreter while another thread tracks operations."""

    async def main() -> None:
        program = Program(library)
        async with (
            program.client() as client,
            anyio.create_task_group() as tasks,
            program.tracker(client) as tracker,
        ):
            await program.start(tracker, tasks)
            ready.set()
            await anyio.sleep(60)

    ready = threading.Event()
    threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
    ready.wait()
    report(READY)


CASES: dict[str, Callable[[Library], object]] = {
    "interrupted": run_interrupted(run_asyncio),
    "interrupted on trio": run_interrupted(trio.run),
    "client closed": run_on_asyncio(client_closed),
    "exited": run_exited(run_asyncio),
    "exited on trio": run_exited(trio.run),
    "never left": in_a_loop_that_ends,
    "loop closed": in_a_closed_loop,
    "daemon thread": in_a_daemon_thread,
    "forked": run_on_asyncio(forked_process.forked),
    "forked on trio": lambda library: trio.run(forked_process.forked, library),
    "forked by multiprocessing": run_on_asyncio(forked_process.forked_by_multiprocessing),
}

if __name__ == "__main__":
    CASES[sys.argv[1]]("httpx2" if sys.argv[2] == "httpx2" else "httpx")
