"""`azpoll status`: read the state of operations once."""

from __future__ import annotations

from collections import defaultdict
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio

from azpoll import (
    AuthenticationFailed,
    AzpollError,
    MalformedAnswer,
    OperationEnded,
    OperationNotFound,
    OperationState,
    PermissionDenied,
    PollAnswered,
    PollingError,
)
from azpoll.cli.access import access_from, add_access_arguments, add_targets_argument
from azpoll.cli.exit_codes import worst
from azpoll.cli.outcome import Outcome
from azpoll.cli.output import create_output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    import httpx

    from azpoll import Event, Tracker
    from azpoll.cli.access import Access
    from azpoll.cli.targets import Target

SUMMARY = "read the state of operations once, and exit"

_SUCCESSES = range(200, 300)
_BY_STATUS: dict[int, type[PollingError]] = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: OperationNotFound,
    410: OperationNotFound,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll status`."""
    add_targets_argument(parser)
    add_access_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read the operations and return the exit code.

    Raises:
        CommandError: the command could not go on, for a reason that is no operation's.
    """
    output = create_output(arguments.output)

    def show(outcome: Outcome) -> None:
        if outcome.ended or arguments.output == "text":
            output.ended(outcome)

    outcomes = anyio.run(_read_all, access_from(arguments, arguments.targets), show)
    code = worst(outcome.exit_code for outcome in outcomes)
    output.finished(outcomes, code)
    return code


async def _read_all(access: Access, show: Callable[[Outcome], None]) -> list[Outcome]:
    """Read all operations concurrently, show each when it was read, and return them in the given order."""
    outcomes: dict[int, Outcome] = {}
    async with access.tracker() as tracker:
        reads = _Reads()
        tracker.subscribe(reads.on_event)

        async def read(target: Target) -> None:
            outcome = outcomes[target.number] = await _read(access, tracker, target.due_now(), reads)
            show(outcome)

        async with anyio.create_task_group() as tasks:
            for target in access.targets:
                tasks.start_soon(read, target)
    return [outcomes[target.number] for target in access.targets]


class _Reads:
    """The last answer of each operation, by operation id, and whether its read is complete."""

    def __init__(self) -> None:
        self.last: dict[str, PollAnswered] = {}
        self.complete = defaultdict[str, anyio.Event](anyio.Event)

    def on_event(self, event: Event) -> None:
        """Record an event of the tracker. An answer that is followed by a wait completes the read."""
        if isinstance(event, PollAnswered):
            self.last[event.operation_id] = event
        if isinstance(event, OperationEnded) or (isinstance(event, PollAnswered) and event.wait_s):
            self.complete[event.operation_id].set()


async def _read(access: Access, tracker: Tracker[httpx.Response], target: Target, reads: _Reads) -> Outcome:
    """Poll once and immediately. A redirect is part of the same read."""
    started_at_s = anyio.current_time()
    try:
        operation = access.track(tracker, target)
    except AzpollError as refusal:  # The origin is not trusted.
        return Outcome(target, OperationState.UNKNOWN, refusal)
    await reads.complete[operation.id].wait()
    known, elapsed_s, last = operation.snapshot(), anyio.current_time() - started_at_s, reads.last.get(operation.id)
    if operation.done():
        return Outcome(target, operation.state, operation.exception(), known, elapsed_s)
    operation.stop_tracking()  # Other reads may take longer than the wait until the next poll.
    # The member that the user named decides with any HTTP status (rule 48).
    is_read = last is not None and last.status is not None and access.reading.status_member is not None
    error = None if last is None or is_read else _polling_error(last, needs_status=not target.polls_until_gone)
    return Outcome(target, OperationState.UNKNOWN if error else known.state, error, known, elapsed_s)


def _polling_error(event: PollAnswered, *, needs_status: bool) -> AzpollError | None:
    """Return the error of a poll that azpoll would retry; None if the answer shows that the operation runs.

    Args:
        event: the answer to the poll.
        needs_status: whether its body needs a status; not if a resource is polled until it is not found.
    """
    code = event.status_code
    if code is None:
        return PollingError(event.reason or "no answer came")
    if code not in _SUCCESSES:
        return _BY_STATUS.get(code, PollingError)(event.reason or f"HTTP {code}")
    if event.reason is not None:
        return MalformedAnswer(f"HTTP {code}, {event.reason}; see --pattern")
    if event.status is None and code != HTTPStatus.ACCEPTED and needs_status:
        return MalformedAnswer(f"HTTP {code} without a status; see --pattern")
    return None
