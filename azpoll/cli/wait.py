"""`azpoll wait`: wait for operations that another program started."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio

from azpoll.cli.access import access_from, add_access_arguments
from azpoll.cli.duration import parse_duration
from azpoll.cli.exit_codes import ExitCode, OutputError, UsageError
from azpoll.cli.journal_file import add_journal_argument, check_exists, ids_of
from azpoll.cli.journal_waiter import JournalWaiter, wait_for_journal
from azpoll.cli.layout import columns, wrapped
from azpoll.cli.output import create_output
from azpoll.cli.progress import create_progress
from azpoll.cli.terminal import is_closed, write_error_line
from azpoll.cli.waiter import Limits, Waiter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from azpoll.cli.outcome import Outcome
    from azpoll.cli.output import Output
    from azpoll.cli.progress import Progress

SUMMARY = "wait for operations given by polling URL, resume token, or id in a journal"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll wait`."""
    parser.add_argument(
        "targets",
        nargs="+",
        metavar="URL|TOKEN|-|ID",
        help="polling URL, resume token, or - to read one of either per line from standard input,"
        " alone or after a name and a colon; with --journal, the id of an operation",
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
    add_journal_argument(parser, required=False)
    parser.add_argument("--any", action="store_true", help="stop when the first operation has ended, however it ended")
    parser.add_argument("--fail-fast", action="store_true", help="stop when the first operation ends without success")
    add_access_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Wait for the operations and return the exit code.

    Raises:
        CommandError: the command could not go on, for a reason that is no operation's.
    """
    output = create_output(arguments.output)
    progress = create_progress(quiet=arguments.output == "none")
    limits = Limits(arguments.timeout, arguments.interval, any=arguments.any, fail_fast=arguments.fail_fast)
    if arguments.journal is not None:
        return wait_for_journal(_waiter_of_journal(arguments, limits, output, progress), output, arguments.output)
    waiter = Waiter(access_from(arguments, arguments.targets), limits, output, progress)
    try:
        _wait(waiter)
        output.finished(waiter.outcomes, waiter.exit_code)
    except BaseException:
        _write_resume_tokens(waiter.outcomes)  # Standard output may not have them.
        raise
    has_tokens = arguments.output in {"json", "jsonl"} and not is_closed(sys.stdout)
    if not has_tokens and not _write_resume_tokens(waiter.outcomes):
        raise OutputError("the resume tokens cannot be written to standard error")
    return waiter.exit_code


def _waiter_of_journal(
    arguments: argparse.Namespace, limits: Limits, output: Output, progress: Progress
) -> JournalWaiter:
    if arguments.pattern or arguments.status_member or arguments.terminal_word:
        raise UsageError("--pattern, --status-member and --terminal-word are for URLs and tokens: the journal has them")
    ids = ids_of(arguments.targets)
    check_exists(arguments.journal)
    return JournalWaiter(access_from(arguments, None), arguments.journal, ids, limits, output=output, progress=progress)


def _wait(waiter: Waiter) -> None:
    try:
        anyio.run(waiter.run)
    except KeyboardInterrupt:
        waiter.stop(ExitCode.INTERRUPTED)
    if waiter.output_error is not None:
        raise waiter.output_error


def _write_resume_tokens(outcomes: Sequence[Outcome]) -> bool:
    """Write the tokens of operations that may still run; False if they cannot be written.

    Tokens may contain signed URLs, so those of other operations are not written. `azpoll wait -` reads the lines.
    """
    may_run = [outcome for outcome in outcomes if outcome.resume_token is not None]
    if not may_run:
        return True
    count = "1 operation" if len(may_run) == 1 else f"{len(may_run)} operations"
    hosts = " ".join(f"--allow-host {origin}" for origin in sorted({outcome.target.origin for outcome in may_run}))
    advice = (f"# {count} may still run. Resume with:", f"# azpoll wait {hosts} TOKEN")
    lines = [wrapped(line, columns(sys.stderr), "#   ") for line in advice]
    lines += (f"{outcome.target.name}: {outcome.resume_token}" for outcome in may_run)
    return write_error_line("\n".join(lines))
