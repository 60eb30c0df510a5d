"""Tokens and bodies that are encrypted with the caller's functions."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

import azpoll
from azpoll.journal import open_reader
from azpoll.testing import FakeARM, Script
from tests.support.canary import CANARY
from tests.support.clients import client_of
from tests.support.journals import THING, tracker_with

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio


def cipher(key: int) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    """Return two functions that are no more than a test needs."""

    def turn(data: bytes) -> bytes:
        return bytes(byte ^ key for byte in data)

    return turn, turn


async def test_tokens_and_bodies_are_encrypted(path: Path) -> None:
    encrypt, decrypt = cipher(0x55)
    arm = FakeARM(default=Script(duration_s=0.2, result={"secret": CANARY}), floor_s=0)
    async with client_of(arm) as client:
        journal = azpoll.SQLiteJournal(path, encrypt=encrypt, decrypt=decrypt)
        async with tracker_with(client, journal) as tracker:
            one = await tracker.begin("PUT", f"{THING}&sig={CANARY}", json={})
            await one
            await tracker.begin("PUT", f"{THING}&sig={CANARY}", json={})
            stored = b"".join(file.read_bytes() for file in path.parent.iterdir())
        async with tracker_with(client, journal) as tracker:
            (operation,) = await tracker.recover()
            assert (await operation).json() == {"secret": CANARY}
            result = await tracker.get(one.id)
    assert isinstance(result, azpoll.JournalResult)
    assert CANARY.encode() in result.body
    assert CANARY.encode() not in stored
    assert base64.b64encode(b'{"v":2') not in stored
    with open_reader(path, decrypt=decrypt) as reader:
        entry = reader.get(one.id)
    assert entry is not None
    assert entry.row == result


async def test_another_key_and_none_are_refused(path: Path) -> None:
    encrypt, decrypt = cipher(0x55)
    async with azpoll.SQLiteJournal(path, encrypt=encrypt, decrypt=decrypt):
        pass
    with pytest.raises(azpoll.JournalError, match="is encrypted: give"):
        await azpoll.SQLiteJournal(path).__aenter__()
    encrypt, decrypt = cipher(0x56)
    with pytest.raises(azpoll.JournalError, match="another key"):
        await azpoll.SQLiteJournal(path, encrypt=encrypt, decrypt=decrypt).__aenter__()
    with pytest.raises(azpoll.JournalError, match="another key"):
        open_reader(path, decrypt=decrypt)
    with pytest.raises(azpoll.JournalError, match="is encrypted: give"):
        open_reader(path)


async def test_a_key_for_a_file_without_encryption_is_refused(path: Path) -> None:
    encrypt, decrypt = cipher(0x55)
    async with azpoll.SQLiteJournal(path):
        pass
    with pytest.raises(azpoll.JournalError, match="not encrypted"):
        await azpoll.SQLiteJournal(path, encrypt=encrypt, decrypt=decrypt).__aenter__()
