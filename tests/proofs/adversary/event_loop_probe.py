"""Measures the longest time for which the event loop ran nothing else."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_TICK_S = 0.02
_SCHEDULER = Path("/proc/self/schedstat")


class LoopProbe:
    """The longest delay of a timer.

    Attributes:
        longest_s: in CPU time of the thread, which other processes do not lengthen.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            due_s, cpu_s = time.perf_counter() + _TICK_S, time.thread_time()
            await asyncio.sleep(_TICK_S)
            late_s, used_s = time.perf_counter() - due_s, time.thread_time() - cpu_s
            self.longest_s = max(self.longest_s, min(late_s, used_s))


@asynccontextmanager
async def loop_probe() -> AsyncGenerator[LoopProbe]:
    """Probe the running event loop."""
    probe = LoopProbe()
    task = asyncio.create_task(probe.run())
    try:
        yield probe
    finally:
        task.cancel()


def waited_s() -> float:
    """Return the time for which this process was ready to run and had no processor, in seconds; 0 if unknown."""
    if not _SCHEDULER.exists():  # outside of Linux
        return 0.0
    return int(_SCHEDULER.read_text(encoding="ascii").split()[1]) / 1e9
