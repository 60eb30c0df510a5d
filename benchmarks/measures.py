"""Measures of a peer that polls the server; each function runs in a process of its own."""

from __future__ import annotations

import asyncio
import cProfile
import gc
import os
import pstats
import sys
import time
import tracemalloc
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import server
from benchmarks.peers import named
from benchmarks.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from benchmarks.jobs import Figures

MIN_CPU_S = 1.0
"""A workload is repeated until it has used this much CPU, so that one disturbed moment weighs little."""

LEAD_S = 0.5
"""The event loop is watched from this long before the judged time: a burst would delay the first look."""

TICK_S = 0.005
"""Interval of the timer that shows whether the event loop is blocked; each tick costs some 40 us."""


def cost(
    peer: str, workload: dict[str, Any], *, stop_s: float = 60.0, uvloop: bool = False, all_cores: bool = False
) -> Figures:
    """CPU per poll of operations that are all polled until their end, on one core or, as most users run it, on all.

    A run that has not ended after `stop_s` seconds is abandoned and has no cost per poll: the start of all
    operations would be charged to the few polls made.
    """

    async def main() -> Figures:
        work, polls, connections, server_s = _workload(workload), 0, 0, 0.0
        while work.cpu_s < MIN_CPU_S:
            polling = asyncio.ensure_future(named(peer).load()(work))
            ended, _ = await asyncio.wait({polling}, timeout=stop_s)
            seen = server.fetch_report(work.origin)
            polls, connections = polls + seen.polls, max(connections, seen.connections)
            server_s += seen.cpu_s
            if not ended:
                return {"polls": polls, "planned": work.operations * work.polls, "stopped_s": stop_s}
            polling.result()
        return {
            "us": work.cpu_s / polls * 1e6,
            "server_us": server_s / polls * 1e6,
            "connections": connections,
            "per_s": polls / work.wall_s,
        }

    if all_cores:
        server.unpin()
    return _run(main, uvloop=uvloop)


def calls(peer: str, workload: dict[str, Any]) -> Figures:
    """Function calls per poll, a figure that other processes cannot disturb."""

    async def main() -> Figures:
        profile = cProfile.Profile()
        work = replace(_workload(workload), profiler=profile)
        await named(peer).load()(work)
        counted: int = vars(pstats.Stats(profile))["total_calls"]  # missing in typeshed
        return {"calls": counted / server.fetch_report(work.origin).polls}

    return _run(main)


def lateness(peer: str, workload: dict[str, Any], *, seconds: float, uvloop: bool = False) -> Figures:
    """Lateness of polls and the longest block of the event loop, within `seconds` of the judged time.

    A burst that has not ended by then has no figures, since the missing polls would be the latest.
    """

    async def main() -> Figures:
        work = _workload(workload)
        polling = asyncio.ensure_future(named(peer).load()(work))
        await asyncio.wait({polling, asyncio.ensure_future(work.running.wait())}, return_when="FIRST_COMPLETED")
        judged_s = work.burst_s or work.started_s + work.judged_after_s
        await asyncio.sleep(max(0.0, judged_s - LEAD_S - time.monotonic()))
        started_s, cpu_s = time.monotonic(), time.process_time()
        blocked_s = await _longest_block(polling, judged_s + seconds)
        if polling.done():
            polling.result()
        ended_s, cpu_s = time.monotonic(), time.process_time() - cpu_s
        seen = server.fetch_report(work.origin)
        if work.burst_s and seen.polls < work.operations:
            return {}
        p50_s, p99_s, max_s = seen.lateness_s
        return {
            "p50_ms": p50_s * 1e3,
            "p99_ms": p99_s * 1e3,
            "max_ms": max_s * 1e3,
            "blocked_ms": blocked_s * 1e3,
            "early": seen.early,
            "per_s": seen.polls / (ended_s - judged_s),
            "cpu_share": cpu_s / (ended_s - started_s),
        }

    return _run(main, uvloop=uvloop)


async def _longest_block(polling: asyncio.Future[None], until_s: float) -> float:
    """Return the most seconds by which a timer fired late."""
    longest_s = 0.0
    while not polling.done() and (before_s := time.monotonic()) < until_s:
        await asyncio.sleep(TICK_S)
        longest_s = max(longest_s, time.monotonic() - before_s - TICK_S)
    return longest_s


def memory(peer: str, workload: dict[str, Any], *, traced: bool, stop_s: float) -> Figures:
    """Bytes per operation that has been polled once and waits for an hour."""

    async def main() -> Figures:
        before = 0

        def on_warm() -> None:
            nonlocal before
            server.fetch_report(work.origin)  # loads what it needs once
            gc.collect()
            before = _allocated(traced=traced)

        work = replace(_workload(workload), on_warm=on_warm, polls=0, retry_after=(3000, 3000), lazy=True)
        if traced:
            tracemalloc.start()
        polling = asyncio.ensure_future(named(peer).load()(work))
        await asyncio.wait({polling, asyncio.ensure_future(work.running.wait())}, return_when="FIRST_COMPLETED")
        until_s = time.monotonic() + stop_s
        while server.fetch_report(work.origin).polls < work.operations:
            if polling.done() or time.monotonic() > until_s:
                return {}
            await asyncio.sleep(0.5)
        await asyncio.sleep(0.5)
        gc.collect()
        each = (_allocated(traced=traced) - before) / work.operations
        urls = sys.getsizeof(work.monitor(0)) + sys.getsizeof(work.resource(0))
        return {"bytes": each, "bytes_beyond_urls": each - urls}

    return _run(main)


def _allocated(*, traced: bool) -> int:
    """Return the bytes traced, or the resident bytes of this process."""
    if traced:
        return tracemalloc.get_traced_memory()[0]
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _workload(fields: dict[str, Any]) -> Workload:
    retry_after: Any = tuple(fields.get("retry_after", (0, 0)))
    return Workload(**{**fields, "retry_after": retry_after})


def _run(main: Callable[[], Coroutine[Any, Any, Figures]], *, uvloop: bool = False) -> Figures:
    """Run `main` and leave the loop open: closing it would wait for the requests that are in flight."""
    factory = import_module("uvloop").new_event_loop if uvloop else asyncio.new_event_loop
    return asyncio.Runner(loop_factory=factory).run(main())
