"""`azpoll wait`: wait for operations that something else began."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio

from azpoll.cli import access
from azpoll.cli.command import Command
from azpoll.cli.duration import seconds
from azpoll.cli.exit_codes import ExitCode
from azpoll.cli.output import abandon_stdout, output_of
from azpoll.cli.progress import progress_of
from azpoll.cli.watching import Limits, Watching

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from azpoll.cli.outcome import Outcome


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "targets",
        nargs="+",
        metavar="URL|TOKEN|-",
        help="a polling URL, a resume token, or - to read one of either per line from standard input",
    )
    parser.add_argument("--timeout", type=seconds, metavar="TIME", help="give up after 90, 90s, 30m or 2h")
    parser.add_argument(
        "--interval", type=seconds, metavar="TIME", help="between reads where the service names no Retry-After"
    )
    parser.add_argument("--any", action="store_true", help="stop when the first has ended, in whatever way")
    parser.add_argument("--fail-fast", action="store_true", help="stop when the first has ended without success")
    access.add_arguments(parser)


def _run(arguments: argparse.Namespace) -> int:
    output = output_of(arguments.output)
    limits = Limits(arguments.timeout, arguments.interval, any=arguments.any, fail_fast=arguments.fail_fast)
    progress = progress_of(quiet=arguments.output == "none")
    watching = Watching(access.access_of(arguments, arguments.targets), limits, output, progress)
    try:
        anyio.run(watching.run)
    except KeyboardInterrupt:
        watching.interrupted = True
    if watching.stdout_gone:
        abandon_stdout()
        return ExitCode.BROKEN_PIPE
    if arguments.output in {"text", "none"}:
        _tell_tokens(watching.outcomes)
    output.finished(watching.outcomes, watching.code)
    return watching.code


def _tell_tokens(outcomes: Sequence[Outcome]) -> None:
    """Print how to take up what may still run. Tokens may hold signed URLs: they are printed only when needed."""
    may_run = [outcome for outcome in outcomes if outcome.resume_token is not None]
    if not may_run:
        return
    count = "1 operation" if len(may_run) == 1 else f"{len(may_run)} operations"
    hosts = " ".join(f"--allow-host {origin}" for origin in sorted({str(outcome.target.origin) for outcome in may_run}))
    print(f"azpoll wait: {count} may still run. Take up again with: azpoll wait {hosts} TOKEN", file=sys.stderr)
    for outcome in may_run:
        print(f"{outcome.target.name}: {outcome.resume_token}", file=sys.stderr)
    sys.stderr.flush()


COMMAND = Command("wait", "wait for operations given by polling URL or resume token", _add_arguments, _run)
