"""The database of a fleet: the argument `--dsn`, the connection, and its errors as those of a command."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from azpoll.cli.exit_codes import BadFleet, DatabaseUnavailable, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator

    from azpoll.fleet import Fleet

DSN_VARIABLE = "AZPOLL_DSN"


def add_dsn_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the database."""
    parser.add_argument(
        "--dsn",
        metavar="DSN",
        help="the database, such as postgresql://user@host/database (default: the variable AZPOLL_DSN, which keeps a"
        " password out of the list of processes)",
    )


def has_dsn(arguments: argparse.Namespace) -> bool:
    """Whether the argument or the variable names a database."""
    return bool((arguments.dsn or os.environ.get(DSN_VARIABLE, "")).strip())


def dsn_from(arguments: argparse.Namespace) -> str:
    """Return the connection string of the database.

    Raises:
        UsageError: neither the argument nor the variable names one.
    """
    if not has_dsn(arguments):
        raise UsageError(f"a database is needed: --dsn DSN, or the variable {DSN_VARIABLE}")
    dsn: str = arguments.dsn or os.environ[DSN_VARIABLE]
    return dsn.strip()


def check_one_source(arguments: argparse.Namespace) -> None:
    """Check that the arguments name either a journal or a fleet; a journal goes before the variable.

    Raises:
        UsageError: they name both, or neither.
    """
    if arguments.journal is not None and arguments.dsn is not None:
        raise UsageError("--journal and --dsn exclude each other")
    if arguments.journal is None and not has_dsn(arguments):
        raise UsageError(f"a journal or a fleet is needed: --journal FILE, --dsn DSN, or the variable {DSN_VARIABLE}")


def check_extra(name: str = "fleet") -> None:
    """Raise `UsageError` with the name of an extra if the packages of a fleet are not installed."""
    try:
        import_module("azpoll.fleet")
    except ModuleNotFoundError as error:
        raise UsageError(f"fleets need pgqueuer: python -m pip install 'azpoll[{name}]'") from error


@asynccontextmanager
async def connected_fleet(dsn: str, *, listen: bool = True) -> AsyncGenerator[Fleet]:
    """Connect to a fleet inside the context. No message repeats the DSN, which may hold a password.

    Args:
        dsn: connection string of the database.
        listen: whether the fleet receives notifications of results.

    Raises:
        UsageError: the DSN is invalid, or the packages of a fleet are not installed.
        DatabaseUnavailable: the database cannot be reached, or refuses the user.
        BadFleet: it has no tables of a fleet, or those of another version or key.
    """
    check_extra()
    from azpoll.fleet import Fleet, FleetError, FleetUnavailable  # noqa: PLC0415 - optional

    try:
        async with AsyncExitStack() as stack:
            try:
                fleet = await stack.enter_async_context(Fleet.connect(dsn, listen=listen))
            except ValueError as error:
                raise UsageError(str(error)) from None
            yield fleet
    except FleetUnavailable as error:
        raise DatabaseUnavailable(str(error)) from error
    except FleetError as error:
        raise BadFleet(str(error)) from error
