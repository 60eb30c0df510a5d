"""`azpoll fleet install`: create the tables of a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from azpoll.cli.exit_codes import ExitCode
from azpoll.cli.fleet_database import add_dsn_argument, check_extra, connected_fleet, dsn_from
from azpoll.cli.terminal import write_line

if TYPE_CHECKING:
    import argparse

SUMMARY = "create the tables of a fleet in the schema azpoll, or bring them up to date"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `azpoll fleet install`."""
    add_dsn_argument(parser)
    parser.add_argument(
        "--print", action="store_true", help="print the SQL for a new database instead, and connect to none"
    )


def run(arguments: argparse.Namespace) -> int:
    """Create the tables and say what was done; the exit code is 0.

    Raises:
        CommandError: the database cannot be used.
    """
    check_extra()
    from azpoll.fleet import schema  # noqa: PLC0415 - optional

    if arguments.print:
        write_line(schema.script())
        return ExitCode.SUCCEEDED
    found = anyio.run(_install, dsn_from(arguments))
    if found == 0:
        write_line(f"The tables of the fleet were created, in version {schema.VERSION}.")
    elif found < schema.VERSION:
        write_line(f"The tables of the fleet were brought from version {found} to {schema.VERSION}.")
    else:
        write_line(f"The tables of the fleet were up to date, in version {found}.")
    return ExitCode.SUCCEEDED


async def _install(dsn: str) -> int:
    async with connected_fleet(dsn) as fleet:
        return await fleet.install()
