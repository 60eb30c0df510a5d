"""At most one tracker owns a journal; the lease of a dead one is taken over immediately."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import azpoll
from azpoll.journal import open_reader
from azpoll.testing import FakeARM
from tests.support.clients import client_of
from tests.support.journals import THING, tracker_with
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

pytestmark = pytest.mark.anyio

OWNER = """if True:
    import asyncio, sys, azpoll
    async def main():
        async with azpoll.SQLiteJournal(sys.argv[1]):
            print("owned", flush=True)
            {then}
            await asyncio.sleep(60)
    asyncio.run(main())
"""


def start_owner(path: Path, then: str = "pass") -> subprocess.Popen[str]:
    """Start a process that owns a journal, and return when it does."""
    arguments = [sys.executable, "-c", OWNER.format(then=then), str(path)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT)  # noqa: S603 - ours
    assert process.stdout is not None
    assert process.stdout.readline() == "owned\n"
    return process


async def test_a_second_tracker_of_the_process_is_refused(arm_client: httpx.AsyncClient, path: Path) -> None:
    async with tracker_with(arm_client, path) as first:
        second = tracker_with(arm_client, path)
        with pytest.raises(azpoll.JournalInUse, match="another tracker owns it"):
            await second.__aenter__()
        await (await first.begin("PUT", THING, json={}))
    async with tracker_with(arm_client, path):
        pass


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@pytest.mark.parametrize("of_folder", [False, True])
async def test_a_second_tracker_is_refused_by_any_name_of_the_file(
    arm_client: httpx.AsyncClient, path: Path, *, of_folder: bool
) -> None:
    link = path.with_name("linked")
    link.symlink_to(path.parent if of_folder else path)
    other = link / path.name if of_folder else link
    async with tracker_with(arm_client, path):
        with pytest.raises(azpoll.JournalInUse, match="another tracker owns it"):
            await tracker_with(arm_client, other).__aenter__()
        with open_reader(other) as reader:
            owner = reader.owner()
    assert owner is not None
    assert owner.is_alive


async def test_the_lease_of_a_killed_process_is_taken_over(arm_client: httpx.AsyncClient, path: Path) -> None:
    process = start_owner(path)
    try:
        with pytest.raises(azpoll.JournalInUse):
            await tracker_with(arm_client, path).__aenter__()
        with open_reader(path) as reader:
            owner = reader.owner()
        assert owner is not None
        assert (owner.process_id, owner.is_alive) == (process.pid, True)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    with open_reader(path) as reader:
        dead = reader.owner()
    assert dead is not None
    assert not dead.is_alive
    async with tracker_with(arm_client, path):
        with open_reader(path) as reader:
            new = reader.owner()
        assert new is not None
        assert (new.process_id, new.is_alive) == (os.getpid(), True)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
async def test_a_fork_that_outlives_the_owner_does_not_keep_the_lease(
    arm_client: httpx.AsyncClient, path: Path
) -> None:
    fork = "import os, time; child = os.fork(); time.sleep(60) if child == 0 else print(child, flush=True)"
    process = start_owner(path, then=fork)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        process.kill()
        process.wait()
        async with tracker_with(arm_client, path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()


async def test_a_reader_does_not_release_or_need_the_lease(arm_client: httpx.AsyncClient, path: Path) -> None:
    async with tracker_with(arm_client, path):
        for _ in range(3):
            with open_reader(path) as reader:
                assert list(reader.entries()) == []
                assert reader.owner()
        with pytest.raises(azpoll.JournalInUse):
            await tracker_with(arm_client, path).__aenter__()


@pytest.mark.skipif(sys.platform == "win32", reason="the modes are those of POSIX")
async def test_only_the_owner_of_the_files_can_read_them(path: Path) -> None:
    old = os.umask(0)
    try:
        async with client_of(FakeARM()) as client, tracker_with(client, path):
            files = list(path.parent.iterdir())
            assert {file.name for file in files} == {
                *("operations.db", "operations.db-wal", "operations.db-shm", "operations.db-owner"),
            }
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    finally:
        os.umask(old)
