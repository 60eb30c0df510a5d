"""The read and write budget of a fleet: tokens of a row per scope, which all workers share."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from azpoll import TokenGrant

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from azpoll import SharedBucket
    from azpoll.fleet.database import Connection, Database

T = TypeVar("T")

RETRY_S = 1.0
"""Seconds until a bucket asks again after the database did not answer."""

LEASED_TOGETHER = 20
"""The greatest number of buckets of one transaction, which holds the rows of all of them until its end."""

CONCURRENT = 2
"""The greatest number of concurrent transactions of several buckets: while one waits for a row, the other goes on."""

TOGETHER_S = 2.0
"""Seconds after which such a transaction is given up: another process holds a row. Its buckets then lease alone."""

_LEASE = """
SELECT lease.* FROM unnest($1::text[], $2::float8[], $3::float8[], $4::float8[], $5::float8[], $6::int[])
    WITH ORDINALITY AS asked(bucket, first_rate, max_rate, burst, increase_per_s, wanted, place),
    LATERAL azpoll.lease_tokens(bucket, first_rate, max_rate, burst, increase_per_s, wanted) AS lease
ORDER BY place
"""

_BACK_OFF = """
SELECT azpoll.back_off_budget($1::text, $2::float8, $3::float8, $4::float8, $5::float8, $6::float8, $7::float8)
"""

_LIMIT = """
SELECT azpoll.limit_budget($1::text, $2::float8, $3::float8, $4::float8, $5::float8, $6::int, $7::float8)
"""

logger = logging.getLogger("azpoll")


class _Asked(NamedTuple):
    """A lease that was asked for."""

    bucket: SharedBucket
    wanted: int
    granted: Callable[[TokenGrant], object]


class TokenLeases:
    """Leases tokens from the database. It satisfies `azpoll.TokenSource`.

    Leases that are asked for while others are on their way share the next transaction. After one has failed, each of
    its buckets leases alone until that succeeds, so a row that stays locked delays no other bucket again. While the
    database cannot be reached there are no tokens, so no worker exceeds the budget.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked: list[_Asked] = []
        self._running = 0
        self._alone: set[str] = set()

    def lease(self, bucket: SharedBucket, wanted: int, granted: Callable[[TokenGrant], object]) -> None:
        """Take up to `wanted` tokens."""
        asked = _Asked(bucket, wanted, granted)
        if bucket.name in self._alone:
            self._start(self._lease([asked]))
            return
        self._asked.append(asked)
        if self._running < CONCURRENT:
            self._running += 1
            self._start(self._lease_all())

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

    async def _lease_all(self) -> None:
        """Carry out the leases that were asked for, until there is none."""
        try:
            while self._asked:
                asked, self._asked = self._asked[:LEASED_TOGETHER], self._asked[LEASED_TOGETHER:]
                await self._lease(sorted(asked, key=_name_of))  # all processes lock rows in this order
        finally:
            self._running -= 1

    async def _lease(self, asked: Sequence[_Asked]) -> None:
        columns = [list(column) for column in zip(*((*each.bucket, each.wanted) for each in asked), strict=True)]
        grants = [TokenGrant(0, RETRY_S, 0.0, each.bucket.rate) for each in asked]
        names = {each.bucket.name for each in asked}
        within_s = TOGETHER_S if len(asked) > 1 else None
        try:
            async with self._database.transaction() as connection:
                rows = await connection.fetch(_LEASE, *columns, timeout=within_s)
            grants = [TokenGrant(*row.values()) for row in rows]
            self._alone -= names
        except Exception as error:  # noqa: BLE001 - whatever it is, there are no tokens
            logger.debug("no tokens were leased: %s", type(error).__name__)
            self._alone |= names
        for each, grant in zip(asked, grants, strict=True):
            each.granted(grant)

    async def _report(self, query: str, bucket: SharedBucket, *values: float) -> None:
        call = partial(_execute, query, (*bucket, *values))
        try:
            await self._database.persist(call, within_s=60.0)
        except Exception:
            logger.exception("the limit of a scope was not stored; the other workers learn it by themselves")


async def _execute(query: str, values: tuple[object, ...], connection: Connection) -> None:
    await connection.execute(query, *values)


def _name_of(asked: _Asked) -> str:
    return asked.bucket.name
