"""Versions of the file: each old one is migrated, and keeps its rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

import azpoll
from azpoll.journal import open_reader, submit
from azpoll.journal.schema import APPLICATION_ID, VERSION
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of
from tests.support.journals import THING, tracker_with

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

VERSION_1 = f"""
    CREATE TABLE operations (
        number INTEGER PRIMARY KEY, operation_id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, method TEXT NOT NULL,
        url TEXT NOT NULL, client_request_id TEXT, label TEXT, operation_group TEXT, status TEXT,
        options TEXT NOT NULL DEFAULT '', token BLOB, status_code INTEGER, body BLOB,
        body_length INTEGER NOT NULL DEFAULT 0, error TEXT, created_at REAL NOT NULL, updated_at REAL NOT NULL
    );
    CREATE INDEX open_operations ON operations (number) WHERE state IN ('intent', 'running');
    CREATE INDEX grouped_operations ON operations (operation_group, number) WHERE operation_group IS NOT NULL;
    CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = 1;
"""
"""As version 1 made it; it never changes."""


async def version_1(path: Path) -> str:
    """Make a file of version 1 with one open operation, and return its id."""
    arm = FakeARM(default=Script(duration_s=0.3), floor_s=0)
    async with client_of(arm) as client, azpoll.Tracker(client, on_exit="stop") as tracker:
        operation = await tracker.begin("PUT", THING, json={})
        token = operation.resume_token()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1)
        query = "INSERT INTO operations (operation_id, state, method, url, token, created_at, updated_at)"
        values = (operation.id, "running", "PUT", "https://x.example/", token.encode(), 1.0, 2.0)
        connection.execute(f"{query} VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        connection.commit()
    return operation.id


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


async def test_a_file_of_version_1_is_migrated_and_recovered(path: Path) -> None:
    own_id = await version_1(path)
    with open_reader(path) as reader:
        (entry,) = reader.entries()
        assert (entry.row.operation_id, entry.row.polls, entry.row.throttled) == (own_id, None, None)
        assert [found.row.operation_id for found in reader.open_entries()] == [own_id]
    assert version_of(path) == 1
    arm = FakeARM(default=Script(duration_s=3600), floor_s=0)
    async with client_of(arm) as client, tracker_with(client, path) as tracker:
        assert [operation.id for operation in await tracker.recover()] == [own_id]
    assert version_of(path) == VERSION


async def test_a_request_migrates_a_file_of_version_1(path: Path) -> None:
    own_id = await version_1(path)
    with open_reader(path) as reader:
        assert reader.outcome(submit(path, "forget", own_id)) == "forgotten"
    assert version_of(path) == VERSION


async def test_the_fixture_has_the_tables_of_the_first_step(path: Path) -> None:
    """A new file differs from it by the later steps alone."""
    async with azpoll.SQLiteJournal(path):
        pass
    old = path.with_name("old.db")
    await version_1(old)
    with closing(sqlite3.connect(path)) as new, closing(sqlite3.connect(old)) as first:
        columns = [
            [row[1:] for row in connection.execute("PRAGMA table_info(operations)")] for connection in (new, first)
        ]
    assert columns[0][: len(columns[1])] == columns[1]
    assert [name for name, *_ in columns[0][len(columns[1]) :]] == ["polls", "throttled", "percent", "last_error"]
