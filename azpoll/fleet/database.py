"""The PostgreSQL database of a fleet, over a pool of asyncpg connections.

Every statement runs in an explicit transaction and none is kept prepared, so a pooler such as PgBouncer may give each
transaction another connection. Lost connections and a restarting server are waited for; each caller may repeat its
transaction, since all of them are idempotent.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from ssl import SSLError
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import asyncpg

from azpoll.fleet.errors import NO_TABLES, FleetError, FleetUnavailable
from azpoll.fleet.shielded import wait_shielded
from azpoll.protocol.redaction import escape_for_display
from azpoll.transport.network_error import network_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

T = TypeVar("T")

logger = logging.getLogger("azpoll")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
"""Seconds between two attempts of a transaction while the database cannot be reached; they double."""

STATEMENT_TIMEOUT_S = 30.0
"""Seconds after which a statement without an answer counts as lost: its host may be gone."""

_UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
)
"""Errors of the connection or of a server that starts, stops or is overloaded; the next attempt may succeed."""


class Database:
    """A pool of connections to one database.

    Args:
        pool: of connections.
        dsn: the database, for the connection that listens.
    """

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """Run a transaction on a connection of the pool. A cancellation does not interrupt its COMMIT or ROLLBACK."""
        async with self._pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.__aenter__()
            try:
                yield connection
            except BaseException as error:
                await wait_shielded(transaction.__aexit__(type(error), error, error.__traceback__))
                raise
            await wait_shielded(transaction.__aexit__(None, None, None))

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """Use a connection of the pool without a transaction, for statements that allow none. Its session is reset."""
        async with self._pool.acquire() as connection:
            try:
                yield connection
            finally:
                if not connection.is_closed():
                    await connection.reset()

    async def listening(self) -> asyncpg.Connection[asyncpg.Record]:
        """Return a new connection of its own, which the caller closes."""
        return await asyncpg.connect(self._dsn, statement_cache_size=0)

    async def persist(self, call: Callable[[Connection], Awaitable[T]], within_s: float | None = None) -> T:
        """Run a transaction, again and again while the database cannot be reached.

        Args:
            call: the statements; they may run several times, and the last attempt may have been committed.
            within_s: seconds after which an attempt is the last; None for never.

        Raises:
            FleetUnavailable: the database could not be reached in time, or its user lacks a permission.
            FleetError: it has no tables of a fleet.
        """
        loop = asyncio.get_running_loop()
        end_s = None if within_s is None else loop.time() + within_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with self.transaction() as connection:
                    return await call(connection)
            except (
                asyncpg.UndefinedTableError,
                asyncpg.UndefinedFunctionError,
                asyncpg.InvalidSchemaNameError,
            ) as error:
                raise FleetError(NO_TABLES) from error
            except asyncpg.InsufficientPrivilegeError as error:
                raise FleetUnavailable(f"the database refuses this user: {escape_for_display(str(error))}") from error
            except _UNREACHABLE as error:
                if end_s is not None and loop.time() + pause_s > end_s:
                    raise FleetUnavailable(f"the database could not be reached: {_reason(error)}") from error
                logger.log(
                    logging.DEBUG if pause_s < LONGEST_PAUSE_S else logging.WARNING,
                    "the database of the fleet cannot be reached (%s); trying again in %g s",
                    type(error).__name__,
                    pause_s,
                )
            await asyncio.sleep(pause_s)
            pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)


def _reason(error: Exception) -> str:
    """Return a short text for a failure, without a part of the DSN."""
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return "the server refuses the user or the password"
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return "the server has no database of that name"
    return network_text(error) or type(error).__name__


@asynccontextmanager
async def connected(dsn: str, connections: int) -> AsyncGenerator[Database]:
    """Connect to a database, and close all connections at the end.

    Raises:
        FleetUnavailable: the database cannot be reached, or refuses the user.
        ValueError: the DSN is invalid; the message does not repeat it.
        RuntimeError: not under asyncio.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError("a fleet needs asyncio, since asyncpg does") from None
    try:
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=connections,
            statement_cache_size=0,
            command_timeout=STATEMENT_TIMEOUT_S,
            reset=_without_reset,
        )
    except SSLError as error:  # one that refuses a certificate is a ValueError too
        raise FleetUnavailable(f"the database could not be reached: {_reason(error)}") from error
    except (ValueError, OverflowError):  # its text may repeat a part of the DSN
        raise ValueError("the DSN is invalid; one has the form postgresql://user:password@host:port/database") from None
    except (*_UNREACHABLE, asyncpg.PostgresError) as error:
        raise FleetUnavailable(f"the database could not be reached: {_reason(error)}") from error
    try:
        yield Database(pool, dsn)
    finally:
        try:
            await asyncio.wait_for(pool.close(), 5.0)
        except (*_UNREACHABLE, asyncio.CancelledError):
            pool.terminate()
            raise


async def _without_reset(connection: Connection) -> None:
    """Reset nothing: a transaction changes no session, and asyncpg rolls an open one back.

    Gain: one of the five round trips of a transaction.
    """
    del connection
