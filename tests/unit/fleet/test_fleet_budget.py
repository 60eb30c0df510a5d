"""The budget of a fleet: one row per scope, from which all workers lease their tokens."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import pytest

import azpoll
from azpoll.fleet import Fleet
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

BUCKET = azpoll.SharedBucket("reads https://management.azure.com s", 20.0, 25.0, 125.0, 0.5)


class Grant(NamedTuple):
    """The answer of the function in the database."""

    tokens: int
    wait_s: float
    left: float
    rate: float


class Row:
    """The row of a bucket, whose past can be changed."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection

    async def lease(self, wanted: int, bucket: azpoll.SharedBucket = BUCKET) -> Grant:
        query = "SELECT * FROM azpoll.lease_tokens($1, $2, $3, $4, $5, $6)"
        row = await self._connection.fetchrow(query, *bucket, wanted)
        assert row is not None
        return Grant(*row.values())

    async def pass_time(self, seconds: float) -> None:
        await self._connection.execute(
            "UPDATE azpoll.budget SET updated_at = updated_at - $1::float8 * interval '1 second',"
            " closed_until = closed_until - $1::float8 * interval '1 second'",
            seconds,
        )

    async def back_off(self, wait_s: float) -> None:
        await self._connection.execute(
            "SELECT azpoll.back_off_budget($1, $2, $3, $4, $5, $6, 0.7::float8)", *BUCKET, wait_s
        )

    async def limit(self, remaining: int, share: float) -> None:
        await self._connection.execute(
            "SELECT azpoll.limit_budget($1, $2, $3, $4, $5, $6, $7)", *BUCKET, remaining, share
        )


@pytest.fixture
async def row(dsn: str) -> AsyncIterator[Row]:
    connection = await asyncpg.connect(dsn)
    yield Row(connection)
    await connection.close()


async def test_a_new_bucket_is_full_and_then_gains_its_rate(row: Row) -> None:
    assert (await row.lease(100)).tokens == 100
    assert (await row.lease(100)).tokens == 25
    empty = await row.lease(20)
    assert empty.tokens == 0
    assert 0.0 < empty.wait_s < 0.4
    await row.pass_time(1.0)
    assert (await row.lease(100)).tokens in {20, 21}


async def test_the_rate_rises_to_its_maximum(row: Row) -> None:
    await row.lease(125)
    await row.pass_time(4.0)
    assert (await row.lease(1)).rate == pytest.approx(22.0, abs=0.1)
    await row.pass_time(60.0)
    assert (await row.lease(1)).rate == 25.0


async def test_no_more_than_the_burst_is_saved_up(row: Row) -> None:
    await row.lease(1)
    await row.pass_time(86_400.0)
    assert (await row.lease(1000)).tokens == 125


async def test_a_429_closes_the_bucket_for_all_and_slows_it_once(row: Row) -> None:
    await row.lease(1)
    for _ in range(3):  # of requests that were in flight together
        await row.back_off(30.0)
    closed = await row.lease(20)
    assert closed.tokens == 0
    assert closed.wait_s == pytest.approx(30.0, abs=1.0)
    assert closed.rate == pytest.approx(14.0, abs=0.1)
    await row.pass_time(31.0)
    opened = await row.lease(100)
    assert opened.tokens in range(12, 18)  # of one second


async def test_few_remaining_reads_slow_the_bucket(row: Row) -> None:
    await row.lease(1)
    await row.limit(30, 0.5)
    assert (await row.lease(100)).tokens == 30
    assert (await row.lease(1)).rate == pytest.approx(10.0, abs=0.1)
    await row.limit(200, 1.0)
    assert (await row.lease(1)).rate == pytest.approx(20.0, abs=0.1)
    await row.limit(30, 0.5)
    await row.pass_time(3600.0)
    assert (await row.lease(1)).rate == 25.0


