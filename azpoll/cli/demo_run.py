"""The demo itself: three flows, then the fleet, through azpoll's public face alone."""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from azpoll.errors import AzpollError
from azpoll.events import OperationEnded, PollAnswered
from azpoll.schedule.budget import Budget
from azpoll.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from azpoll.cli.demo_flows import Flow, Transcript
    from azpoll.cli.demo_view import View
    from azpoll.cli.demo_world import Work
    from azpoll.events import Event
    from azpoll.operation import AsyncOperation
    from azpoll.testing import FakeOperation
    from azpoll.transport.library import HTTPClient, HTTPResponse

BEGINS_AT_ONCE = 8
"""Initial requests under way at once: more connections make httpx slower, not faster."""

_TICK_S = 0.25
_LONGEST_S, _READS_PER_S = 60.0, 20.0


@dataclass(slots=True)
class Run:
    """What azpoll did, as far as the report needs it.

    Attributes:
        followed: each operation as the service knows it and as azpoll does.
        refused: initial requests that failed.
        ended_at_s: operation id to the time azpoll knew the end, on the clock the fake uses too.
        lateness_s: of each read, how long after its due time it was sent.
        polls: reads.
        cpu_s: of the thread that azpoll ran in.
        wall_s: from the first request to the last end.
    """

    followed: list[tuple[FakeOperation, AsyncOperation[HTTPResponse]]] = field(
        default_factory=list["tuple[FakeOperation, AsyncOperation[HTTPResponse]]"]
    )
    refused: int = 0
    ended_at_s: dict[str, float] = field(default_factory=dict[str, float])
    lateness_s: array[float] = field(default_factory=lambda: array("d"))
    polls: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0

    def hear(self, event: Event) -> None:
        """Note what the tracker tells."""
        match event:
            case OperationEnded():
                self.ended_at_s[event.operation_id] = event.at_s
            case PollAnswered():
                self.lateness_s.append(event.lateness_s)
            case _:
                pass


async def run_demo(
    client: HTTPClient[HTTPResponse],
    flows: Sequence[Flow],
    transcript: Transcript,
    fleet: Sequence[Work],
    view: View,
) -> Run:
    """Begin and await everything; return what happened."""
    run = Run()
    began_s, cpu_s = time.monotonic(), time.thread_time()
    limit_s = _LONGEST_S + len(fleet) / _READS_PER_S  # so that a mistake of azpoll's is reported, not waited for
    budget = Budget(write_rate=None)  # the demo's service limits reads alone
    async with Tracker(client, budget=budget, timeout=limit_s, on_exit="stop") as tracker:
        tracker.subscribe(run.hear)
        await _show_flows(tracker, flows, transcript, run, view)
        if fleet:
            await _sail(tracker, fleet, run, view)
        run.polls = tracker.statistics().polls
    run.cpu_s, run.wall_s = time.thread_time() - cpu_s, time.monotonic() - began_s
    return run


async def _show_flows(
    tracker: Tracker[HTTPResponse], flows: Sequence[Flow], transcript: Transcript, run: Run, view: View
) -> None:
    """Run the flows at the same time, and show them one below the other."""

    async def follow(flow: Flow) -> None:
        transcript.begin(flow)
        operation = await tracker.begin(flow.method, flow.url, json=flow.body, label=flow.title)
        run.followed.append((flow.fake, operation))
        await operation.wait()
        transcript.end(flow, operation)

    async with anyio.create_task_group() as tasks:
        for flow in flows:
            tasks.start_soon(follow, flow)
        for number, flow in enumerate(flows, 1):
            view.heading(f"{number}. {flow.title}")
            async for text, style in transcript.lines(flow):
                view.line(text, style)


async def _sail(tracker: Tracker[HTTPResponse], fleet: Sequence[Work], run: Run, view: View) -> None:
    """Begin the whole fleet, a few at a time, and return when every operation has ended."""
    view.heading(f"{len(fleet):,} more, of all kinds, at the same time; some fail, some answers go wrong")
    works = iter(fleet)
    first = len(run.followed)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_watch, tracker, view, len(fleet))
        async with anyio.create_task_group() as beginners:
            for _ in range(BEGINS_AT_ONCE):
                beginners.start_soon(_begin, tracker, works, run)
        for _, operation in run.followed[first:]:
            await operation.wait()
        tasks.cancel_scope.cancel()


async def _begin(tracker: Tracker[HTTPResponse], works: Iterator[Work], run: Run) -> None:
    for work in works:
        try:
            operation = await tracker.begin(work.method, work.url, json={"location": "westeurope"})
        except AzpollError:
            run.refused += 1
        else:
            run.followed.append((work.fake, operation))


async def _watch(tracker: Tracker[HTTPResponse], view: View, total: int) -> None:
    before, began_s = tracker.statistics(), anyio.current_time()
    with view.fleet(total):
        try:
            while True:
                view.tick(tracker.statistics(), before, anyio.current_time() - began_s)
                await anyio.sleep(_TICK_S)
        finally:
            view.tick(tracker.statistics(), before, anyio.current_time() - began_s)
