"""`azpoll watch`: a live table of a journal or of a fleet, and the table that `azpoll.watch` draws.

The modules:

    view                   the values that are shown, whatever their source
    journal_source         a journal
    fleet_source           a fleet
    stored_rows            rows of both
    tracker_source         a tracker of the same process
    text_table, rendering  the lines, for a width and a height
    drawing                a terminal, which is drawn again and again
"""

from __future__ import annotations

import json
import sys
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import anyio

from azpoll.cli.command_line import whole_number
from azpoll.cli.exit_codes import ExitCode, UsageError
from azpoll.cli.fleet_database import add_dsn_argument, check_one_source, connected_fleet, dsn_from
from azpoll.cli.journal_file import add_journal_argument, opened_journal
from azpoll.cli.signals import stop_signals
from azpoll.cli.terminal import rich_console, write_line
from azpoll.cli.watch import fleet_source
from azpoll.cli.watch.drawing import INTERVAL_S, ROWS, Screen, draw_until_ended, text_of
from azpoll.cli.watch.fleet_source import FleetSource
from azpoll.cli.watch.journal_source import JournalSource

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from rich.console import Console

    from azpoll.cli.watch.drawing import Source

SUMMARY = "show a live table of a journal or of a fleet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll watch`."""
    add_journal_argument(parser, required=False)
    add_dsn_argument(parser)
    parser.add_argument("--once", action="store_true", help="print the table once; the default without a terminal")
    parser.add_argument("--json", action="store_true", help="print the state once, as JSON lines")
    parser.add_argument(
        "--rows",
        type=whole_number,
        default=ROWS,
        metavar="N",
        help=f"operations that --once and --json show (default: {ROWS})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Show the table and return the exit code: 0, or that of a signal.

    Raises:
        CommandError: the journal or the fleet cannot be read, or the output cannot be written.
    """
    check_one_source(arguments)
    once = arguments.once or arguments.json or not sys.stdout.isatty()
    if not once and find_spec("rich") is None:
        raise UsageError("a live table needs rich: python -m pip install 'azpoll[cli]'; --once prints the table once")
    console = None if once else rich_console(sys.stdout)
    return anyio.run(_watch, arguments, console)


async def _watch(arguments: argparse.Namespace, console: Console | None) -> ExitCode:
    async with _opened(arguments) as source:
        if console is None:
            await _print_once(source, arguments.rows, as_json=arguments.json)
            return ExitCode.SUCCEEDED
        interval_s = fleet_source.INTERVAL_S if arguments.journal is None else INTERVAL_S
        return await _draw(source, Screen(console, sys.stdout, whole=True), interval_s)


@asynccontextmanager
async def _opened(arguments: argparse.Namespace) -> AsyncGenerator[Source]:
    journal: Path | None = arguments.journal
    if journal is None:
        async with connected_fleet(dsn_from(arguments), listen=False) as fleet:
            yield FleetSource(fleet)
    else:
        with opened_journal(journal) as reader:
            yield JournalSource(reader, journal)


async def _print_once(source: Source, rows: int, *, as_json: bool) -> None:
    view = await source.read(max(rows, 1))
    if not as_json:
        write_line(text_of(view, sys.stdout))
        return
    for event in view.as_json():
        write_line(json.dumps(event))


async def _draw(source: Source, screen: Screen, interval_s: float) -> ExitCode:
    """Draw until a signal, and return its exit code."""
    code = ExitCode.SUCCEEDED
    with anyio.CancelScope() as scope:

        def stop(of_signal: ExitCode) -> None:
            nonlocal code
            code = of_signal
            scope.cancel()

        async with stop_signals(stop):
            await draw_until_ended(source, screen, interval_s)
    return code
