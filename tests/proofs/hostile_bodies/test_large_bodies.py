"""R5 and R10: a large body is read within bounds of memory and CPU time, whatever it holds (threat T10)."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.proofs.hostile_bodies.body_server import MIB, serve_bodies
from tests.proofs.hostile_bodies.large_bodies import bodies_read_by
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.proofs.hostile_bodies.body_server import HostileBody

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

COSTS_PROCESS = Path(__file__).with_name("costs_process.py")
PARTS = scaled(push=2, nightly=1)
"""Of the largest bodies, each push reads every second one."""

SLOW_MACHINE = 2
"""The factor of all bounds of time here: a virtual machine on a shared processor may take that much longer."""


async def costs(library: str, bodies: Mapping[str, HostileBody], most_s: Sequence[float]) -> list[dict[str, Any]]:
    """Return the costs of all bodies, measured in a separate process."""
    async with serve_bodies(bodies) as base:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.proofs.hostile_bodies.costs_process",
            library,
            base,
            *map(str, most_s),
            *bodies,
            stdout=asyncio.subprocess.PIPE,
            cwd=COSTS_PROCESS.parents[3],
        )
        output, _ = await process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize("library", ["httpx", "httpx2", "fast"])
@pytest.mark.parametrize(("mib", "most_memory", "most_held_s"), [(1, 32 * MIB, 0.05), (8, 25 * 8 * MIB, 0.5)])
def test_a_large_body_is_read_within_bounds(library: str, mib: int, most_memory: int, most_held_s: float) -> None:
    """Up to 1 MiB: 32 MiB, 50 ms and 1 s in total. Up to 8 MiB: 25 times the body, and 0.5 s. No operation ends."""
    bodies = bodies_read_by(library, mib * MIB)
    if mib > 1:
        bodies = {name: body for number, (name, body) in enumerate(bodies.items()) if number % PARTS == 0}
    most_cpu_s = SLOW_MACHINE if mib == 1 else math.inf
    output = asyncio.run(costs(library, bodies, (most_cpu_s, most_held_s)))
    assert {cost["name"] for cost in output} == set(bodies)
    assert {cost["name"]: cost["state"] for cost in output if cost["state"] != "Polling"} == {}
    assert {cost["name"]: cost["memory"] for cost in output if cost["memory"] > most_memory} == {}
    slow = most_held_s * SLOW_MACHINE
    assert {cost["name"]: cost["held_s"] for cost in output if cost["held_s"] > slow} == {}
    assert {cost["name"]: cost["cpu_s"] for cost in output if cost["cpu_s"] > most_cpu_s} == {}
