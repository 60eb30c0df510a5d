"""`azpoll run`: track the operations of a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.cli.access import access_from, add_connection_arguments
from azpoll.cli.exit_codes import UsageError
from azpoll.cli.journal_file import add_journal_argument, check_exists
from azpoll.cli.journal_waiter import JournalWaiter, wait_for_journal
from azpoll.cli.output import create_output
from azpoll.cli.progress import create_progress
from azpoll.cli.waiter import Limits

if TYPE_CHECKING:
    import argparse

SUMMARY = "track the operations of a journal until all have ended"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll run`."""
    add_journal_argument(parser)
    parser.add_argument(
        "--forever",
        action="store_true",
        help="as a service: go on when no operation is open, and create the journal if there is none",
    )
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Track the operations and return the exit code.

    Raises:
        CommandError: the command could not go on, for a reason that is no operation's.
    """
    if arguments.forever and arguments.output == "json":
        raise UsageError("--forever has no end at which one JSON document could be printed: use --output jsonl")
    path = arguments.journal
    if not arguments.forever:
        check_exists(path)
    output = create_output(arguments.output)
    waiter = JournalWaiter(
        access_from(arguments, None),
        path,
        None,
        Limits(None, None, any=False, fail_fast=False),
        output=output,
        progress=create_progress(quiet=arguments.output == "none"),
        forever=arguments.forever,
        keep=arguments.output == "json",
    )
    return wait_for_journal(waiter, output, arguments.output)
