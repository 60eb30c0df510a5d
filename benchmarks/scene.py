"""What a peer is asked to do, and the clock that runs while it does it."""

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
from benchmarks.wire import MONITOR, RESOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

T = TypeVar("T")

WARMUP = 0x7FFFFFFF
"""Number of the operation that is polled once before the clock runs."""


@dataclass
class Scene:
    """So many operations of one server, to be polled until each has ended.

    A peer connects, asks for `WARMUP` once, calls `warm`, makes what initial responses it needs, and polls all
    operations inside `measured`.

    Attributes:
        origin: of the server.
        operations: how many.
        polls: of each operation; 0 for endless ones.
        retry_after: the least and the most seconds that answers ask for.
        spread_s: operations begin at random within so many seconds, and their first polls are due after a wait as long
            as any other.
        judged_s: seconds after the start from which polls are counted and judged.
        herd_s: first polls are all due at the one instant so many seconds after the start.
        trip_s: seconds that each answer takes.
        is_weighed: whether memory is measured, so that nothing is made before it is needed.
        warmed: is called before anything is made for an operation.
        watch: is entered while the clock runs.
        cpu_s: CPU seconds of this process between the start and the stop of the clock, of all times it ran.
        wall_s: seconds between them.
        begun_s: the instant at which the clock began to run, in monotonic time.
        due_s: that of the herd.
        running: whether the clock has been started.
    """

    origin: str
    operations: int
    polls: int = 5
    retry_after: tuple[int, int] = (0, 0)
    spread_s: float = 0.0
    judged_s: float = 0.0
    herd_s: float | None = None
    trip_s: float = 0.0
    is_weighed: bool = False
    warmed: Callable[[], object] = gc.collect
    watch: AbstractContextManager[object] = field(default_factory=nullcontext[None])
    cpu_s: float = field(default=0.0, init=False)
    wall_s: float = field(default=0.0, init=False)
    begun_s: float = field(default=0.0, init=False)
    due_s: float | None = field(default=None, init=False)
    running: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def monitor(self, number: int) -> str:
        """Return the URL that is polled for an operation."""
        return self.origin + MONITOR.format(number)

    def resource(self, number: int) -> str:
        """Return the URL of the request that began an operation."""
        return self.origin + RESOURCE.format(number)

    def first_s(self, number: int) -> float:
        """Return the seconds from now until the first poll of an operation is due."""
        if self.due_s is not None:
            return max(0.0, self.due_s - time.monotonic())
        if not self.spread_s:
            return 0.0
        drawn = random.Random(number)
        return drawn.uniform(0, self.spread_s) + drawn.randint(*self.retry_after)

    def ready(self, initial: Iterator[T]) -> Iterator[T]:
        """Return initial responses that are made by now, unseen by the clock; each is let go once it is taken."""
        if self.is_weighed:
            return initial
        made = deque(initial)
        return (made.popleft() for _ in range(len(made)))

    def warm(self) -> None:
        """Note that everything is ready for the first operation."""
        self.warmed()

    @contextmanager
    def measured(self) -> Generator[None]:
        """Run the clock."""
        gc.collect()
        self.begun_s = time.monotonic()
        self.due_s = None if self.herd_s is None else self.begun_s + self.herd_s
        judged_s = self.begun_s + self.judged_s
        server.begin(self.origin, server.Plan(self.polls, self.retry_after, self.due_s, self.trip_s, judged_s))
        self.running.set()
        wall_s, cpu_s = time.monotonic(), time.process_time()
        try:
            with self.watch:
                yield
        finally:
            self.cpu_s += time.process_time() - cpu_s
            self.wall_s += time.monotonic() - wall_s
