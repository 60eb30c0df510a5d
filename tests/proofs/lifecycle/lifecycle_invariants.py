"""Checks the invariants after each step and at the end of a run."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import azpoll
from tests.proofs.lifecycle.tracker_holder import BUDGET
from tests.proofs.stack.random_operations import ORIGIN, end_of
from tests.proofs.stack.stack_invariants import History, violations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proofs.lifecycle.lifecycle_program import Program
    from tests.proofs.lifecycle.operation_handles import Handle
    from tests.proofs.lifecycle.tracker_holder import TrackerHolder

WINDOWS_S = (1.0, 10.0, 60.0)


def step_violations(program: Program) -> list[str]:
    """Return one line for each broken invariant that can be checked at any time."""
    found = [
        f"I2 a wrong end: {handle.remote.path} is {service_end(program, handle)}, its handle {handle.ending}"
        for handle in program.handles
        if handle.ending is not None and handle.ending != valid_end(program, handle)
    ]
    arm = program.environment.arm  # judges the requests of each handle by themselves
    for name, check in (
        ("I4 a poll came early", arm.no_early_polls),
        ("I5 two concurrent requests", arm.one_request_at_a_time),
        ("I6 a request to another origin", lambda: arm.no_requests_elsewhere(ORIGIN)),
    ):
        try:
            check()
        except AssertionError as error:
            found.append(f"{name}: {error}")
    for holder in program.holders:
        found += [f"I5 two concurrent requests: {text}" for text in holder.transport.overlapping]
        found += [f"I8 a request after the end of its handle: {text}" for text in holder.transport.late]
    # So no request of a handle overlaps those of a handle that is resumed after its end.
    found += [
        f"I5 a request in flight when its handle {handle.name} ended"
        for handle in program.handles
        if handle.in_flight_at_end
    ]
    return found


def final_violations(program: Program) -> list[str]:
    """Return one line for each broken invariant after every operation has ended and every tracker has closed."""
    found = [
        f"I1 an operation was lost: {remote.path}"
        for remote in program.remotes
        if remote.handles and remote.verdict is None
    ]
    found += [f"I1 an end was lost: {handle.name}" for handle in program.lost]
    found += [
        f"I3 a callback was called {handle.calls} times: {handle.operation!r}"
        for handle in program.handles
        if handle.calls != 1
    ]
    found += violations(history_of(program))
    found += [f"I10 a tracker did not close: {holder.tracker.statistics()}" for holder in program.stuck]
    for holder in program.holders:
        found += _budget_violations(holder)
        found += _throttling_violations(holder)
    return found


def history_of(program: Program) -> History:
    """Return the history for the checks of the whole stack; each handle counts as one operation."""
    history = History(program.environment.arm, math.inf, leaked_tasks=program.environment.tasks)
    for handle in program.handles:
        stayed = [waiter for waiter in handle.waiters if not waiter.cancelled]
        history.expected[handle.number] = valid_end(program, handle)
        history.waiters[handle.number] = len(stayed)
        history.ends[handle.number] = [end for waiter in stayed for end in waiter.ends]
    history.texts = [*program.texts, *(repr(event) for holder in program.holders for event in holder.events)]
    history.texts += [repr(holder.error) for holder in program.holders]
    return history


def service_end(program: Program, handle: Handle) -> str:
    """Return the end of an operation at the service."""
    fake = handle.remote.fake
    assert fake is not None
    if not fake.ended_by(program.environment.clocks.true_s()):
        return "running"
    return end_of(replace(fake.script, outcome=fake.outcome))


def valid_end(program: Program, handle: Handle) -> str:
    """Return the valid end of a handle: its own end if that has a reason, else the end at the service."""
    reasons = {
        azpoll.TrackerClosed.__name__: handle.may_stop,
        azpoll.OperationTimeout.__name__: program.environment.clocks.loop_s() >= handle.until_s,
        azpoll.AuthenticationFailed.__name__: handle.may_be_refused,
        azpoll.UntrustedPollingURL.__name__: handle.remote.draft.foreign,
    }
    return handle.ending if handle.ending is not None and reasons.get(handle.ending) else service_end(program, handle)


def _budget_violations(holder: TrackerHolder) -> Iterator[str]:
    """Yield each excess of a tracker over its read budget for a subscription."""
    reads_s: dict[str, list[float]] = {}
    for read in holder.transport.reads:
        reads_s.setdefault(read.subscription, []).append(read.at_s)
    for subscription, times_s in reads_s.items():
        for window_s in WINDOWS_S:
            most = BUDGET.burst + BUDGET.max_rate * window_s
            first = 0
            for last, at_s in enumerate(times_s):
                while at_s - times_s[first] >= window_s:
                    first += 1
                if last - first + 1 > most:
                    yield f"I7 more reads than the budget: {last - first + 1} for {subscription} in {window_s} s"
                    break


def _throttling_violations(holder: TrackerHolder) -> Iterator[str]:
    """Yield each read of a subscription while a 429 delayed it."""
    for event in holder.events:
        if not isinstance(event, azpoll.ScopeThrottled) or event.reach != "the subscription":
            continue
        until_s = event.at_s + (10.0 if event.retry_after_s is None else event.retry_after_s)
        for read in holder.transport.reads:
            if event.at_s < read.at_s < until_s - 1e-6 and event.scope.endswith(f" {read.subscription}"):
                yield f"I4 a poll came early: at {read.at_s:.3f} s, despite {event!r}"
