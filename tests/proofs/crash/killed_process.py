"""The process that is killed: it resumes every operation of a journal and records tokens and ends.

python -m tests.proofs.crash.killed_process http://127.0.0.1:8080 /path/of/the/journal
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import azpoll
from tests.proofs.crash.token_journal import Journal, read
from tests.support.clients import new_client

if TYPE_CHECKING:
    import httpx


async def main(base_url: str, path: Path) -> None:
    with Journal(path) as journal:
        async with (
            new_client(base_url=base_url, trust_env=False) as client,
            azpoll.Tracker(client, min_interval=0, budget=None) as tracker,
        ):
            operations: dict[str, azpoll.AsyncOperation[httpx.Response]] = {}

            def record(event: azpoll.Event) -> None:
                match event:
                    case azpoll.PollAnswered(label=str(label)) if not operations[label].done():
                        journal.write(label, token=operations[label].resume_token())
                    case azpoll.OperationEnded(label=str(label)):
                        journal.write(label, ended=event.state)
                    case _:
                        pass

            tracker.subscribe(record)
            for label, token in read(path).unended.items():
                operations[label] = tracker.resume(token, label=label)
            await asyncio.gather(*operations.values(), return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
