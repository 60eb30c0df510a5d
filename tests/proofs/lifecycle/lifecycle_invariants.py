"""What must hold of a world: after each step, and in the end."""

from __future__ import annotations

import math
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

import azpoll
from tests.proofs.lifecycle.tracker_task import BUDGET
from tests.proofs.stack.random_operations import ORIGIN, verdict_of
from tests.proofs.stack.stack_invariants import History, broken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpoll.testing import RequestRecord
    from tests.proofs.lifecycle.lifecycle_program import Program
    from tests.proofs.lifecycle.operation_handles import Handle
    from tests.proofs.lifecycle.tracker_task import Room

WINDOWS_S = (1.0, 10.0, 60.0)


def broken_so_far(program: Program) -> list[str]:
    """Return a line for each invariant that does not hold, as far as it can be told at any time."""
    found = [
        f"I2 what is told is not so: {handle.work.path} is {truth_of(program, handle)}, but {handle.ending} was told"
        for handle in program.handles
        if handle.ending is not None and handle.ending != justified(program, handle)
    ]
    for name, check in (
        ("I4 a poll came early", program.world.arm.no_early_polls),
        ("I5 two requests at once", program.world.arm.one_request_at_a_time),
        ("I6 a request went elsewhere", lambda: program.world.arm.no_requests_elsewhere(ORIGIN)),
    ):
        try:
            check()
        except AssertionError as error:
            found.append(f"{name}: {error}")
    return found + [f"I5 two requests at once: {text}" for room in program.rooms for text in room.wire.doubled]


def broken_in_the_end(program: Program) -> list[str]:
    """Return a line for each invariant that does not hold, once all was let end and all trackers were left."""
    found = [
        f"I1 an operation was lost: {work.path}" for work in program.works if work.handles and work.verdict is None
    ]
    found += [
        f"I3 a callback was called {handle.calls} times: {handle.operation!r}"
        for handle in program.handles
        if handle.calls != 1
    ]
    found += [line for line in broken(history_of(program)) if not line.startswith("I8")]
    found += [f"I10 a tracker could not be left: {room.tracker.statistics()}" for room in program.stuck]
    for room in program.rooms:
        found += _beyond_the_budget(room)
        found += _in_spite_of_a_429(room)
    return [*found, *_after_the_end(program)]


def history_of(program: Program) -> History:
    """Return what happened, for the judge of the whole stack; an operation is counted once for each handle on it."""
    history = History(program.world.arm, math.inf, left=program.world.tasks)
    for handle in program.handles:
        stayed = [waiter for waiter in handle.waiters if not waiter.left]
        history.truth[handle.number] = justified(program, handle)
        history.waiters[handle.number] = len(stayed)
        history.told[handle.number] = [told for waiter in stayed for told in waiter.told]
    history.texts = [*program.texts, *(repr(event) for room in program.rooms for event in room.events)]
    history.texts += [repr(room.error) for room in program.rooms]
    return history


def truth_of(program: Program, handle: Handle) -> str:
    """Return how an operation has ended at the service."""
    fake = handle.work.fake
    assert fake is not None
    if not fake.ended_by(program.world.clocks.true_s()):
        return "running"
    return verdict_of(replace(fake.script, outcome=fake.outcome))


def justified(program: Program, handle: Handle) -> str:
    """Return what may be told of a handle that has ended: its own ending where that has a reason, else the truth."""
    reasons = {
        azpoll.TrackerClosed.__name__: handle.may_stop,
        azpoll.OperationTimeout.__name__: program.world.clocks.loop_s() >= handle.until_s,
        azpoll.AuthenticationFailed.__name__: handle.may_be_refused,
        azpoll.UntrustedPollingURL.__name__: handle.work.draft.foreign,
    }
    return handle.ending if handle.ending is not None and reasons.get(handle.ending) else truth_of(program, handle)


def _beyond_the_budget(room: Room) -> Iterator[str]:
    """Yield where a tracker read more of a subscription than its budget grants."""
    reads_s: dict[str, list[float]] = {}
    for read in room.wire.reads:
        reads_s.setdefault(read.subscription, []).append(read.at_s)
    for subscription, times_s in reads_s.items():
        for window_s in WINDOWS_S:
            most = BUDGET.burst + BUDGET.max_rate * window_s
            first = 0
            for last, at_s in enumerate(times_s):
                while at_s - times_s[first] >= window_s:
                    first += 1
                if last - first + 1 > most:
                    yield f"I7 more reads than the budget: {last - first + 1} of {subscription} in {window_s} s"
                    break


def _in_spite_of_a_429(room: Room) -> Iterator[str]:
    """Yield what was asked of a subscription while it was set aside."""
    for event in room.events:
        if not isinstance(event, azpoll.ScopeThrottled) or event.reach != "the subscription":
            continue
        until_s = event.at_s + (10.0 if event.retry_after_s is None else event.retry_after_s)
        for read in room.wire.reads:
            if event.at_s < read.at_s < until_s - 1e-6 and event.scope.endswith(f" {read.subscription}"):
                yield f"I4 a poll came early: at {read.at_s:.3f} s, in spite of {event!r}"


def _after_the_end(program: Program) -> Iterator[str]:
    """Yield requests after the end; whoever takes up an operation whose end was not told before may ask for it."""
    gets: dict[str, list[RequestRecord]] = {}
    for request in program.world.arm.requests:
        if request.method == "GET" and request.operation is not None:
            gets.setdefault(request.operation, []).append(request)
    for operation, asked in gets.items():
        fake = program.world.arm.operations[operation]
        left_s = _left_s(asked)
        since_s = max((left for get, left in left_s if get.at_s < (fake.told_end_at_s or 0.0)), default=0.0)
        anew = [handle for handle in program.handles if handle.work.fake is fake and handle.begun_s >= since_s]
        for late, left in left_s:
            if late.after_end and not any(handle.begun_s <= late.at_s and left <= handle.ended_s for handle in anew):
                yield f"I8 a request after the end: {late}"


def _left_s(asked: list[RequestRecord]) -> list[tuple[RequestRecord, float]]:
    """Return each request and when it left; one that an auth repeats after a 401 left as the first did."""
    left_s, status = 0.0, None
    found: list[tuple[RequestRecord, float]] = []
    for request in asked:
        left_s = left_s if status == HTTPStatus.UNAUTHORIZED else request.at_s
        status = request.status
        found.append((request, left_s))
    return found
