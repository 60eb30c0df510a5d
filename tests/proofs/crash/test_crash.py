"""kill -9 at random moments: the next process resumes the tracked operations (rules 24, 29, 42).

The processes are real and use loopback. A process is killed at a number of requests, so the test waits for no time.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

import azpoll
from azpoll.testing import Exchange, FakeARM, IncomingRequest, RetryAfter, Script, status_monitor
from tests.proofs.crash import token_journal
from tests.support.clients import new_client
from tests.support.repository import ROOT
from tests.support.scale import scaled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

SEED = 20_260_101
OPERATIONS = scaled(push=200, nightly=1000)
KILLS = scaled(push=10, nightly=1000)
MEAN_REQUESTS = scaled(push=100, nightly=20)
"""The mean number of requests between two kills."""

ENDS = ("Succeeded", "Failed", "Canceled")


class KillingARM(FakeARM):
    """A service that kills its client at a chosen request."""

    def __init__(self, scripts: Callable[[IncomingRequest], Script]) -> None:
        super().__init__(default=scripts, limits=None, log_size=1_000_000)
        self.kill: Callable[[], object] | None = None
        self.requests_left = 0

    def exchange(self, request: IncomingRequest) -> Exchange:
        """Answer a request; kill the client first if it is the chosen one."""
        self.requests_left -= 1
        if self.requests_left == 0 and self.kill is not None:
            self.kill()
        return super().exchange(request)


def script_of(chance: random.Random) -> Script:
    """Return a random operation that ends after a random number of polls."""
    soon = RetryAfter(chance.choice([0.01, 0.03, 0.1]), "retry-after-ms")
    polls = MEAN_REQUESTS * KILLS // OPERATIONS * 2 + chance.randrange(8)
    end = chance.choice(ENDS)
    return Script(
        pattern=chance.choice(["azure-async-operation", "operation-location"]),
        retry_after=1,
        polls=[*[status_monitor("InProgress", retry_after=soon)] * polls, status_monitor(end)],
        location=chance.random() < 0.5,
        outcome=end,
    )


async def start(arm: FakeARM, base_url: str, chance: random.Random, path: Path) -> None:
    """Start operations and record the first token of each."""
    async with new_client(base_url=base_url, trust_env=False) as client:
        responses = [
            await client.request(chance.choice(["PUT", "POST", "DELETE"]), f"/things/{number}?api-version=1")
            for number in range(OPERATIONS)
        ]
        async with azpoll.Tracker(client, on_exit="stop") as tracker:
            with token_journal.Journal(path) as written:
                for response, identity in zip(responses, arm.operations, strict=True):
                    written.write(identity, token=tracker.track(response).resume_token())


async def run(arm: KillingARM, base_url: str, path: Path) -> int:
    """Run a process until it ends or is killed; return its exit code."""
    arguments = ("-W", "error", "-m", "tests.proofs.crash.killed_process", base_url, str(path))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT)
    arm.kill = process.kill
    return await process.wait()


def tear(path: Path, chance: random.Random) -> None:
    """Remove the end of the last line, as a crash of the machine may do."""
    content = path.read_bytes()
    last = len(content) - 1 - content.rfind(b"\n", 0, len(content) - 1)
    os.truncate(path, len(content) - chance.randrange(1, last))
    assert token_journal.read(path).torn


async def kill_and_resume(arm: KillingARM, path: Path, chance: random.Random) -> None:
    """Kill processes one after the other, let the last one finish, and check each."""
    async with arm.serve() as base_url:
        await start(arm, base_url, chance, path)
        recorded = len(token_journal.read(path).lines)
        for kill in range(KILLS + 1):
            asked = arm.statistics().requests
            arm.requests_left = chance.randrange(1, 2 * MEAN_REQUESTS) if kill < KILLS else 0
            code = await run(arm, base_url, path)
            assert code == (-signal.SIGKILL if kill < KILLS else 0)
            found = token_journal.read(path).lines
            check_process(arm, asked, found[recorded:])
            if kill < KILLS and chance.random() < 0.5:
                tear(path, chance)
            recorded = len(token_journal.read(path).lines)


def check_process(arm: FakeARM, asked: int, lines: list[token_journal.Line]) -> None:
    """Assert that a process recorded every answer except at most one per operation."""
    answered = Counter(request.operation for request in arm.requests[asked:])
    answered.subtract(line.label for line in lines)
    assert set(answered.values()) <= {0, 1}


def test_killed_processes_lose_no_operation_and_record_no_false_end(tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 - seeded
    arm = KillingARM(lambda _request: script_of(chance))
    path = tmp_path / "journal"

    asyncio.run(kill_and_resume(arm, path, chance))

    found = token_journal.read(path)
    ends = {(line.label, line.ended) for line in found.lines if line.ended is not None}
    assert ends == {(identity, operation.outcome.lower()) for identity, operation in arm.operations.items()}
    assert len(arm.operations) == OPERATIONS
    arm.no_early_polls()
    arm.one_request_at_a_time()
