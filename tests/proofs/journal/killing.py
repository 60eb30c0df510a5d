"""Kills a process with a journal again and again, starts it again, and judges what is left."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

from azpoll.journal import open_reader
from azpoll.testing import Exchange, FakeARM, IncomingRequest, RetryAfter, Script
from azpoll.tracking.journal import JournalResult
from tests.proofs.journal import reports
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MEAN_REQUESTS = 30
"""The mean number of requests between two kills."""

VERDICTS = ("succeeded", "failed", "canceled")


class Judgement(NamedTuple):
    """The content of the journal after the last process.

    Attributes:
        kills: processes that were killed.
        lost: operations of the service without an end in the journal, or with two rows.
        false: ends in the journal that differ from those of the service.
        forgotten: reported ends that the journal does not have.
        unknown: requests whose answer no process received.
        repeated: requests that were sent twice.
    """

    kills: int
    ends: int
    lost: int
    false: int
    forgotten: int
    unknown: int
    repeated: int


class KillingARM(FakeARM):
    """A service that kills its client some milliseconds after a chosen request."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(default=self._script, limits=None, floor_s=0, log_size=1_000)
        self.process: asyncio.subprocess.Process | None = None
        self.requests_left = 0
        self._chance = chance

    def exchange(self, request: IncomingRequest) -> Exchange:
        """Answer a request; kill the client before or after it if it is the chosen one."""
        self.requests_left -= 1
        if self.requests_left == 0 and self.process is not None:
            if self._chance.random() < 0.3:
                self.process.kill()
            else:
                asyncio.get_running_loop().call_later(self._chance.uniform(0, 0.03), self._kill, self.process)
        return super().exchange(request)

    @staticmethod
    def _kill(process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.kill()

    def _script(self, request: IncomingRequest) -> Script:
        soon = RetryAfter(self._chance.choice([0.01, 0.03, 0.1]), "retry-after-ms")
        end = "Succeeded" if request.method == "DELETE" else self._chance.choice(["Succeeded", "Failed", "Canceled"])
        patterns: list[Literal["azure-async-operation", "operation-location"]]
        patterns = ["azure-async-operation", "operation-location"]
        pattern = self._chance.choice(patterns)
        return Script(pattern=pattern, retry_after=soon, duration_s=self._chance.uniform(0.02, 0.8), outcome=end)


async def kill_and_recover(folder: Path, *, operations: int, kills: int, seed: int) -> Judgement:
    """Kill processes one after the other, let the last one finish, and judge its journal."""
    chance = random.Random(seed)  # noqa: S311 - seeded
    arm = KillingARM(chance)
    killed, forgotten = 0, 0
    async with arm.serve() as base_url:
        while True:
            arm.requests_left = chance.randrange(1, 2 * MEAN_REQUESTS) if killed < kills else 0
            code = await _run(arm, base_url, folder, operations)
            forgotten = max(forgotten, _forgotten(folder))
            if code == 0:
                return _judge(arm, folder, killed, forgotten)
            assert code == -signal.SIGKILL, code
            killed += 1


async def _run(arm: KillingARM, base_url: str, folder: Path, operations: int) -> int:
    arguments = ("-m", "tests.proofs.journal.journalled_process", base_url, str(folder), str(operations))
    arm.process = await asyncio.create_subprocess_exec(sys.executable, "-W", "error", *arguments, cwd=ROOT)
    return await arm.process.wait()


def _ends(folder: Path) -> list[JournalResult]:
    if not (folder / "journal.db").exists():
        return []
    with open_reader(folder / "journal.db") as reader:
        return [entry.row for entry in reader.entries() if isinstance(entry.row, JournalResult)]


def _forgotten(folder: Path) -> int:
    """Return the number of reported ends that the journal does not have."""
    found = {tuple(report) for report in reports.read(folder / "reports")}
    if not found:
        return 0  # the file may have no tables yet
    return len(found - {(end.label, end.operation_id, str(end.state)) for end in _ends(folder)})


def _absent(end: JournalResult) -> str | None:
    """Return the right end of a request that did not arrive: a resource that is absent is deleted (rule 53)."""
    return "succeeded" if end.method == "DELETE" else None


def _judge(arm: FakeARM, folder: Path, kills: int, forgotten: int) -> Judgement:
    ends = _ends(folder)
    by_label = Counter(end.label for end in ends)
    started = Counter(operation.path.strip("/") for operation in arm.operations.values())
    outcomes = {operation.path.strip("/"): operation.outcome.lower() for operation in arm.operations.values()}
    return Judgement(
        kills,
        len(ends),
        lost=sum(by_label[label] != 1 for label in started),
        false=sum(end.state in VERDICTS and end.state != outcomes.get(end.label or "", _absent(end)) for end in ends),
        forgotten=forgotten,
        unknown=sum(end.state not in VERDICTS for end in ends),
        repeated=sum(count > 1 for count in started.values()),
    )