async def test_concurrent_leases_take_each_token_once(dsn: str) -> None:
    slow = azpoll.SharedBucket("reads x", 0.001, 0.001, 125.0, 0.0)
    pool = await asyncpg.create_pool(dsn, min_size=8, max_size=8)
    async with pool:

        async def lease() -> int:
            row = await pool.fetchrow("SELECT * FROM azpoll.lease_tokens($1, $2, $3, $4, $5, 7)", *slow)
            assert row is not None
            granted: int = row["granted"]
            return granted

        assert sum(await asyncio.gather(*(lease() for _ in range(100)))) == 125


async def test_a_source_answers_and_reports(fleet: Fleet) -> None:
    """`Fleet.budget` has a source that leases from the row, and passes on what one worker learns."""
    budget = fleet.budget(azpoll.Budget(principal="me"))
    assert budget.principal == "me"
    source = budget.source
    assert source is not None
    grants: list[azpoll.TokenGrant] = []
    source.lease(BUCKET, 20, grants.append)
    await eventually(lambda: len(grants) == 1)
    assert grants[0].tokens == 20
    source.limit(BUCKET, 10, 0.5)
    source.back_off(BUCKET, 60.0, 0.5)

    async def is_closed() -> bool:
        budgets = (await fleet.statistics()).budgets
        return len(budgets) == 1 and budgets[0].closed_s > 50.0

    await eventually(is_closed)
    source.lease(BUCKET, 20, grants.append)
    await eventually(lambda: len(grants) == 2)
    assert grants[1].tokens == 0
    assert grants[1].wait_s > 50.0


async def test_leases_of_many_buckets_get_their_own_tokens(dsn: str, fleet: Fleet) -> None:
    """Two processes lease from the same buckets, in opposite orders: each token is taken once."""
    buckets = [azpoll.SharedBucket(f"reads {number}", 0.001, 0.001, number + 1.0, 0.0) for number in range(60)]
    taken = dict.fromkeys((bucket.name for bucket in buckets), 0)
    answered: list[azpoll.TokenGrant] = []

    def granted(bucket: azpoll.SharedBucket, grant: azpoll.TokenGrant) -> None:
        taken[bucket.name] += grant.tokens
        answered.append(grant)

    async with Fleet.connect(dsn) as other:
        sources = [fleet.budget().source, other.budget().source]
        for order, source in zip((buckets, buckets[::-1]), sources, strict=True):
            assert source is not None
            for bucket in order:
                source.lease(bucket, 1 + int(bucket.burst) // 2, partial(granted, bucket))
        await eventually(lambda: len(answered) == 120)
    assert taken == {bucket.name: int(bucket.burst) for bucket in buckets}


async def test_a_row_that_stays_locked_does_not_stop_other_buckets(dsn: str, fleet: Fleet, row: Row) -> None:
    """The other buckets of its transaction get no tokens once. They then lease in transactions of their own."""
    await row.lease(1)
    locking = await asyncpg.connect(dsn)
    source = fleet.budget().source
    assert source is not None
    locked: list[azpoll.TokenGrant] = []
    others: list[azpoll.TokenGrant] = []

    def lease_all() -> None:
        source.lease(BUCKET, 20, locked.append)
        for number in range(3):
            source.lease(BUCKET._replace(name=f"reads {number}"), 20, others.append)

    async with locking.transaction():
        await locking.execute("SELECT FROM azpoll.budget FOR UPDATE")
        lease_all()
        await eventually(lambda: len(others) == 3)
        assert [grant.tokens for grant in (*locked, *others)] == [0, 0, 0, 0]
        lease_all()
        await eventually(lambda: len(others) == 6)
        assert len(locked) == 1
    await locking.close()
    await eventually(lambda: len(locked) == 2)
    assert [grant.tokens for grant in (locked[-1], *others[3:])] == [20, 20, 20, 20]


async def test_there_are_no_tokens_without_the_tables(dsn: str, fleet: Fleet) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("DROP SCHEMA azpoll CASCADE")
    await connection.close()
    grants: list[azpoll.TokenGrant] = []
    source = fleet.budget().source
    assert source is not None
    source.lease(BUCKET, 20, grants.append)
    await eventually(lambda: len(grants) == 1)
    assert grants == [azpoll.TokenGrant(0, 1.0, 0.0, 20.0)]
