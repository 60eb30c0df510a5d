"""Readers beside the owner, and the requests that they leave: cancel and forget."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import azpoll
from azpoll.journal import Action, JournalReader, open_reader, submit
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of
from tests.support.journals import THING, rows, tracker_with

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

pytestmark = pytest.mark.anyio

LONG = Script(duration_s=3600, pattern="operation-location")


async def outcome_of(reader: JournalReader, request: int) -> str:
    with anyio.fail_after(10):
        while (outcome := reader.outcome(request)) is None:  # noqa: ASYNC110 - another process would poll too
            await anyio.sleep(0.05)
    return outcome


async def request(path: Path, action: Action, operation_id: str) -> int:
    return await anyio.to_thread.run_sync(partial(submit, path, action, operation_id))


async def test_the_owner_cancels_and_forgets_for_another_process(path: Path) -> None:
    arm = FakeARM(default=LONG, floor_s=0)
    async with client_of(arm) as client, tracker_with(client, path) as tracker:
        canceled = await tracker.begin("POST", THING, json={})
        forgotten = await tracker.begin("PUT", THING, json={}, pattern="azure-async-operation")
        with open_reader(path) as reader:
            cancel = await request(path, "cancel", canceled.id)
            assert await outcome_of(reader, await request(path, "forget", forgotten.id)) == "forgotten"
            assert await outcome_of(reader, cancel) == "accepted"
            with pytest.raises(azpoll.OperationCanceled):
                await canceled
            with pytest.raises(azpoll.TrackerClosed):
                await forgotten
            late = [await request(path, "cancel", canceled.id), await request(path, "forget", forgotten.id)]
            late.append(await request(path, "cancel", "0" * 16))
            outcomes = [await outcome_of(reader, each) for each in late]
    assert ["has ended" in outcomes[0], *("no such" in each for each in outcomes[1:])] == [True] * 3
    assert [row.operation_id for row in rows(path)] == [canceled.id]


async def test_a_cancel_request_that_is_refused_has_the_reason_as_its_outcome(path: Path) -> None:
    arm = FakeARM(default=Script(duration_s=3600), floor_s=0)
    async with client_of(arm) as client, tracker_with(client, path) as tracker:
        operation = await tracker.begin("PUT", THING, json={})
        with open_reader(path) as reader:
            outcome = await outcome_of(reader, await request(path, "cancel", operation.id))
    assert "names no way to cancel it" in outcome


async def test_without_an_owner_forget_is_immediate_and_cancel_waits_for_recover(path: Path) -> None:
    arm = FakeARM(default=LONG, floor_s=0)
    async with client_of(arm) as client:
        async with tracker_with(client, path) as tracker:
            one = await tracker.begin("POST", THING, json={})
            two = await tracker.begin("POST", THING, json={})
        with open_reader(path) as reader:
            assert reader.outcome(submit(path, "forget", one.id)) == "forgotten"
            waiting = submit(path, "cancel", two.id)
            assert reader.outcome(waiting) is None
            async with tracker_with(client, path) as tracker:
                await anyio.sleep(0.1)
                assert reader.outcome(waiting) is None
                (operation,) = await tracker.recover()
                assert await outcome_of(reader, waiting) == "accepted"
                with pytest.raises(azpoll.OperationCanceled):
                    await operation


async def test_a_reader_sees_rows_in_order_and_changes_of_the_file(path: Path) -> None:
    arm = FakeARM(default=Script(duration_s=0.3), floor_s=0)
    async with client_of(arm) as client, tracker_with(client, path) as tracker:
        with open_reader(path) as reader:
            before = reader.version()
            async with tracker.group("g") as group:
                begun = [await group.begin("PUT", THING, json={}) for _ in range(3)]
            assert reader.version() != before
            entries = list(reader.entries(group="g"))
            assert [entry.row.operation_id for entry in entries] == [each.id for each in begun]
            assert [entry.number for entry in reader.entries(after=1)] == [2, 3]
            assert all(entry.created_at < entry.updated_at for entry in entries)
            assert reader.get(begun[1].id) == entries[1]
            assert reader.get("0" * 16) is None
            assert list(reader.entries(group="h")) == []


@pytest.mark.parametrize(
    ("action", "ident", "text"),
    [
        ("pause", "0" * 16, "action must be one of 'cancel', 'forget'"),
        ("cancel", "", "operation_id must not be empty"),
        ("cancel", 5, "operation_id must be text, not int"),
        ("forget", None, "operation_id must be text, not NoneType"),
    ],
)
async def test_a_request_that_no_owner_can_carry_out_is_refused(
    arm_client: httpx.AsyncClient, path: Path, action: Any, ident: Any, text: str
) -> None:
    async with tracker_with(arm_client, path):
        with pytest.raises((ValueError, TypeError), match=text):
            await request(path, action, ident)
        with open_reader(path) as reader:
            assert reader.outcome(1) is None
