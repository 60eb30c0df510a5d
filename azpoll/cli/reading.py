"""`azpoll status`: read once where an operation is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from azpoll.cli import access
from azpoll.cli.command import Command
from azpoll.cli.outcome import Outcome
from azpoll.cli.output import output_of
from azpoll.errors import (
    AuthenticationFailed,
    AzpollError,
    MalformedAnswer,
    OperationNotFound,
    PermissionDenied,
    PollingError,
)
from azpoll.events import OperationEnded, PollAnswered
from azpoll.snapshot import OperationState
from azpoll.tracker import Tracker

if TYPE_CHECKING:
    import argparse

    from azpoll.cli.access import Access
    from azpoll.events import Event

_ACCEPTED = 202
_SUCCESSES = range(200, 300)
_BY_STATUS: dict[int, type[PollingError]] = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: OperationNotFound,
    410: OperationNotFound,
}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="URL|TOKEN", help="a polling URL or a resume token")
    access.add_arguments(parser)


def _run(arguments: argparse.Namespace) -> int:
    output = output_of(arguments.output)
    outcome = anyio.run(_read, access.access_of(arguments, [arguments.target]))
    if outcome.ended or arguments.output == "text":
        output.ended(outcome)
    output.finished([outcome], outcome.code)
    return outcome.code


async def _read(reach: Access) -> Outcome:
    """Ask once, at once; redirects and the like belong to the same reading."""
    target = reach.targets[0].at_once()
    last: PollAnswered | None = None
    answered = anyio.Event()

    def hear(event: Event) -> None:
        nonlocal last
        if isinstance(event, PollAnswered):
            last = event
        if isinstance(event, OperationEnded) or (isinstance(event, PollAnswered) and event.wait_s):
            answered.set()

    began_s = anyio.current_time()
    async with reach.client() as client, Tracker(client, allowed_origins=reach.trusted(), on_exit="stop") as tracker:
        tracker.subscribe(hear)
        try:
            operation = reach.resume(tracker, target)
        except AzpollError as refusal:
            return Outcome(target, OperationState.UNKNOWN, refusal)
        await answered.wait()
        known, elapsed_s = operation.snapshot(), anyio.current_time() - began_s
        if operation.done():
            return Outcome(target, operation.state, operation.exception(), known, elapsed_s)
        error = None if last is None else _unread(last, until_gone=target.token.pattern == "until-gone")
        return Outcome(target, OperationState.UNKNOWN if error else operation.state, error, known, elapsed_s)


def _unread(event: PollAnswered, *, until_gone: bool) -> AzpollError | None:
    """Return why one answer told nothing of an operation that goes on being asked; None if it told that it runs."""
    code = event.status_code
    if code is None:
        return PollingError("there was no answer that could be read")
    if code not in _SUCCESSES:
        return _BY_STATUS.get(code, PollingError)(f"HTTP {code}")
    if event.status is None and code != _ACCEPTED and not until_gone:
        return MalformedAnswer(f"HTTP {code}, and no status in it; see --pattern")
    return None


COMMAND = Command("status", "read once where an operation is, and exit", _add_arguments, _run)
