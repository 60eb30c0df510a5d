"""R10: whatever a service sends, a poll of it costs 16 MiB at most and ends nothing (threat T10)."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.proofs.hostile_bodies.body_server import BOMBS, bomber
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from tests.support.clients import Library

VICTIM = Path(__file__).with_name("polling_process.py")
MOST_KIB = 16 * 1024


async def reports(library: Library) -> list[dict[str, Any]]:
    """Return what a process of its own tells of each bomb."""
    async with bomber() as base:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(VICTIM), library, base, *BOMBS, stdout=asyncio.subprocess.PIPE
        )
        told, _ = await process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in told.splitlines()]


@EACH_LIBRARY
def test_a_bomb_costs_little_and_ends_nothing(library: Library) -> None:
    """Through a status monitor, whose bodies are read to 1 MiB, and through a `Location`, to 8 MiB (rule 38)."""
    told = asyncio.run(reports(library))
    assert [report["name"] for report in told] == [name for name in BOMBS for _ in range(2)]
    assert {report["error"] for report in told} == {"OperationTimeout"}
    assert max(report["grown_kib"] for report in told) <= MOST_KIB
    assert sum(report["grown_kib"] for report in told) <= MOST_KIB
