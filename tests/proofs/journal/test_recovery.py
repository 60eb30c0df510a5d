"""Recovery of a journal with many open operations: all of them, in time, with polls within the budget."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio
import pytest

import azpoll
from azpoll.testing import FakeARM, Script
from tests.support.clients import ORIGIN, client_of
from tests.support.journals import THING
from tests.support.scale import scaled

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

OPERATIONS = scaled(push=3_000, nightly=100_000)
RECOVERED_IN_S = 10.0
BURST, RATE = 250, 25
"""Reads of a subscription: ARM's own limits, which the tracker's budget has too."""


async def fill(path: Path, token: str) -> None:
    """Store open operations, as a process before this one has."""
    async with azpoll.SQLiteJournal(path) as journal:
        for first in range(0, OPERATIONS, 1000):
            numbers = range(first, min(first + 1000, OPERATIONS))
            names = [f"{number:016x}" for number in numbers]
            common = ("PUT", ORIGIN, None, None, None, "InProgress")
            await journal.store(
                [azpoll.JournalRow(name, *common, intent=False, token=token, options="") for name in names]
            )


async def recover(path: Path) -> tuple[int, float, FakeARM]:
    """Recover the operations, and track them for 1 s; returns their number and the seconds that recovery took."""
    arm = FakeARM(default=Script(duration_s=3600, retry_after=1))
    async with client_of(arm) as client:
        async with azpoll.Tracker(client, on_exit="stop") as tracker:
            token = (await tracker.begin("PUT", THING, json={})).resume_token()
        await fill(path, token)
        await anyio.sleep(2.1)  # so that every poll is due
        async with azpoll.Tracker(client, journal=azpoll.SQLiteJournal(path), on_exit="stop") as tracker:
            begun = time.perf_counter()
            operations = await tracker.recover()
            took_s = time.perf_counter() - begun
            await anyio.sleep(1)
    return len({operation.id for operation in operations}), took_s, arm


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_open_operations_are_recovered_in_time_and_polled_within_the_budget(tmp_path: Path, backend: str) -> None:
    found, took_s, arm = anyio.run(recover, tmp_path / "operations.db", backend=backend)
    assert found == OPERATIONS
    assert took_s < RECOVERED_IN_S
    assert arm.statistics().throttled == 0
    assert arm.statistics().reads <= BURST + RATE * (took_s + 3)
