"""The process that is killed: it recovers a journal, begins the operations that are missing, and reports each end.

python -m tests.proofs.journal.journalled_process http://127.0.0.1:8080 FOLDER OPERATIONS
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import azpoll
from tests.proofs.journal.reports import METHODS, Report
from tests.support.clients import new_client


async def main(base_url: str, folder: Path, count: int) -> None:
    reports = os.open(folder / "reports", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    journal = azpoll.SQLiteJournal(folder / "journal.db")

    def report(event: azpoll.Event) -> None:
        match event:
            case azpoll.OperationEnded(label=str(label), state=state):
                os.write(reports, Report(label, event.operation_id, state).line())
            case azpoll.JournalFailed(reason=reason):
                raise SystemExit(reason)
            case _:
                pass

    async with (
        new_client(base_url=base_url, trust_env=False) as client,
        azpoll.Tracker(
            client,
            journal=journal,
            min_interval=0,
            interval=0.02,
            budget=None,
            max_in_flight=8,
            patience=azpoll.Patience(attempts=3, seconds=0.2, grace_attempts=3, grace_seconds=0.2),
        ) as tracker,
    ):
        tracker.subscribe(report)
        operations = await tracker.recover()
        known = {operation.label for operation in operations}
        known |= {result.label async for result in tracker.results()}

        async def begin(number: int) -> None:
            label = f"things/{number}"
            if label not in known:
                method = METHODS[number % len(METHODS)]
                operations.append(await tracker.begin(method, f"/{label}?api-version=1", label=label, idempotent=False))

        await asyncio.gather(*map(begin, range(count)))
        await asyncio.gather(*operations, return_exceptions=True)
    os.close(reports)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
