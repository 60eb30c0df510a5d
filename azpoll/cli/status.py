"""`azpoll status`: read the state of one operation once."""

from __future__ import annotations

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
from azpoll.cli.access import access_from, add_access_arguments
from azpoll.cli.outcome import Outcome
from azpoll.cli.output import create_output

if TYPE_CHECKING:
    import argparse

    from azpoll import Event
    from azpoll.cli.access import Access

SUMMARY = "read the state of one operation once, and exit"

_SUCCESSES = range(200, 300)
_BY_STATUS: dict[int, type[PollingError]] = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: OperationNotFound,
    410: OperationNotFound,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll status`."""
    parser.add_argument("target", metavar="URL|TOKEN", help="polling URL or resume token")
    add_access_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read the operation and return the exit code.

    Raises:
        UsageError: an argument is invalid; nothing was sent.
    """
    output = create_output(arguments.output)
    outcome = anyio.run(_read, access_from(arguments, [arguments.target]))
    if outcome.ended or arguments.output == "text":
        output.ended(outcome)
    output.finished([outcome], outcome.exit_code)
    return outcome.exit_code


async def _read(access: Access) -> Outcome:
    """Poll once and immediately. A redirect is part of the same read."""
    target = access.targets[0].due_now()
    last: PollAnswered | None = None
    answered = anyio.Event()

    def on_event(event: Event) -> None:
        nonlocal last
        if isinstance(event, PollAnswered):
            last = event
        if isinstance(event, OperationEnded) or (isinstance(event, PollAnswered) and event.wait_s):
            answered.set()

    started_at_s = anyio.current_time()
    async with access.tracker() as tracker:
        tracker.subscribe(on_event)
        try:
            operation = access.track(tracker, target)
        except AzpollError as refusal:  # The origin is not trusted.
            return Outcome(target, OperationState.UNKNOWN, refusal)
        await answered.wait()
        known, elapsed_s = operation.snapshot(), anyio.current_time() - started_at_s
        if operation.done():
            return Outcome(target, operation.state, operation.exception(), known, elapsed_s)
        # The member that the user named decides with any HTTP status (rule 48).
        told = last is not None and last.status is not None and access.reading.status_member is not None
        error = None if last is None or told else _polling_error(last, needs_status=not target.polls_until_gone)
        return Outcome(target, OperationState.UNKNOWN if error else operation.state, error, known, elapsed_s)


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
