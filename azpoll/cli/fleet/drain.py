"""`azpoll fleet drain`: wait until no operation of a fleet is open."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from azpoll import AzpollError
from azpoll.cli.access import add_output_argument
from azpoll.cli.duration import parse_duration
from azpoll.cli.exit_codes import ExitCode, worst
from azpoll.cli.fleet.outcome import FleetOutcome
from azpoll.cli.fleet_database import add_dsn_argument, connected_fleet, dsn_from
from azpoll.cli.output import create_output
from azpoll.cli.signals import stop_signals
from azpoll.cli.terminal import write_error_line

if TYPE_CHECKING:
    import argparse

    from azpoll.cli.output import Output
    from azpoll.fleet import Fleet

SUMMARY = "wait until no operation of a fleet is open, and print each that ends"

_LOOK_S = 5.0
"""Seconds between two lines of progress."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll fleet drain`."""
    add_dsn_argument(parser)
    parser.add_argument(
        "--group", metavar="NAME", help="wait for this group alone, and count those that have ended before too"
    )
    parser.add_argument(
        "--timeout", type=parse_duration, metavar="TIME", help="stop waiting after 90, 90s, 30m or 2h (default: never)"
    )
    add_output_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Wait, and return the exit code of all operations that have ended.

    Raises:
        CommandError: the database cannot be used, or the output cannot be written.
    """
    output = create_output(arguments.output)
    drain = _Drain(dsn_from(arguments), arguments.group, output, arguments.output)
    try:
        anyio.run(drain.run, arguments.timeout)
    except KeyboardInterrupt:
        drain.stop(ExitCode.INTERRUPTED)
    output.finished(drain.outcomes, drain.exit_code)
    if drain.left_open:
        write_error_line("# Operations are still open. The fleet keeps them: see azpoll fleet status.")
    return drain.exit_code


class _Drain:
    """Waits for the operations of a fleet.

    Attributes:
        outcomes: those that have ended, where they are printed at the end.
        left_open: whether the wait ended early.
    """

    def __init__(self, dsn: str, group: str | None, output: Output, output_format: str) -> None:
        self.outcomes: list[FleetOutcome] = []
        self.left_open = False
        self._dsn = dsn
        self._group = group
        self._output = output
        self._format = output_format
        self._code = ExitCode.SUCCEEDED
        self._stopped_by: ExitCode | None = None
        self._scope: anyio.CancelScope | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        return self._code if self._stopped_by is None else self._stopped_by

    async def run(self, timeout_s: float | None) -> None:
        """Wait until no operation is open, the time is over, or a signal arrives."""
        self._scope = anyio.CancelScope()
        self.left_open = True
        async with stop_signals(self.stop):
            with self._scope, anyio.move_on_after(timeout_s) as time_limit:
                async with anyio.create_task_group() as tasks, connected_fleet(self._dsn) as fleet:
                    after = (await fleet.statistics()).last_result if self._group is None else 0
                    if self._format != "none":
                        tasks.start_soon(self._show_progress, fleet)
                    await self._wait(fleet, after)
                    tasks.cancel_scope.cancel()
                self.left_open = False
        if time_limit.cancelled_caught:
            self._code = worst((self._code, ExitCode.TIMEOUT))

    def stop(self, code: ExitCode) -> None:
        """End the wait; the first exit code that is given becomes that of the command."""
        self._stopped_by = self._stopped_by or code
        if self._scope is not None:
            self._scope.cancel()

    async def _wait(self, fleet: Fleet, after: int) -> None:
        """Print each result after a number, until no operation is open."""
        async for result in fleet.results(group=self._group, after=after):
            outcome = FleetOutcome(result)
            self._code = worst((self._code, outcome.exit_code))
            if self._format == "json":
                self.outcomes.append(outcome)
            self._output.ended(outcome)

    async def _show_progress(self, fleet: Fleet) -> None:
        """Print the counts of the fleet each time that they have changed."""
        last = ""
        while True:
            with suppress(AzpollError):  # the wait raises it too
                counts = await fleet.statistics()
                shards = counts.shards
                text = f"# open: {counts.running:,}; workers: {shards.workers}; shards without one: {shards.queued:,}"
                if counts.running and text != last:
                    last = text
                    write_error_line(text)
            await anyio.sleep(_LOOK_S)
