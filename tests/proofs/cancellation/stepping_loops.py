"""Event loops in virtual time that count their steps and call a function before a chosen step.

A step is one callback of asyncio, or one task of trio up to its next checkpoint. Every await lasts from one step to
another, so a cancellation before each step reaches each await.
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

CancelMethod = Literal["task", "scope", "trio"]
"""How a caller is cancelled: by `Task.cancel` of asyncio, or by a cancel scope on asyncio or on trio."""

CANCEL_METHODS: tuple[CancelMethod, ...] = get_args(CancelMethod)


MAX_IDLE_POLLS = 100
"""Polls for ready tasks while there are none: at its end trio wakes itself through a socket."""


MAX_STEPS = 20_000
"""The limit for one run, uncounted steps included; more steps mean an endless loop."""


class Steps:
    """Counts the steps from `begin` to `end`.

    Args:
        at: the numbers of the steps before which the action is called; the first step is 1.

    Attributes:
        taken: the number of steps so far.
        endless: whether the run has exceeded the limit of steps.
    """

    def __init__(self, at: frozenset[int] = frozenset()) -> None:
        self._at = at
        self._action: Callable[[], object] | None = None
        self._all = 0
        self.taken = 0
        self.endless = False

    def begin(self, cancel_callers: Callable[[], object]) -> None:
        """Start to count, and call the action before the chosen steps."""
        self._action = cancel_callers

    def end(self) -> None:
        """Stop counting."""
        self._action = None

    def step(self) -> None:
        """Count the next step; call the action first if the step is a chosen one."""
        self._all += 1
        self.endless = self._all > MAX_STEPS
        if self._action is not None:
            self.taken += 1
            if self.taken in self._at:
                self._action()


class SteppingLoop(VirtualLoop):
    """An asyncio loop in which each callback is a step."""

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
    """A trio clock that counts each turn of a task as a step.

    When no task is ready, the clock jumps to the next deadline, as trio's own `MockClock` does. Trio chooses the order
    of tasks that are ready together at random.
    """

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._now_s = 0.0
        self._idle = 0

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        if self._steps.endless:
            raise VirtualTimeHang("the limit of steps is exceeded")
        return self._now_s

    def deadline_to_sleep_time(self, deadline: float) -> float:
        if not math.isinf(deadline):
            self._now_s = max(self._now_s, deadline)
            return 0.0
        self._idle += 1
        if self._idle > MAX_IDLE_POLLS:
            raise VirtualTimeHang("nothing is ready and no deadline is set")
        return 0.001

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        del task
        self._idle = 0
        self._steps.step()


def run_stepping(main: Callable[[*Args], Awaitable[T]], *args: *Args, method: CancelMethod, steps: Steps) -> T:
    """Run an async function in virtual time and count its steps.

    Raises:
        VirtualTimeHang: the function waits for an event that cannot occur, or is endless (trio).
        RuntimeError: the function is endless (asyncio).
    """
    if method != "trio":
        return anyio.run(main, *args, backend_options={"loop_factory": partial(SteppingLoop, steps)})
    clock = SteppingClock(steps)
    options = {"clock": clock, "instruments": [clock]}
    try:
        return anyio.run(main, *args, backend="trio", backend_options=options)
    except trio.TrioInternalError as error:
        if isinstance(error.__cause__, VirtualTimeHang):
            raise error.__cause__ from error
        raise
