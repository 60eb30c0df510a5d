"""`azpoll worker`: track the operations of a fleet."""

from __future__ import annotations

import argparse
import logging
import math
from typing import TYPE_CHECKING

import anyio

from azpoll import Budget
from azpoll.cli.access import access_from, add_client_arguments
from azpoll.cli.command_line import whole_number
from azpoll.cli.duration import parse_duration
from azpoll.cli.exit_codes import ExitCode, UsageError
from azpoll.cli.fleet_database import add_dsn_argument, check_extra, connected_fleet, dsn_from
from azpoll.cli.log_lines import log_lines
from azpoll.cli.signals import stop_signals
from azpoll.cli.terminal import write_error_line

if TYPE_CHECKING:
    from azpoll.cli.access import Access

SUMMARY = "track the operations of a fleet, as one of its workers"

_READS_PER_S, _WRITES_PER_S = 25.0, 10.0
"""The limits of ARM for a subscription and principal."""

_LONGEST_LEASE_S = 86_400.0
_BUDGET = Budget()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll worker`."""
    add_dsn_argument(parser)
    parser.add_argument(
        "--shards",
        type=whole_number,
        default=200,
        metavar="N",
        help="the greatest number of shards of this worker; each has up to 250 operations (default: 200)",
    )
    parser.add_argument(
        "--lease",
        type=parse_duration,
        default=30.0,
        metavar="TIME",
        help="time without a heartbeat after which other workers take over; below 30s the same for all workers"
        " (default: 30s)",
    )
    parser.add_argument(
        "--stored-body",
        type=whole_number,
        default=1024 * 1024,
        metavar="BYTES",
        help="bytes of a result that are stored (default: 1048576)",
    )
    for name, what, rate in (
        ("--read-rate", "polls", _READS_PER_S),
        ("--write-rate", "initial requests", _WRITES_PER_S),
    ):
        parser.add_argument(
            name,
            type=_rate,
            default=rate,
            metavar="N",
            help=f"{what} per second of all workers together, in each subscription, at most; the same for all workers"
            f" (default: {rate:g})",
        )
    parser.add_argument("--drain", action="store_true", help="end when the fleet has no open operation left")
    add_client_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Work until a signal arrives, or with `--drain` until no operation is open; return the exit code.

    Raises:
        CommandError: the worker could not begin, or could not go on.
    """
    check_extra()
    worker = _Worker(arguments, access_from(arguments, None), dsn_from(arguments))
    with log_lines(logging.WARNING):
        anyio.run(worker.run)
    return worker.code


class _Worker:
    """One worker, until a signal or the end of the fleet's operations.

    Attributes:
        code: the exit code.
    """

    def __init__(self, arguments: argparse.Namespace, access: Access, dsn: str) -> None:
        if arguments.shards < 1:
            raise UsageError("--shards: a number of 1 or more is needed")
        if not 1 <= arguments.lease <= _LONGEST_LEASE_S:
            raise UsageError("--lease: a time of 1s to 1d is needed")
        self.code = ExitCode.SUCCEEDED
        self._arguments = arguments
        self._access = access
        self._dsn = dsn
        self._scope: anyio.CancelScope | None = None

    async def run(self) -> None:
        """Track operations, and give the shards back at the end."""
        self._scope = anyio.CancelScope()
        async with stop_signals(self._stop):
            with self._scope:
                await self._work(self._arguments)

    async def _work(self, arguments: argparse.Namespace) -> None:
        budget = _budget_of(arguments.read_rate, arguments.write_rate)
        async with (
            connected_fleet(self._dsn) as fleet,
            self._access.tracker(budget=fleet.budget(budget)) as tracker,
        ):
            await fleet.statistics()  # raises the errors of the database before the worker says that it began
            write_error_line("# The worker has begun. A signal ends it, and it then gives its shards back.")
            try:
                await fleet.work(
                    tracker,
                    shards=arguments.shards,
                    lease_s=arguments.lease,
                    stored_body=arguments.stored_body,
                    drain=arguments.drain,
                    signals=(),
                )
            finally:
                counts = tracker.statistics()
                ended = counts.succeeded + counts.failed + counts.canceled
                write_error_line(f"# The worker has ended. {ended} operations ended here, after {counts.polls} polls.")

    def _stop(self, code: ExitCode) -> None:
        self.code = self.code or code
        if self._scope is not None:
            self._scope.cancel()


def _budget_of(reads_per_s: float, writes_per_s: float) -> Budget:
    """Return a budget of at most these rates, in proportion to that of ARM."""
    return Budget(
        rate=min(_BUDGET.rate, reads_per_s),
        max_rate=reads_per_s,
        burst=max(_BUDGET.burst * reads_per_s / _READS_PER_S, 1.0),
        write_rate=writes_per_s,
        write_burst=max(_BUDGET.write_burst * writes_per_s / _WRITES_PER_S, 1.0),
    )


def _rate(text: str) -> float:
    """Return a rate in requests per second. This is a `type` for argparse."""
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= 10_000:  # noqa: PLR2004 - far above any service
        raise argparse.ArgumentTypeError("a number above 0 and up to 10000 is needed")
    return rate
