"""The `azpoll` command: `demo`, `wait` and `status`. See docs/cli.md."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import azpoll
from azpoll.cli import demo, reading, waiting
from azpoll.cli.command import UsageError
from azpoll.cli.exit_codes import EPILOG, ExitCode
from azpoll.cli.output import abandon_stdout

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

COMMANDS = (demo.COMMAND, waiting.COMMAND, reading.COMMAND)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the words after `azpoll`; None for those this process was started with.
    """
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:  # argparse has printed help or the mistake
        return stop.code if isinstance(stop.code, int) else ExitCode.SUCCEEDED
    try:
        return int(arguments.run(arguments))
    except UsageError as error:
        print(f"azpoll {arguments.command}: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # whoever read the output has gone
        abandon_stdout()
        return ExitCode.BROKEN_PIPE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="azpoll",
        description="Track Azure's long-running operations.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"azpoll {azpoll.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        subparser = commands.add_parser(
            command.name,
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser
