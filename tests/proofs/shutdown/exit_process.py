"""The process that ends in some way, as `python -m tests.proofs.shutdown.exit_process <case> <library>`."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Any

import anyio
import trio

import azpoll
from tests.proofs.shutdown import forked_process
from tests.proofs.shutdown.tracking_program import Program, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.clients import Library

READY = "ready"
KEPT: list[object] = []
"""What the interpreter has to do away with at its end."""


async def interrupted(library: Library) -> None:
    """Be interrupted while operations are under way; whoever waits is told before the program ends."""
    program = Program(library)
    async with program.client() as client, anyio.create_task_group() as tasks:
        try:
            async with program.tracker(client) as tracker:
                await program.bring_about(tracker, tasks)
                say(READY)
                await anyio.sleep(60)
        finally:
            await program.tell()


async def client_closed(library: Library) -> None:
    """Close the client while requests are under way, and leave."""
    program = Program(library)
    async with program.client() as client, anyio.create_task_group() as tasks:
        try:
            async with program.tracker(client) as tracker:
                await program.bring_about(tracker, tasks)
                say(READY)
                await client.aclose()
                tracker.resume("no token")
        except azpoll.TrackerClosed as error:
            say(str(error))
            await program.tell()


async def exited(library: Library) -> None:
    """Leave by `sys.exit` in the block."""
    program = Program(library)
    async with program.client() as client, anyio.create_task_group() as tasks:
        try:
            async with program.tracker(client) as tracker:
                await program.bring_about(tracker, tasks)
                say(READY)
                sys.exit("at once")
        finally:
            await program.tell()


def run_exited(run: Callable[..., object]) -> Callable[[Library], None]:
    def case(library: Library) -> None:
        try:
            run(exited, library)
        except* SystemExit as exits:
            say(str(exits.exceptions[0]))

    return case


async def never_left(library: Library) -> None:
    """Enter a tracker, let somebody wait, and let the program end."""
    program = Program(library)
    tracker = await program.tracker(program.client_of_fake()).__aenter__()
    async with anyio.create_task_group() as tasks:
        await program.bring_about(tracker, tasks)
        tasks.cancel_scope.cancel()
    waiting = asyncio.create_task(program.operations["waiting"].wait())
    await asyncio.sleep(0)
    KEPT.extend([program, tracker, waiting])
    say(look_back(program))


def look_back(program: Program) -> dict[str, list[object]]:
    """Return what operations say of themselves, wherever that is read."""
    return {name: [str(each.state), each.done()] for name, each in program.operations.items()}


def run_interrupted(run: Callable[..., object]) -> Callable[[Library], None]:
    def case(library: Library) -> None:
        try:
            run(interrupted, library)
        except* KeyboardInterrupt:
            say("KeyboardInterrupt")

    return case


def run_asyncio(main: Callable[[Library], Any], library: Library) -> None:
    asyncio.run(main(library))


def run_on_asyncio(main: Callable[[Library], Any]) -> Callable[[Library], None]:
    return lambda library: asyncio.run(main(library))


def in_a_loop_that_ends(library: Library) -> None:
    """Let the event loop end as `asyncio.run` ends it; whoever waits is cancelled."""
    asyncio.run(never_left(library))
    program, tracker, waiting = KEPT
    assert isinstance(waiting, asyncio.Task)
    say([*used_elsewhere(program, tracker), waiting.cancelled()])


def in_a_closed_loop(library: Library) -> None:
    """Close an event loop beneath its tracker, and use the operations afterwards."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(never_left(library))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    program, tracker = KEPT[:2]
    say(used_elsewhere(program, tracker))


def used_elsewhere(program: Any, tracker: Any) -> list[str]:
    """Return what using a tracker and an operation in another event loop raises."""
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
    """End the interpreter while another thread tracks."""

    async def main() -> None:
        program = Program(library)
        async with (
            program.client() as client,
            anyio.create_task_group() as tasks,
            program.tracker(client) as tracker,
        ):
            await program.bring_about(tracker, tasks)
            ready.set()
            await anyio.sleep(60)

    ready = threading.Event()
    threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
    ready.wait()
    say(READY)


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
