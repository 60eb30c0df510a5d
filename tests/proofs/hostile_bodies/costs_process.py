"""Reads large bodies, and prints the cost of each: `costs_process.py LIBRARY BASE MOST_CPU_S MOST_HELD_S NAME...`."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import tracemalloc
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from azpoll.protocol.answer import Answer
from azpoll.protocol.arm_error import read_error
from azpoll.protocol.machine import advance
from azpoll.transport.client import ClientTransport
from tests.support import resident_memory
from tests.support.protocol_rows import polling

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

TRIES = 3

REUSED = 3 * 2**20
"""A body reuses at most this number of bytes that the process holds: 2 MiB were the most in 80 bodies."""


@dataclass
class Cost:
    """The cost of one answer, the least of several tries; no further try follows one within the bounds.

    Attributes:
        state: the class of the state after it.
        cpu_s: CPU time of the process, in seconds.
        held_s: the most CPU time between two iterations of the event loop, in seconds of the loop's thread.
        memory: the peak, in bytes: of the resident memory, with `REUSED`, or of all Python objects where that is
            unknown. To trace the objects takes four times the CPU time of the rest.
    """

    name: str
    state: str = ""
    cpu_s: float = 1e9
    held_s: float = 1e9
    memory: int = 0


class Heartbeat:
    """Measures how long the event loop is held, in CPU time of its thread."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def run(self) -> None:
        """Run in each iteration of the event loop."""
        last_s = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now_s = time.thread_time()
            self.longest_s = max(self.longest_s, now_s - last_s)
            last_s = now_s


@asynccontextmanager
async def heartbeat() -> AsyncGenerator[Heartbeat]:
    """Run a heartbeat."""
    beats = Heartbeat()
    task = asyncio.create_task(beats.run())
    await asyncio.sleep(0)
    try:
        yield beats
        await asyncio.sleep(0)
    finally:
        task.cancel()


async def read(transport: ClientTransport[Any], url: str) -> str:
    """Poll, advance the operation, and read the error and the response of the answer, each in a step of its own."""
    outcome = await transport.poll("GET", url)
    await asyncio.sleep(0)
    state = advance(polling(), outcome)
    if isinstance(outcome, Answer):
        await asyncio.sleep(0)
        read_error(outcome)
        await asyncio.sleep(0)
        transport.response_from(outcome)
    return type(state).__name__


async def cost_of(transport: ClientTransport[Any], url: str, name: str, most_cpu_s: float, most_held_s: float) -> Cost:
    """Return the cost of the body with this name."""
    cost = Cost(name)
    for _ in range(TRIES):
        if cost.cpu_s <= most_cpu_s and cost.held_s <= most_held_s:
            break
        resident, started_s = resident_memory.reset_peak(), time.process_time()
        async with heartbeat() as beats:
            cost.state = await read(transport, url)
        cost.held_s = min(cost.held_s, beats.longest_s)
        cost.cpu_s = min(cost.cpu_s, time.process_time() - started_s)
        cost.memory = max(cost.memory, resident_memory.peak() - resident + REUSED)
        if most_cpu_s < cost.cpu_s:  # the heartbeat takes CPU time too
            started_s = time.process_time()
            await read(transport, url)
            cost.cpu_s = min(cost.cpu_s, time.process_time() - started_s)
    if not resident_memory.IS_KNOWN:
        cost.memory = await traced_memory(transport, url)
    return cost


async def traced_memory(transport: ClientTransport[Any], url: str) -> int:
    """Return the peak of all Python objects while a body is read, in bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        await read(transport, url)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def main(name: str, base: str, most_cpu_s: float, most_held_s: float, names: list[str]) -> None:
    """Warm up with an ordinary answer, then print the cost of each body."""
    library = import_module("httpx" if name == "fast" else name)
    options = {"transport": import_module("azpoll.fast").transport()} if name == "fast" else {}
    async with library.AsyncClient(**options) as client:
        transport: ClientTransport[Any] = ClientTransport(client)
        for _ in range(20):
            await read(transport, f"{base}/ordinary")
        for body_name in names:
            cost = await cost_of(transport, f"{base}/{body_name}", body_name, most_cpu_s, most_held_s)
            sys.stdout.write(json.dumps(asdict(cost)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]))
