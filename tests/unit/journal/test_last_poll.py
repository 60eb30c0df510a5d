"""A journal stores the progress of each operation, and why its last poll failed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
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

MOVING = Reply(200, {"status": "Moving", "percentComplete": 40})
BROKEN = Reply(503)


def arm_of(*polls: Reply | Ordinary, duration_s: float = 3600) -> FakeARM:
    return FakeARM(default=Script(duration_s=duration_s, polls=list(polls), retry_after=0), floor_s=0, limits=None)


async def row_after(path: Path, polls: int, *replies: Reply) -> azpoll.JournalRow:
    """Return the row of an operation after so many polls."""
    async with client_of(arm_of(*replies)) as client, tracker_with(client, path) as tracker:
        operation = await tracker.begin("PUT", THING, json={})
        async for snapshot in operation.snapshots():
            if snapshot.last_poll is not None and snapshot.polls >= polls:
                break
    (row,) = rows(path)
    assert isinstance(row, azpoll.JournalRow)
    return row


async def test_the_percentage_and_the_last_error_are_stored(path: Path) -> None:
    """The last readable answer names the percentage, and the last poll the error."""
    row = await row_after(path, 2, MOVING, BROKEN)
    assert (row.status, row.percent, row.last_error) == ("Moving", 40.0, "HTTP 503")


async def test_a_readable_answer_clears_the_error(path: Path) -> None:
    row = await row_after(path, 2, BROKEN, MOVING)
    assert (row.percent, row.last_error) == (40.0, None)


async def test_an_end_has_neither(path: Path) -> None:
    async with (
        client_of(arm_of(MOVING, BROKEN, Ordinary(), duration_s=0)) as client,
        tracker_with(client, path) as tracker,
    ):
        await (await tracker.begin("PUT", THING, json={}))
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT state, percent, last_error FROM operations").fetchall()
    assert found == [("succeeded", None, None)]


async def test_a_file_of_version_1_has_neither(path: Path) -> None:
    await version_1(path)
    with open_reader(path) as reader:
        (entry,) = reader.overview().running
    assert isinstance(entry.row, azpoll.JournalRow)
    assert (entry.row.percent, entry.row.last_error) == (None, None)


async def test_failing_operations_come_first_in_an_overview(path: Path) -> None:
    row = azpoll.JournalRow("a", "PUT", "https://h/t", None, None, "g", "Moving", intent=False, token=None, options="")
    given = [row._replace(operation_id=ident) for ident in "abcd"]
    given[2] = given[2]._replace(last_error="HTTP 503")
    async with azpoll.SQLiteJournal(path) as journal:
        await journal.store(given)
        with open_reader(path) as reader:
            overview, short = reader.overview(), reader.overview(most=2)
    assert [entry.row.operation_id for entry in overview.running] == ["c", "a", "b", "d"]
    assert [entry.row.operation_id for entry in short.running] == ["c", "a"]
    assert (overview.groups[0].running, overview.groups[0].failing) == (4, 1)


def test_a_row_keeps_both_as_text() -> None:
    """A text of an older version has none."""
    row = azpoll.JournalRow(
        "1", "PUT", "https://x.example/", None, None, None, None, intent=False, token=None, options=""
    )
    stored = row._replace(percent=40.0, last_error="HTTP 503")
    assert azpoll.journal_row(azpoll.journal_text(stored)) == stored
    members = json.loads(azpoll.journal_text(row))
    del members["percent"], members["last_error"]
    assert azpoll.journal_row(json.dumps(members)) == row
