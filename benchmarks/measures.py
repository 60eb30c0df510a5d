"""What is measured of a peer that polls the server; each function runs in a process of its own."""

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
from typing import TYPE_CHECKING, Any

from benchmarks import server
from benchmarks.floor import FLOOR_US
from benchmarks.peers import FLOOR, named
from benchmarks.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

LEAST_CPU_S = 1.0
"""Of less CPU no cost is told: it would tell more of the machine's moment."""

LEAD_S = 0.5
"""The loop is looked at from so long before it matters: a herd would hold up the first look, and hide what it holds."""

WEIGHED_WITH, WEIGHINGS = 2_000, 3
"""Operations by whose polls over raw connections the machine's moment is weighed, and how often: the fastest counts."""

TICK_S = 0.005
"""How often it is looked whether the loop is held; each look costs the loop some 40 us, too."""

Figures = dict[str, float]


def cost(peer: str, scene: dict[str, Any], *, stop_s: float = 60.0, uvloop: bool = False) -> Figures:
    """CPU per poll of operations that are all polled until their end, and again until enough CPU was used.

    What has not ended when `stop_s` seconds have passed is given up, and then no cost is told: the start of all
    operations would be booked on the few polls made.
    """

    async def main() -> Figures:
        stage, polls, connections, server_s = _stage(scene), 0, 0, 0.0
        while stage.cpu_s < LEAST_CPU_S:
            playing = asyncio.ensure_future(named(peer).load()(stage))
            ended, _ = await asyncio.wait({playing}, timeout=stop_s)
            seen = server.report(stage.origin)
            polls, connections = polls + seen.polls, max(connections, seen.connections)
            server_s += seen.cpu_s
            if not ended:
                return {"polls": polls, "asked": stage.operations * stage.polls, "stopped_s": stop_s}
            playing.result()
        return {
            "us": stage.cpu_s / polls * 1e6,
            "server_us": server_s / polls * 1e6,
            "polls": polls,
            "connections": connections,
            "per_s": polls / stage.wall_s,
        }

    return _run(main, uvloop=uvloop)


def calls(peer: str, scene: dict[str, Any]) -> Figures:
    """Function calls per poll, which no other process can disturb."""

    async def main() -> Figures:
        profile = cProfile.Profile()
        stage = replace(_stage(scene), watch=profile)
        await named(peer).load()(stage)
        counted: int = vars(pstats.Stats(profile))["total_calls"]  # typeshed does not know it
        return {"calls": counted / server.report(stage.origin).polls}

    return _run(main)


def lateness(
    peer: str, scene: dict[str, Any], *, seconds: float, is_weighed: bool = False, uvloop: bool = False
) -> Figures:
    """How late polls arrive, and how long the loop is held at most, in so many seconds from when they are judged.

    Weighed, there are only as many operations as weigh here what the scene's weigh where a poll over raw connections
    costs `FLOOR_US`: how late polls come depends on the share of a core they need, and that on the machine's moment.
    """

    async def main() -> Figures:
        stage = await _weighed(_stage(scene)) if is_weighed else _stage(scene)
        playing = asyncio.ensure_future(named(peer).load()(stage))
        await asyncio.wait({playing, asyncio.ensure_future(stage.running.wait())}, return_when="FIRST_COMPLETED")
        judged_s = stage.due_s or stage.begun_s + stage.judged_s
        await asyncio.sleep(max(0.0, judged_s - LEAD_S - time.monotonic()))
        begun_s, cpu_s = time.monotonic(), time.process_time()
        hold_s = await _longest_hold(playing, judged_s + seconds)
        if playing.done():
            playing.result()
        ended_s, cpu_s = time.monotonic(), time.process_time() - cpu_s
        seen = server.report(stage.origin)
        p50_s, p99_s, most_s = seen.lateness_s
        return {
            "p50_ms": p50_s * 1e3,
            "p99_ms": p99_s * 1e3,
            "max_ms": most_s * 1e3,
            "hold_ms": hold_s * 1e3,
            "early": seen.early,
            "operations": stage.operations,
            "polls": seen.polls,
            "per_s": seen.polls / (ended_s - judged_s),
            "cpu": cpu_s / (ended_s - begun_s),
        }

    return _run(main, uvloop=uvloop)


async def _weighed(scene: Scene) -> Scene:
    floors = [Scene(scene.origin, WEIGHED_WITH) for _ in range(WEIGHINGS)]
    for floor in floors:
        await FLOOR.load()(floor)
    us = min(floor.cpu_s / (floor.operations * floor.polls) * 1e6 for floor in floors)
    return replace(scene, operations=min(scene.operations, round(scene.operations * FLOOR_US / us)))


async def _longest_hold(playing: asyncio.Future[None], until_s: float) -> float:
    """Return the longest time in which a timer that was due had to wait."""
    longest_s = 0.0
    while not playing.done() and (before_s := time.monotonic()) < until_s:
        await asyncio.sleep(TICK_S)
        longest_s = max(longest_s, time.monotonic() - before_s - TICK_S)
    return longest_s


def memory(peer: str, scene: dict[str, Any], *, traced: bool, stop_s: float) -> Figures:
    """Bytes of one operation that has been polled once and waits for a long time."""

    async def main() -> Figures:
        before = 0

        def warmed() -> None:
            nonlocal before
            gc.collect()
            before = _allocated(traced=traced)

        stage = replace(_stage(scene), warmed=warmed, polls=0, retry_after=(3000, 3000), is_weighed=True)
        if traced:
            tracemalloc.start()
        playing = asyncio.ensure_future(named(peer).load()(stage))
        await asyncio.wait({playing, asyncio.ensure_future(stage.running.wait())}, return_when="FIRST_COMPLETED")
        until_s = time.monotonic() + stop_s
        while server.report(stage.origin).polls < stage.operations:
            if playing.done() or time.monotonic() > until_s:
                return {}
            await asyncio.sleep(0.5)
        await asyncio.sleep(0.5)
        gc.collect()
        urls = sys.getsizeof(stage.monitor(0)) + sys.getsizeof(stage.resource(0))
        return {"bytes": (_allocated(traced=traced) - before) / stage.operations, "urls": urls}

    return _run(main)


def _allocated(*, traced: bool) -> int:
    """Return the bytes traced, or those of this process that are in memory."""
    if traced:
        return tracemalloc.get_traced_memory()[0]
    with open("/proc/self/statm", encoding="ascii") as status:  # noqa: PTH123 - Linux alone tells
        return int(status.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _stage(scene: dict[str, Any]) -> Scene:
    fields: dict[str, Any] = {**scene, "retry_after": tuple(scene.get("retry_after", (0, 0)))}
    return Scene(**fields)


def _run(main: Callable[[], Coroutine[Any, Any, Figures]], *, uvloop: bool = False) -> Figures:
    """Run it, and do not wait for what is still under way: cancelling 10,000 requests takes longer than they do."""
    factory = import_module("uvloop").new_event_loop if uvloop else asyncio.new_event_loop
    return asyncio.Runner(loop_factory=factory).run(main())
