"""A limit of the time for which one request holds the event loop.

A server may send a million informational answers (1xx) before the head of its answer. The HTTP library reads them all.
Other tasks run between its reads, but the processor has no time left for them.

The clock is cheap to read, so it measures each step of a request first. A step may have waited for a file or for
another process. So once the steps add up to `BY_CLOCK_S`, the CPU time of the thread is measured instead.

Cost: 1 us for each request that an HTTP library in Python sends.
"""

from __future__ import annotations

import time
from time import perf_counter, process_time
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

T = TypeVar("T")

thread_time: Callable[[], float] = getattr(time, "thread_time", process_time)
"""The CPU time of this thread in seconds; of the process on platforms that do not measure threads."""

BY_CLOCK_S, BY_CPU_S = 0.2, 0.3
"""The time in seconds that the steps of one request may take: first by the clock, and then in CPU time."""


@coroutine
def limited(
    steps: Coroutine[Any, Any, T],
    cancel: Callable[[], object],
    clock: Callable[[], float] = perf_counter,
    cpu_time: Callable[[], float] = thread_time,
) -> Generator[Any, Any, T]:
    """Await a coroutine, and cancel it when its steps have held the event loop for too long.

    Args:
        steps: the coroutine; a step is what it does from one suspension to the next.
        cancel: called in a step, and again in each later one; cancels the task or a scope around the coroutine.
        clock: the present time in seconds.
        cpu_time: the CPU time of the thread in seconds.
    """
    left_s = BY_CLOCK_S
    resume: Callable[[Any], Any] = steps.send
    value: Any = None
    while True:
        start_s = clock()
        try:
            suspension = resume(value)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            value = None  # an exception refers to this frame
        left_s -= clock() - start_s
        if left_s < 0:
            if clock is cpu_time:
                cancel()
            else:
                clock, left_s = cpu_time, BY_CPU_S
        resume = steps.send
        try:
            value = yield suspension
        except BaseException as error:  # noqa: BLE001 - it is raised in the coroutine, as by `await`
            resume, value = steps.throw, error.with_traceback(None)  # this frame is not where it was raised
