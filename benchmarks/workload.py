"""The workload of one measurement, and the clock that runs while a peer works on it."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections import deque
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from benchmarks import server
from benchmarks.payloads import MONITOR, RESOURCE, SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

T = TypeVar("T")

WARMUP = 0x7FFFFFFF
"""Number of the operation that is polled once before the clock starts."""


@dataclass
class Workload:
    """Operations at one server, to be polled until each has ended.

    A peer connects, polls `WARMUP` once, calls `warm`, prepares its initial responses, and polls all operations
    inside `clock()`.

    Attributes:
        origin: origin of the server.
        operations: number of operations.
        polls: polls until an operation succeeds; 0 for operations that never end.
        retry_after: least and most seconds of `Retry-After`.
        spread_s: operations start at random within this many seconds, each with a first wait out of `retry_after`.
        judged_after_s: the server counts polls from this many seconds after the start.
        burst_after_s: all first polls are due at one instant, this many seconds after the start; None for no burst.
        answer_delay_s: seconds by which the server delays each response.
        signed: polling URLs carry a signature, so that each has 3.2 kB, as ARM's have today.
        lazy: initial responses are made one by one, so that memory can be measured.
        on_warm: called before anything is allocated for an operation.
        profiler: entered while the clock runs.
        cpu_s: CPU seconds of this process while the clock ran, over all its runs.
        wall_s: wall-clock seconds, likewise.
        started_s: monotonic time of the last start of the clock.
        burst_s: monotonic time of the burst.
        running: set once the clock has started.
    """

    origin: str
    operations: int
    polls: int = 5
    retry_after: tuple[int, int] = (0, 0)
    spread_s: float = 0.0
    judged_after_s: float = 0.0
    burst_after_s: float | None = None
    answer_delay_s: float = 0.0
    signed: bool = False
    lazy: bool = False
    on_warm: Callable[[], object] = gc.collect
    profiler: AbstractContextManager[object] = field(default_factory=nullcontext[None])
    cpu_s: float = field(default=0.0, init=False)
    wall_s: float = field(default=0.0, init=False)
    started_s: float = field(default=0.0, init=False)
    burst_s: float | None = field(default=None, init=False)
    running: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def monitor(self, number: int) -> str:
        """Return the polling URL of an operation."""
        url = self.origin + MONITOR.format(number)
        return f"{url}&{SIGNATURE}" if self.signed else url

    def resource(self, number: int) -> str:
        """Return the URL of the initial request of an operation."""
        return self.origin + RESOURCE.format(number)

    def first_wait_s(self, number: int) -> float:
        """Return the seconds from now until the first poll of an operation is due."""
        if self.burst_s is not None:
            return max(0.0, self.burst_s - time.monotonic())
        if not self.spread_s:
            return 0.0
        drawn = random.Random(number)
        return drawn.uniform(0, self.spread_s) + drawn.randint(*self.retry_after)

    def prepared(self, initial: Iterator[T]) -> Iterator[T]:
        """Make all initial responses before the clock starts; each is released once it is taken."""
        if self.lazy:
            return initial
        made = deque(initial)
        return (made.popleft() for _ in range(len(made)))

    def warm(self) -> None:
        """Mark the end of the warm-up: connections exist, operations do not yet."""
        self.on_warm()

    @contextmanager
    def clock(self) -> Generator[None]:
        """Start a measurement at the server and run the clock until the block ends."""
        gc.collect()
        self.started_s = time.monotonic()
        self.burst_s = None if self.burst_after_s is None else self.started_s + self.burst_after_s
        judged_s = self.started_s + self.judged_after_s
        plan = server.Plan(self.polls, self.retry_after, self.burst_s, self.answer_delay_s, judged_s)
        server.start_measurement(self.origin, plan)
        self.running.set()
        wall_s, cpu_s = time.monotonic(), time.process_time()
        try:
            with self.profiler:
                yield
        finally:
            self.cpu_s += time.process_time() - cpu_s
            self.wall_s += time.monotonic() - wall_s
