"""A journal stores how many polls each operation took, and how many of them were answered with 429."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import azpoll
from azpoll.journal import open_reader
from azpoll.testing import FakeARM, Ordinary, Reply, Script
from tests.support.clients import client_of
from tests.support.journals import THING, rows, tracker_with
from tests.unit.journal.test_schema import version_1

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

BUSY = Reply(429, headers={"Retry-After": "0"})
RUNNING = Reply(202, {"status": "InProgress"})


async def test_polls_and_429s_are_stored(path: Path) -> None:
    arm = FakeARM(
        default=Script(duration_s=0, retry_after=0, polls=[BUSY, RUNNING, BUSY, Ordinary()]), floor_s=0, limits=None
    )
    async with client_of(arm) as client, tracker_with(client, path) as tracker:
        operation = await tracker.begin("PUT", THING, json={})
        await operation
        polls = operation.snapshot().polls
    (row,) = rows(path)
    assert (row.polls, row.throttled) == (polls, 2)
    assert polls >= 4


async def test_the_counts_go_on_in_the_next_process(path: Path) -> None:
    """A snapshot counts the polls of its own process."""
    running = FakeARM(default=Script(duration_s=3600, polls=[BUSY, RUNNING], retry_after=0), floor_s=0, limits=None)
    async with client_of(running) as client, tracker_with(client, path) as tracker:
        operation = await tracker.begin("PUT", THING, json={})
        async for snapshot in operation.snapshots():
            if snapshot.polls >= 3:
                break
    (before,) = rows(path)
    assert before.polls is not None
    assert (before.polls >= 3, before.throttled) == (True, 1)
    async with client_of(running) as client, tracker_with(client, path) as tracker:
        (operation,) = await tracker.recover()
        async for snapshot in operation.snapshots():
            if snapshot.polls == 1:
                break
    (after,) = rows(path)
    assert after.polls is not None
    assert after.polls >= before.polls + 1
    assert after.throttled == 1


async def test_the_counts_of_a_row_of_an_older_version_are_not_known(path: Path) -> None:
    await version_1(path)
    arm = FakeARM(default=Script(duration_s=3600), floor_s=0, limits=None)
    async with client_of(arm) as client, tracker_with(client, path) as tracker:
        (operation,) = await tracker.recover()
        async for snapshot in operation.snapshots():
            if snapshot.polls:
                break
    (row,) = rows(path)
    assert (row.polls, row.throttled) == (None, None)


async def test_an_intent_and_a_refused_request_have_no_polls(path: Path) -> None:
    arm = FakeARM(default=Script(initial=Reply(400)), floor_s=0, limits=None)
    async with client_of(arm) as client, tracker_with(client, path) as tracker:
        with pytest.raises(azpoll.InitialRequestFailed):
            await tracker.begin("PUT", THING, json={})
    with open_reader(path) as reader:
        (entry,) = reader.entries()
    assert (entry.row.polls, entry.row.throttled) == (0, 0)


def test_a_row_keeps_its_counts_as_text() -> None:
    """A text of an older version has none."""
    row = azpoll.JournalRow("1", "PUT", "https://x.example/", None, None, None, None, True, None, "", 3, 1)  # noqa: FBT003 - a stored row
    text = azpoll.journal_text(row)
    assert azpoll.journal_row(text) == row
    older = azpoll.journal_row(text.replace(', "polls": 3, "throttled": 1', ""))
    assert (older.polls, older.throttled) == (None, None)
