"""The `azpoll` command and its subcommands: one module or package for each row of `COMMANDS` (docs/cli.md).

A command `foo` is one module, `foo.py`, or one package, `foo/`, with `SUMMARY`, `add_arguments` and `run`. `list` is
`listing.py`, since `list` is a type. To add a command, write that module and add one row to `COMMANDS`. The protocol
`Command` describes the three names.

The other modules are shared:

    access          arguments, credential and trusted origins of a command that reads operations
    credential      the credential: a bearer token of the environment, or a sign-in
    words           the URLs and tokens that are given, as arguments or as lines of standard input
    targets         the operations that they name
    status_options  how a status is read: its pattern, its member and its words
    pattern_guess   the polling pattern of a URL that is given without one
    origins         origins of URLs and of the options that list hosts
    waiter          waits for several operations
    journal_file    the file of a journal, ids of its operations, and its errors
    journal_waiter  tracks a journal, or reads it while another process owns it
    journal_tracking  tracks the open operations of a journal that the command owns
    stored          an operation of a journal, as text and as JSON
    requests        cancel and forget requests to the owner of a journal
    fleet_database  the database of a fleet, and its errors
    outcome         the result for one operation, as text and as JSON
    output          standard output: text, json, jsonl or none
    progress        standard error: a live view or lines
    terminal        standard streams: encoding, broken pipes, and whether rich is usable
    layout          lines that fit the width of a terminal
    client          the HTTP client, which uses no proxy for loopback
    signals         the signals that end the wait
    duration        durations of the command line
    log_lines       the log of azpoll on standard error
    command_line    the parser, whose messages repeat no argument
    exit_codes      exit codes and the errors of a command
"""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import azpoll
from azpoll.cli import begin, cancel, demo, fleet, forget, listing, report, run, show, status, wait, watch, worker
from azpoll.cli.command_line import Parser, command_of, parse, parser_options
from azpoll.cli.exit_codes import EPILOG, BrokenOutputPipe, ExitCode, command_error_of
from azpoll.cli.terminal import discard_unwritable_streams, flush_output, usable_streams, write_error_line

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

__all__ = ["main"]


class Command(Protocol):
    """A module that implements one subcommand."""

    @property
    def SUMMARY(self) -> str:  # noqa: N802 - a constant of the module
        """One line for `azpoll --help`, in lower case and without a full stop."""
        ...

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments to its parser."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Run the command and return its exit code.

        Raises:
            CommandError: the command could not go on, for a reason that is no operation's.
        """
        ...


COMMANDS: Mapping[str, Command] = {
    "demo": demo,
    "wait": wait,
    "status": status,
    "begin": begin,
    "run": run,
    "list": listing,
    "show": show,
    "watch": watch,
    "report": report,
    "cancel": cancel,
    "forget": forget,
    "worker": worker,
    "fleet": fleet,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the words after `azpoll`; None for the arguments of this process.
    """
    with usable_streams(), _silent_logger():
        code = _run(list(sys.argv[1:] if argv is None else argv))
        discard_unwritable_streams()
        return code


def _run(words: list[str]) -> int:
    prefix = "azpoll"
    try:
        name = command_of(words, tuple(COMMANDS))
        prefix = f"azpoll {name}" if name else prefix
        code = _run_command(name, words)
        flush_output()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - else Python exits with 1, as for a failed operation
        failure = command_error_of(error)
        if not isinstance(failure, BrokenOutputPipe):
            write_error_line(f"{prefix}: {failure}")
        return failure.code
    return code


def _run_command(name: str | None, words: list[str]) -> int:
    parser, parsers = _parsers()
    try:
        arguments = parse(parser, parsers.get(name or "", parser), words)
    except SystemExit:  # argparse has printed the help or the version.
        return ExitCode.SUCCEEDED
    return COMMANDS[arguments.command].run(arguments)


@contextmanager
def _silent_logger() -> Generator[None]:
    """Keep the lines of azpoll, azure-identity and asyncpg from standard error, which shows the progress instead."""
    loggers, handler = [logging.getLogger(name) for name in ("azpoll", "azure", "asyncpg")], logging.NullHandler()
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def _parsers() -> tuple[Parser, Mapping[str, Parser]]:
    """Return the parser of the whole command line, and those of its commands."""
    parser = Parser(
        "azpoll",
        description="Track Azure's long-running operations.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        exit_on_error=False,
    )
    parser.add_argument("--version", action="version", version=f"azpoll {azpoll.__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    parsers: dict[str, Parser] = {}
    for name, command in COMMANDS.items():
        parsers[name] = subparsers.add_parser(name, **parser_options(command.SUMMARY))
        command.add_arguments(parsers[name])
    return parser, parsers
