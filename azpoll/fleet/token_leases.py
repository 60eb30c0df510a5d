"""The read and write budget of a fleet: tokens of a row per scope, which all workers share."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from azpoll import TokenGrant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azpoll import SharedBucket
    from azpoll.fleet.database import Connection, Database

T = TypeVar("T")

RETRY_S = 1.0
"""Seconds until a bucket asks again after the database did not answer."""

_LEASE = "SELECT * FROM azpoll.lease_tokens($1::text, $2::float8, $3::float8, $4::float8, $5::float8, $6::int)"

_BACK_OFF = """
SELECT azpoll.back_off_budget($1::text, $2::float8, $3::float8, $4::float8, $5::float8, $6::float8, $7::float8)
"""

_LIMIT = """
SELECT azpoll.limit_budget($1::text, $2::float8, $3::float8, $4::float8, $5::float8, $6::int, $7::float8)
"""

logger = logging.getLogger("azpoll")


class TokenLeases:
    """Leases tokens from the database. It satisfies `azpoll.TokenSource`.

    While the database cannot be reached there are no tokens, so no worker exceeds the budget.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tasks: set[asyncio.Task[None]] = set()

    def lease(self, bucket: SharedBucket, wanted: int, granted: Callable[[TokenGrant], object]) -> None:
        """Take up to `wanted` tokens."""
        self._start(self._lease(bucket, wanted, granted))

    def back_off(self, bucket: SharedBucket, wait_s: float, decrease_factor: float) -> None:
        """Close a bucket after a 429."""
        self._start(self._report(_BACK_OFF, bucket, wait_s, decrease_factor))

    def limit(self, bucket: SharedBucket, remaining: int, scarcity: float) -> None:
        """Cap the tokens and the rate of a bucket."""
        self._start(self._report(_LIMIT, bucket, remaining, scarcity))

    async def aclose(self) -> None:
        """End all calls."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, call: Awaitable[None]) -> None:
        task = asyncio.ensure_future(call)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _lease(self, bucket: SharedBucket, wanted: int, granted: Callable[[TokenGrant], object]) -> None:
        grant = TokenGrant(0, RETRY_S, 0.0, bucket.rate)
        try:
            async with self._database.transaction() as connection:
                row = await connection.fetchrow(_LEASE, *bucket, wanted)
            if row is not None:
                grant = TokenGrant(*row.values())
        except Exception as error:  # noqa: BLE001 - whatever it is, there are no tokens
            logger.debug("no tokens were leased: %s", type(error).__name__)
        granted(grant)

    async def _report(self, query: str, bucket: SharedBucket, *values: float) -> None:
        call = partial(_execute, query, (*bucket, *values))
        try:
            await self._database.persist(call, within_s=60.0)
        except Exception:
            logger.exception("the limit of a scope was not stored; the other workers learn it by themselves")


async def _execute(query: str, values: tuple[object, ...], connection: Connection) -> None:
    await connection.execute(query, *values)
