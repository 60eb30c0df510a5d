"""`BeginJournal`: processes that begin operations in a journal that another process owns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.journal import BeginJournal
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of
from tests.support.journals import THING, rows, tracker_with

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from azpoll.options import Method

pytestmark = pytest.mark.anyio


class Service:
    """A service whose operations end when `now_s` is a second later."""

    def __init__(self) -> None:
        self.now_s = 0.0
        script = Script(duration_s=1)
        self.client = client_of(FakeARM(default=script, floor_s=0, limits=None, clock=lambda: self.now_s))


async def test_an_operation_is_begun_without_an_owner_and_recovered_by_the_next(path: Path) -> None:
    service = Service()
    async with service.client as client:
        async with tracker_with(client, BeginJournal(path)) as tracker:
            begun = await tracker.begin("PUT", THING, json={}, label="thing")
        async with tracker_with(client, path) as owner:
            (operation,) = await owner.recover()
            service.now_s += 1
            await operation
    assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}
    assert [(operation.id, operation.label)] == [(begun.id, "thing")]
    assert isinstance(rows(path)[0], azpoll.JournalResult)


async def test_the_owner_recovers_what_others_begin_beside_it(path: Path) -> None:
    service = Service()
    async with service.client as client, tracker_with(client, path) as owner:
        for _ in range(2):
            async with (
                tracker_with(client, BeginJournal(path)) as first,
                tracker_with(client, BeginJournal(path)) as second,
            ):
                begun = {(await each.begin("PUT", THING, json={})).id for each in (first, second)}
            recovered = await owner.recover()
            assert {operation.id for operation in recovered} == begun
            service.now_s += 1
            for operation in recovered:
                await operation
        assert await owner.recover() == []


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_request_that_another_process_is_sending_is_not_taken_for_unanswered(
    path: Path, method: Method
) -> None:
    arm = FakeARM(default=Script(pattern="operation-location", duration_s=0.05), floor_s=0, limits=None)
    unanswered: list[azpoll.Event] = []

    async with client_of(arm) as client, tracker_with(client, path) as owner:
        owner.subscribe(lambda event: unanswered.append(event) if "Unknown" in type(event).__name__ else None)
        recovered: list[int] = []

        async def look(request: httpx.Request) -> None:
            if request.method == method and not recovered:
                assert [row.intent for row in rows(path) if isinstance(row, azpoll.JournalRow)] == [True]
                recovered.append(len(await owner.recover()))

        async with client_of(arm) as other, tracker_with(other, BeginJournal(path)) as tracker:
            other.event_hooks = {"request": [look]}
            begun = await tracker.begin(method, THING, json={})
        assert recovered == [0]
        (operation,) = await owner.recover()
        await operation
    assert operation.id == begun.id
    assert unanswered == []


async def test_an_intent_is_unanswered_when_its_process_has_ended(path: Path, arm: FakeARM) -> None:
    async def never(request: httpx.Request) -> None:
        del request
        await anyio.sleep_forever()

    async with client_of(arm) as client, tracker_with(client, path) as owner:
        found: list[azpoll.Event] = []
        owner.subscribe(lambda event: found.append(event) if "Unknown" in type(event).__name__ else None)
        async with client_of(arm) as other, tracker_with(other, BeginJournal(path)) as tracker:
            other.event_hooks = {"request": [never]}
            with anyio.move_on_after(0.2):
                await tracker.begin("POST", THING, json={})
        if rows(path) and isinstance(rows(path)[0], azpoll.JournalRow):  # else cancellation has ended the row
            assert await owner.recover() == []
            assert len(found) == 1
    (row,) = rows(path)
    assert isinstance(row, azpoll.JournalResult)


async def test_a_foreign_file_and_an_encrypted_journal_are_refused(path: Path, arm_client: httpx.AsyncClient) -> None:
    path.write_bytes(b"no database at all, but long enough to be looked at" * 20)  # noqa: ASYNC240 - a test
    with pytest.raises(azpoll.JournalError, match="not an SQLite database"):
        async with tracker_with(arm_client, BeginJournal(path)):
            pass
    secret = path.with_name("secret.db")
    async with tracker_with(arm_client, azpoll.SQLiteJournal(secret, encrypt=bytes.swapcase, decrypt=bytes.swapcase)):
        pass
    with pytest.raises(azpoll.JournalError, match="encrypted"):
        async with tracker_with(arm_client, BeginJournal(secret)):
            pass


async def test_a_forgotten_operation_is_not_stored_again(path: Path, arm_client: httpx.AsyncClient) -> None:
    async with tracker_with(arm_client, path) as owner:
        async with tracker_with(arm_client, BeginJournal(path)) as tracker:
            begun = await tracker.begin("PUT", THING, json={})
            assert await owner.forget(begun.id)
        assert rows(path) == [] or isinstance(rows(path)[0], azpoll.JournalResult)
