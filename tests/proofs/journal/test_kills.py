"""kill -9 of a tracker with a journal, at random moments: the next one recovers it (rules 24, 42, 53)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.proofs.journal.killing import kill_and_recover
from tests.support.scale import scaled

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

SEED = 20_260_101
KILLS = scaled(push=20, nightly=1000)
OPERATIONS = scaled(push=240, nightly=3000)


def test_kills_lose_no_operation_and_forget_no_reported_end(tmp_path: Path) -> None:
    """Only a request whose process was killed before its answer was stored is unknown."""
    found = asyncio.run(kill_and_recover(tmp_path, operations=OPERATIONS, kills=KILLS, seed=SEED))
    assert found.kills >= KILLS // 2
    assert found.ends == OPERATIONS
    assert (found.lost, found.false, found.forgotten, found.repeated) == (0, 0, 0, 0)
    assert found.unknown <= 8 * found.kills  # requests in flight at each kill
