"""Event loops in virtual time that count their steps, and let something be done before any one of them.

A step is what runs between two looks of the event loop at what is ready: a callback of asyncio, or a task of trio up to
its next checkpoint. Whatever awaits, awaits from one step to another: what is done before each step, is done at each
await.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar, TypeVarTuple, get_args

import anyio
import trio

from azpoll.testing import VirtualLoop, VirtualTimeHang

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from contextvars import Context

T = TypeVar("T")
Args = TypeVarTuple("Args")

Way = Literal["task", "scope", "trio"]
"""How somebody is cancelled: by `Task.cancel` of asyncio, or by a cancel scope on asyncio or on trio."""

WAYS: tuple[Way, ...] = get_args(Way)


MOST_LOOKS = 100
"""At what is ready, while nothing is: trio wakes itself through a socket for what it does at its end."""


MOST_STEPS = 20_000
"""Of one run, with those before and after what is counted: more are a loop without an end."""


class Steps:
    """The steps from `begin` to `end`.

    Args:
        at: the numbers of the steps to strike before; the first is 1.

    Attributes:
        taken: how many there were.
        endless: whether there seems to be no end of steps.
    """

    def __init__(self, at: frozenset[int] = frozenset()) -> None:
        self._at = at
        self._strike: Callable[[], object] | None = None
        self._all = 0
        self.taken = 0
        self.endless = False

    def begin(self, strike: Callable[[], object]) -> None:
        """Count from here on, and call a function before the steps of choice."""
        self._strike = strike

    def end(self) -> None:
        """Count no more."""
        self._strike = None

    def step(self) -> None:
        """Note that a step is about to be taken."""
        self._all += 1
        self.endless = self._all > MOST_STEPS
        if self._strike is not None:
            self.taken += 1
            if self.taken in self._at:
                self._strike()


class SteppingLoop(VirtualLoop):
    """Each callback is a step."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon(self._step, partial(callback, *args), context=context)

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return super().call_at(when, self._step, partial(callback, *args), context=context)

    def _step(self, callback: Callable[[], object]) -> None:
        self._steps.step()
        if self._steps.endless:
            self.stop()
        callback()


class SteppingClock(trio.abc.Clock, trio.abc.Instrument):
    """Each turn of a task is a step. Jumps to the next deadline when nothing is ready, as trio's own `MockClock` does.

    Trio draws in which of two orders the tasks that are ready together have their turns.
    """

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._now_s = 0.0
        self._idle = 0

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        if self._steps.endless:
            raise VirtualTimeHang("there is no end of steps")
        return self._now_s

    def deadline_to_sleep_time(self, deadline: float) -> float:
        if not math.isinf(deadline):
            self._now_s = max(self._now_s, deadline)
            return 0.0
        self._idle += 1
        if self._idle > MOST_LOOKS:
            raise VirtualTimeHang("nothing is ready and no deadline is set")
        return 0.001

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        del task
        self._idle = 0
        self._steps.step()


def run_stepping(main: Callable[[*Args], Awaitable[T]], *args: *Args, way: Way, steps: Steps) -> T:
    """Run an async function in virtual time, and count its steps.

    Raises:
        VirtualTimeHang: it waits for something that cannot come, or does not end.
        RuntimeError: it does not end (asyncio).
    """
    if way != "trio":
        return anyio.run(main, *args, backend_options={"loop_factory": partial(SteppingLoop, steps)})
    clock = SteppingClock(steps)
    options = {"clock": clock, "instruments": [clock]}
    try:
        return anyio.run(main, *args, backend="trio", backend_options=options)
    except trio.TrioInternalError as error:
        if isinstance(error.__cause__, VirtualTimeHang):
            raise error.__cause__ from error
        raise
