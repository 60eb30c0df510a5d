"""The `azpoll` command and its subcommands `demo`, `wait` and `status` (docs/cli.md).

A command `foo` is one module, `foo.py`, or one package, `foo/`, with `SUMMARY`, `add_arguments` and `run`. To add a
command, write that module and add one row to `COMMANDS`. The protocol `Command` describes the three names.

The other modules are shared:

    access          arguments, credential and trusted origins of a command that reads operations
    targets         the operations named on the command line: polling URLs and resume tokens
    status_options  how a status is read: its pattern, its member and its words
    pattern_guess   the polling pattern of a URL that is given without one
    origins         origins of URLs and of the options that list hosts
    waiter          waits for several operations
    outcome         the result for one operation, as text and as JSON
    output          standard output: text, json, jsonl or none
    progress        standard error: a live view or lines
    terminal        standard streams: is rich usable, is the pipe broken
    duration        durations as text
    exit_codes      exit codes and the error for an invalid command line
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Protocol

import azpoll
from azpoll.cli import demo, status, wait
from azpoll.cli.exit_codes import EPILOG, ExitCode, UsageError
from azpoll.cli.terminal import discard_stdout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
            UsageError: the arguments are invalid; nothing was sent.
        """
        ...


COMMANDS: Mapping[str, Command] = {"demo": demo, "wait": wait, "status": status}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the words after `azpoll`; None for the arguments of this process.
    """
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:  # argparse has printed the help or the error
        return stop.code if isinstance(stop.code, int) else ExitCode.SUCCEEDED
    try:
        return COMMANDS[arguments.command].run(arguments)
    except UsageError as error:
        print(f"azpoll {arguments.command}: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        discard_stdout()
        return ExitCode.BROKEN_PIPE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="azpoll",
        description="Track Azure's long-running operations.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"azpoll {azpoll.__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=command.SUMMARY,
            description=f"{command.SUMMARY[0].upper()}{command.SUMMARY[1:]}.",
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
    return parser
