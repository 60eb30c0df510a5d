"""`Fleet.results`, `wait`, `get` and `forget`: every process reads each result once, in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

import azpoll.fleet.notifications
from azpoll.fleet import Fleet, FleetError
from azpoll.fleet.operation_table import READ_AT_ONCE
from tests.support.canary import CANARY
from tests.support.fleet_work import quick_arm, responses_of, service, working
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.anyio

INSERT = """
INSERT INTO azpoll.result (id, group_label, label, state, status_code, body, body_length)
SELECT o.id, o.group_label, o.label, 'succeeded', 200, '', 0 FROM azpoll.operation o
WHERE NOT EXISTS (SELECT FROM azpoll.result r WHERE r.id = o.id) ORDER BY o.id LIMIT $1
"""


async def end(dsn: str, count: int) -> None:
    """Store the results of some open operations, as another process does, without a notification."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(INSERT, count)
    finally:
        await connection.close()


async def test_results_come_in_order_until_the_group_is_complete(fleet: Fleet) -> None:
    async with service(quick_arm(duration_s=0.2)) as client:
        blue = await fleet.submit(await responses_of(client, 4), group="blue")
        green = await fleet.submit(await responses_of(client, 2), group="green")
        reading = asyncio.create_task(collected(fleet, "green"))
        async with working(fleet, client):
            assert sorted(await collected(fleet, "blue")) == sorted(blue)
            assert sorted(await asyncio.wait_for(reading, 20)) == sorted(green)
    numbers = [result.number async for result in fleet.results()]
    assert numbers == sorted(numbers)
    assert len(numbers) == 6


async def collected(fleet: Fleet, group: str) -> list[str]:
    """Return the ids of the results of a group, in their order."""
    return [result.operation_id async for result in fleet.results(group=group)]


async def test_a_reader_goes_on_after_the_last_number(dsn: str, fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        await fleet.submit(await responses_of(client, 6), group="g")
    await end(dsn, 6)
    first = [result async for result in fleet.results(group="g")]
    again = [result async for result in fleet.results(group="g", after=first[2].number)]
    assert again == first[3:]
    assert [result async for result in fleet.results(group="g", after=first[-1].number)] == []


async def test_a_group_without_operations_is_complete(fleet: Fleet) -> None:
    assert await collected(fleet, "none") == []


async def test_many_results_are_read_in_parts(dsn: str, fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        await fleet.submit(await responses_of(client, READ_AT_ONCE + 7), group="g")
    await end(dsn, READ_AT_ONCE + 7)
    assert len(set(await collected(fleet, "g"))) == READ_AT_ONCE + 7


async def test_a_notification_wakes_other_processes(dsn: str, fleet: Fleet) -> None:
    """Results arrive long before the next look at the table, which is 5 s away."""
    async with service(quick_arm(duration_s=0.4)) as client, Fleet.connect(dsn) as reader:
        ids = await fleet.submit(await responses_of(client, 1))
        await eventually(lambda: reader.hears)
        async with working(fleet, client):
            start_s = asyncio.get_running_loop().time()
            await reader.wait(ids, timeout=20)
            assert asyncio.get_running_loop().time() - start_s < 2.0


@pytest.mark.parametrize("listen", [True, False])
async def test_results_arrive_without_notifications(
    dsn: str, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, *, listen: bool
) -> None:
    """A row that no notification announced is found by looking at the table."""
    monkeypatch.setattr(azpoll.fleet.notifications, "POLL_S", 0.2)
    monkeypatch.setattr(azpoll.fleet.notifications, "POLL_BESIDE_S", 0.4)
    async with service(quick_arm()) as client:
        ids = await fleet.submit(await responses_of(client, 1))
    async with Fleet.connect(dsn, listen=listen) as reader:
        waiting = asyncio.create_task(reader.wait(ids, timeout=20))
        await asyncio.sleep(0.1)
        await end(dsn, 1)
        assert len(await waiting) == 1


async def test_a_wait_that_is_too_short_says_how_many_run(dsn: str, fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        ids = await fleet.submit(await responses_of(client, 3))
    await end(dsn, 1)
    with pytest.raises(TimeoutError, match=r"2 of 3 operations had not ended after 0\.2 s"):
        await fleet.wait(ids, timeout=0.2)
    with pytest.raises(ValueError, match="timeout"):
        await fleet.wait(ids, timeout=-1)
    assert await fleet.wait([]) == []


async def test_an_unknown_id_is_an_error(fleet: Fleet) -> None:
    for call in (fleet.wait(["nope"]), fleet.get("nope"), fleet.cancel("nope")):
        with pytest.raises(LookupError, match="nope"):
            await call


async def test_ended_operations_are_forgotten(dsn: str, fleet: Fleet) -> None:
    async with service(quick_arm()) as client:
        blue = await fleet.submit(await responses_of(client, 2), group="blue")
        green = await fleet.submit(await responses_of(client, 2), group="green")
    await end(dsn, 4)
    assert await fleet.forget(older_s=60.0) == 0
    assert await fleet.forget(group="blue") == 2
    with pytest.raises(LookupError):
        await fleet.get(blue[0])
    assert await fleet.get(green[0])
    assert await fleet.forget() == 2
    assert (await fleet.statistics()).succeeded == 0


async def test_stored_texts_and_bodies_are_encrypted(postgres: PostgresServer) -> None:
    """With the caller's functions; both are needed, and the same in all processes."""

    def swapped(data: bytes) -> bytes:
        return bytes(byte ^ 0x5A for byte in data)

    def refused(data: bytes) -> bytes:
        raise ValueError(len(data))

    arm, name = quick_arm(result=CANARY), await postgres.create()
    dsn = postgres.dsn(name)
    async with Fleet.connect(dsn, encrypt=swapped, decrypt=swapped) as fleet, service(arm) as client:
        await fleet.install()
        ids = await fleet.submit(await responses_of(client, 2))
        ids.append(await fleet.begin("PUT", "/subscriptions/s/x?api-version=1", json={"password": CANARY}))
        connection = await asyncpg.connect(dsn)
        rows = await connection.fetch("SELECT token, request FROM azpoll.operation")
        async with working(fleet, client):
            results = await fleet.wait(ids, timeout=20)
        bodies = await connection.fetch("SELECT body FROM azpoll.result")
        await connection.close()
    assert all(CANARY.encode() in result.body for result in results)
    assert not any(CANARY.encode() in row["body"] for row in bodies)
    assert not any(b"PUT" in (row["token"] or row["request"]) for row in rows)
    async with Fleet.connect(dsn) as without_key:
        with pytest.raises(FleetError, match="encrypt and decrypt"):
            await without_key.get(ids[0])
    async with Fleet.connect(dsn, encrypt=swapped, decrypt=refused) as other_key:
        with pytest.raises(FleetError, match="another key"):
            await other_key.get(ids[0])
    await postgres.drop(name)
    with pytest.raises(ValueError, match="both or none"):
        Fleet.connect(dsn, encrypt=swapped)


async def test_a_fleet_without_encryption_refuses_a_key(dsn: str) -> None:
    async with Fleet.connect(dsn, encrypt=bytes, decrypt=bytes) as fleet:
        with pytest.raises(FleetError, match="without encryption"):
            await fleet.statistics()


def test_a_key_is_no_function_that_encrypts() -> None:
    key: Any = b"key"
    with pytest.raises(TypeError, match="encrypt must be callable, not bytes"):
        Fleet.connect("postgresql://db.example/azpoll", encrypt=key, decrypt=key)
