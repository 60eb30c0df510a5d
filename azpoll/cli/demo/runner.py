"""Runs the demo through the public API of azpoll: the three flows first, then the workload."""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from azpoll import AzpollError, Budget, OperationEnded, PollAnswered, Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from azpoll import AsyncOperation, Event
    from azpoll.cli.demo.client import Client, Response
    from azpoll.cli.demo.flows import Flow, Transcript
    from azpoll.cli.demo.view import View
    from azpoll.cli.demo.workload import PlannedOperation
    from azpoll.testing import FakeOperation

CONCURRENT_INITIAL_REQUESTS = 8
"""More connections make httpx slower, not faster."""

_UPDATE_INTERVAL_S = 0.25
_MIN_TIMEOUT_S, _MIN_OPERATIONS_PER_S = 60.0, 20.0


@dataclass(slots=True)
class Run:
    """The record of a run, for the report.

    Attributes:
        operations: each started operation, in the fake service and in azpoll.
        not_started: number of initial requests that failed.
        ended_at_s: operation id to the time when azpoll detected the end, on the clock of the fake.
        lateness_s: for each read, the time from its due time until it was sent.
        polls: number of reads.
        cpu_s: CPU time of the thread that ran azpoll.
        wall_s: time from the first request to the last end.
    """

    operations: list[tuple[FakeOperation, AsyncOperation[Response]]] = field(
        default_factory=list["tuple[FakeOperation, AsyncOperation[Response]]"]
    )
    not_started: int = 0
    ended_at_s: dict[str, float] = field(default_factory=dict[str, float])
    lateness_s: array[float] = field(default_factory=lambda: array("d"))
    polls: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0

    def on_event(self, event: Event) -> None:
        """Record an event of the tracker."""
        match event:
            case OperationEnded():
                self.ended_at_s[event.operation_id] = event.at_s
            case PollAnswered():
                self.lateness_s.append(event.lateness_s)
            case _:
                pass


async def run_demo(
    client: Client, flows: Sequence[Flow], transcript: Transcript, workload: Sequence[PlannedOperation], view: View
) -> Run:
    """Start and await all operations, and return the record of the run."""
    run = Run()
    started_at_s, cpu_before_s = time.monotonic(), time.thread_time()
    # With a timeout, a mistake of azpoll is reported instead of waited for.
    timeout_s = _MIN_TIMEOUT_S + len(workload) / _MIN_OPERATIONS_PER_S
    budget = Budget(write_rate=None)  # The fake limits reads only.
    tracker: Tracker[Response] = Tracker(client, budget=budget, timeout=timeout_s, on_exit="stop")
    async with tracker:
        tracker.subscribe(run.on_event)
        await _run_flows(tracker, flows, transcript, run, view)
        if workload:
            await _run_workload(tracker, workload, run, view)
        run.polls = tracker.statistics().polls
    run.cpu_s, run.wall_s = time.thread_time() - cpu_before_s, time.monotonic() - started_at_s
    return run


async def _run_flows(
    tracker: Tracker[Response], flows: Sequence[Flow], transcript: Transcript, run: Run, view: View
) -> None:
    """Run the flows concurrently, and show their transcripts one after the other."""

    async def follow(flow: Flow) -> None:
        transcript.start(flow)
        operation = await tracker.begin(flow.method, flow.url, json=flow.body, label=flow.title)
        run.operations.append((flow.fake, operation))
        await operation.wait()
        transcript.end(flow, operation)

    async with anyio.create_task_group() as tasks:
        for flow in flows:
            tasks.start_soon(follow, flow)
        for number, flow in enumerate(flows, 1):
            view.heading(f"{number}. {flow.title}")
            async for text, style in transcript.lines(flow):
                view.line(text, style)


async def _run_workload(tracker: Tracker[Response], workload: Sequence[PlannedOperation], run: Run, view: View) -> None:
    """Start the workload with a few concurrent requests, and wait until every operation has ended."""
    view.heading(f"{len(workload):,} more operations, with failures, cancellations and faulty answers")
    planned = iter(workload)
    first = len(run.operations)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_show_progress, tracker, view, len(workload))
        async with anyio.create_task_group() as starters:
            for _ in range(CONCURRENT_INITIAL_REQUESTS):
                starters.start_soon(_start_operations, tracker, planned, run)
        for _, operation in run.operations[first:]:
            await operation.wait()
        tasks.cancel_scope.cancel()


async def _start_operations(tracker: Tracker[Response], planned: Iterator[PlannedOperation], run: Run) -> None:
    for plan in planned:
        try:
            operation = await tracker.begin(plan.method, plan.url, json={"location": "westeurope"})
        except AzpollError:
            run.not_started += 1
        else:
            run.operations.append((plan.fake, operation))


async def _show_progress(tracker: Tracker[Response], view: View, total: int) -> None:
    before, started_at_s = tracker.statistics(), anyio.current_time()
    with view.progress(total):
        try:
            while True:
                view.update(tracker.statistics(), before, anyio.current_time() - started_at_s)
                await anyio.sleep(_UPDATE_INTERVAL_S)
        finally:
            view.update(tracker.statistics(), before, anyio.current_time() - started_at_s)
