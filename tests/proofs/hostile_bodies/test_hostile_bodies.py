"""R10: a hostile body costs at most 16 MiB and ends no operation (threat T10)."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.proofs.hostile_bodies.body_server import hostile_bodies, serve_bodies
from tests.support.marks import EACH_LIBRARY

if TYPE_CHECKING:
    from tests.support.clients import Library

pytestmark = pytest.mark.slow

POLLING_PROCESS = Path(__file__).with_name("polling_process.py")
MAX_KIB = 16 * 1024


async def reports(library: Library) -> list[dict[str, Any]]:
    """Return the reports of a separate process on all hostile bodies."""
    bodies = hostile_bodies()
    async with serve_bodies(bodies) as base:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(POLLING_PROCESS), library, base, *bodies, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


@EACH_LIBRARY
def test_a_hostile_body_costs_at_most_16_mib_and_ends_no_operation(library: Library) -> None:
    """Bodies are read up to 8 MiB (rule 38)."""
    output = asyncio.run(reports(library))
    assert [report["name"] for report in output] == [name for name in hostile_bodies() for _ in range(2)]
    assert {report["error"] for report in output} == {"OperationTimeout", "AnswerTooLarge"}, "no verdict"
    assert max(report["grown_kib"] for report in output) <= MAX_KIB
    assert sum(report["grown_kib"] for report in output) <= MAX_KIB
