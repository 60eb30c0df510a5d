"""`azpoll wait`: wait for operations that another program started."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio

from azpoll.cli.access import access_from, add_access_arguments
from azpoll.cli.duration import parse_duration
from azpoll.cli.exit_codes import ExitCode
from azpoll.cli.output import create_output
from azpoll.cli.progress import create_progress
from azpoll.cli.terminal import discard_stdout
from azpoll.cli.waiter import Limits, Waiter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from azpoll.cli.outcome import Outcome

SUMMARY = "wait for operations given by polling URL or resume token"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll wait`."""
    parser.add_argument(
        "targets",
        nargs="+",
        metavar="URL|TOKEN|-",
        help="polling URL, resume token, or - to read one of either per line from standard input",
    )
    parser.add_argument(
        "--timeout", type=parse_duration, metavar="TIME", help="stop waiting after 90, 90s, 30m or 2h (default: never)"
    )
    parser.add_argument(
        "--interval",
        type=parse_duration,
        metavar="TIME",
        help="time between reads if the service sends no Retry-After (default: by recorded completion times)",
    )
    parser.add_argument("--any", action="store_true", help="stop when the first operation has ended, however it ended")
    parser.add_argument("--fail-fast", action="store_true", help="stop when the first operation ends without success")
    add_access_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Wait for the operations and return the exit code.

    Raises:
        UsageError: an argument is invalid; nothing was sent.
    """
    output = create_output(arguments.output)
    progress = create_progress(quiet=arguments.output == "none")
    limits = Limits(arguments.timeout, arguments.interval, any=arguments.any, fail_fast=arguments.fail_fast)
    waiter = Waiter(access_from(arguments, arguments.targets), limits, output, progress)
    try:
        anyio.run(waiter.run)
    except KeyboardInterrupt:
        waiter.interrupted = True
    if waiter.stdout_closed:
        discard_stdout()
        return ExitCode.BROKEN_PIPE
    if arguments.output in {"text", "none"}:
        _print_resume_tokens(waiter.outcomes)
    output.finished(waiter.outcomes, waiter.exit_code)
    return waiter.exit_code


def _print_resume_tokens(outcomes: Sequence[Outcome]) -> None:
    """Print the tokens of operations that may still run. Tokens may contain signed URLs, so others are not printed."""
    may_run = [outcome for outcome in outcomes if outcome.resume_token is not None]
    if not may_run:
        return
    count = "1 operation" if len(may_run) == 1 else f"{len(may_run)} operations"
    hosts = " ".join(f"--allow-host {origin}" for origin in sorted({outcome.target.origin for outcome in may_run}))
    print(f"azpoll wait: {count} may still run. Resume with: azpoll wait {hosts} TOKEN", file=sys.stderr)
    for outcome in may_run:
        print(f"{outcome.target.name}: {outcome.resume_token}", file=sys.stderr)
    sys.stderr.flush()
