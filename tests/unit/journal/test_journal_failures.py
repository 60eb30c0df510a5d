"""A journal file that cannot be opened or written: a clear error, and tracking goes on in memory."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.journal import open_reader, submit
from azpoll.operation_state import OperationState
from azpoll.testing import FakeARM, Script
from tests.support.clients import client_of
from tests.support.journals import THING, rows, tracker_with
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

pytestmark = pytest.mark.anyio

NOBODY = 65534


def new_journal(path: Path) -> None:
    async def main() -> None:
        async with azpoll.SQLiteJournal(path):
            pass

    asyncio.run(main())


def not_a_database(path: Path) -> None:
    path.write_bytes(b"not a database, and long enough to be read as one" * 100)


def foreign_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE things (name)")
    connection.close()


def newer_version(path: Path) -> None:
    new_journal(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def damaged(path: Path) -> None:
    new_journal(path)
    for file in path.parent.iterdir():
        if file != path:
            file.unlink()
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996  # the page of the schema
    path.write_bytes(content)


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (not_a_database, "not an SQLite database"),
        (foreign_database, "another program"),
        (newer_version, "version 99"),
        (damaged, "damaged"),
        (folder, "cannot be"),
    ],
)
def test_a_file_that_is_no_journal_is_refused_and_not_changed(
    make: Callable[[Path], None], text: str, path: Path
) -> None:
    """The tracker is not entered. A reader, and a request of another process, get the same error."""
    make(path)
    before = path.read_bytes() if path.is_file() else b""

    async def main() -> None:
        async with client_of(FakeARM()) as client:
            with pytest.raises(azpoll.JournalError, match=text):
                await tracker_with(client, path).__aenter__()

    asyncio.run(main())
    with pytest.raises(azpoll.JournalError, match=text):
        open_reader(path)
    with pytest.raises(azpoll.JournalError, match=text):
        submit(path, "forget", "0" * 16)
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_missing_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    async def main() -> None:
        async with client_of(FakeARM()) as client:
            with pytest.raises(azpoll.JournalError, match="No such file"):
                await tracker_with(client, tmp_path / "none" / "operations.db").__aenter__()

    asyncio.run(main())
    with pytest.raises(azpoll.JournalError, match="cannot be opened"):
        open_reader(tmp_path / "none.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(azpoll.JournalError, match="empty"):
        open_reader(tmp_path / "empty.db")


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="another user is needed to lack permission")
def test_a_read_only_file_and_folder_are_refused_and_can_be_read(tmp_path: Path) -> None:
    """By another user, who may read the file."""
    folder = tmp_path / "folder"
    folder.mkdir()
    new_journal(folder / "operations.db")
    (folder / "operations.db").chmod(0o444)
    below = folder.relative_to(tempfile.gettempdir())
    for parent in [folder, *folder.parents][: len(below.parts)]:
        parent.chmod(0o755)
    program = f"""if True:
        import asyncio, os, sys, azpoll
        from azpoll.journal import open_reader
        path, warm_up = sys.argv[1:]
        async def enter(path):
            async with azpoll.SQLiteJournal(path):
                pass
        azpoll.JournalError
        asyncio.run(enter(warm_up))  # imports everything, as the other user could not
        os.seteuid({NOBODY})
        with open_reader(path) as reader:
            print(list(reader.entries()))
        try:
            asyncio.run(enter(path))
        except azpoll.JournalError as error:
            print(error)
    """
    arguments = [sys.executable, "-c", program, str(folder / "operations.db"), str(tmp_path / "warm.db")]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True, cwd=ROOT)  # noqa: S603 - ours
    read, refused = done.stdout.splitlines()
    assert read == "[]"
    assert "Permission denied" in refused or "read-only" in refused or "permissions" in refused


async def test_a_full_file_is_reported_and_every_operation_goes_on(path: Path) -> None:
    """The file has room for few rows; later operations are known in memory alone."""
    arm = FakeARM(default=Script(duration_s=0.1), floor_s=0)
    events: list[azpoll.Event] = []
    async with client_of(arm) as client:
        journal = azpoll.SQLiteJournal(path, max_bytes=12 * 4096)
        async with tracker_with(client, journal) as tracker:
            tracker.subscribe(events.append)
            operations = [
                await tracker.begin("PUT", THING.replace("/t?", f"/{number}?"), json={"x": "y" * 5000})
                for number in range(20)
            ]
            for operation in operations:
                assert (await operation).status_code == 200
    failed = [event for event in events if isinstance(event, azpoll.JournalFailed)]
    assert failed
    assert "full" in failed[0].reason
    assert len(rows(path)) < 20


async def test_a_locked_file_delays_an_end_until_busy_s(path: Path) -> None:
    """Then the awaiters are notified, and the row is stored when the file is free again."""
    arm = FakeARM(default=Script(duration_s=0.1), floor_s=0)
    events: list[azpoll.Event] = []
    async with client_of(arm) as client:
        async with tracker_with(client, azpoll.SQLiteJournal(path, busy_s=0.1)) as tracker:
            tracker.subscribe(events.append)
            operation = await tracker.begin("PUT", THING, json={})
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            assert (await operation).status_code == 200
            failed = [event for event in events if isinstance(event, azpoll.JournalFailed)]
            assert "locked" in failed[0].reason
            (open_row,) = rows(path)
            assert isinstance(open_row, azpoll.JournalRow)
            other.execute("ROLLBACK")
            other.close()
            with anyio.fail_after(5):
                while isinstance(rows(path)[0], azpoll.JournalRow):  # noqa: ASYNC110 - no event says so
                    await anyio.sleep(0.05)
        (row,) = rows(path)
    assert isinstance(row, azpoll.JournalResult)
    assert row.state is OperationState.SUCCEEDED


async def test_a_file_that_is_locked_when_opened_is_refused(arm_client: httpx.AsyncClient, path: Path) -> None:
    new = azpoll.SQLiteJournal(path, busy_s=0.1)
    async with new:
        pass
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(azpoll.JournalError, match="locked"):
        await tracker_with(arm_client, new).__aenter__()
    other.close()
    async with tracker_with(arm_client, new):
        pass


async def test_a_file_that_is_damaged_later_harms_no_operation(path: Path) -> None:
    arm = FakeARM(default=Script(duration_s=0.3), floor_s=0)
    async with client_of(arm) as client, tracker_with(client, path) as tracker:
        operation = await tracker.begin("PUT", THING, json={})
        for name in (path.name, f"{path.name}-wal"):
            file = path.with_name(name)
            file.write_bytes(b"\xff" * file.stat().st_size)
        assert (await operation).status_code == 200


async def test_errors_of_a_key_function_are_reported_without_their_text(path: Path) -> None:
    def encrypt(data: bytes) -> bytes:
        if len(data) > 100:
            raise ValueError("the key is k4n4ry")
        return data

    arm = FakeARM(default=Script(duration_s=0.05), floor_s=0)
    events: list[azpoll.Event] = []
    async with client_of(arm) as client:
        journal = azpoll.SQLiteJournal(path, encrypt=encrypt, decrypt=bytes)
        async with tracker_with(client, journal) as tracker:
            tracker.subscribe(events.append)
            assert (await (await tracker.begin("PUT", THING, json={}))).status_code == 200
    reasons = [event.reason for event in events if isinstance(event, azpoll.JournalFailed)]
    assert reasons
    assert not [reason for reason in reasons if "k4n4ry" in reason]
