"""The CPU time that this process needs: what it has used, and what its event loop has waited for."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEDULER_STATISTICS = "/proc/thread-self/schedstat"
"""A file of Linux: the nanoseconds that this thread has run, and those for which it was ready and had no processor."""


def needed_cpu_time(path: str = SCHEDULER_STATISTICS, used: Callable[[], float] = process_time) -> float:
    """Return the CPU seconds that the process has used and that this thread has waited for.

    On a busy machine a process uses little CPU time, although it needs more. Where the system does not count the time
    that a thread waits, only the used time is returned.

    Args:
        path: of the statistics of this thread.
        used: returns the CPU seconds that the process has used.
    """
    try:
        with open(path, encoding="ascii") as statistics:  # noqa: PTH123 - a file in memory, read every 0.1 s at most
            waited_ns = int(statistics.read().split()[1])
    except (OSError, ValueError, IndexError):
        return used()
    return used() + waited_ns / 1e9
