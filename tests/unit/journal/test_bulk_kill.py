"""A bulk run with an SQLite file that is killed with -9 and started again: each request has one outcome."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from anyio.from_thread import start_blocking_portal

from azpoll.testing import FakeARM, Script
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = 60
PROGRAM = """
import sys
import anyio, azpoll, httpx

async def main():
    url = "/subscriptions/s/resourceGroups/g{}?api-version=2024-03-01"
    requests = (azpoll.Request("PUT", url.format(n), json={}, label=f"g{n}") for n in range(int(sys.argv[2])))
    async with httpx.AsyncClient(base_url=sys.argv[1], trust_env=False) as client:
        options = {"journal": azpoll.SQLiteJournal("bulk.db"), "min_interval": 0, "interval": 0.1, "budget": None}
        async with azpoll.Tracker(client, **options) as tracker:
            async for outcome in tracker.begin_all(requests, concurrency=20):
                print(outcome.request.label, outcome.state, flush=True)

anyio.run(main)
"""


def command(url: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, url, str(NUMBER)]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the process is killed with a signal")
def test_a_killed_run_is_continued(tmp_path: Path) -> None:
    """A request is sent again only if the answer to it was missing at the kill: at most 20, the concurrency."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    arm = FakeARM(default=Script(duration_s=1, retry_after=0), floor_s=0, limits=None, clock=time.monotonic)
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(arm.serve()) as url:
        with subprocess.Popen(  # noqa: S603 - the program under test
            command(url), cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
        ) as first:
            assert first.stdout is not None
            seen = [first.stdout.readline() for _ in range(25)]
            first.kill()
            first.wait(10)
        sent = arm.statistics().started
        assert 25 <= sent < NUMBER
        second = subprocess.run(  # noqa: S603 - the program under test
            command(url), cwd=tmp_path, env=environment, capture_output=True, text=True, check=True, timeout=60
        )
    lines = second.stdout.splitlines()
    assert sorted(lines) == sorted(f"g{number} succeeded" for number in range(NUMBER))
    assert {line.strip() for line in seen} <= set(lines)
    assert NUMBER <= arm.statistics().started <= NUMBER + 20
