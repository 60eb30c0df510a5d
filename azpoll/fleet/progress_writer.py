"""Stores the progress of a worker's operations and the errors of their last polls, at each heartbeat."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from azpoll.fleet.worker_shard import NO_PROGRESS, Progress
from azpoll.protocol.redaction import escape_for_display

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from azpoll.fleet.database import Connection, Database
    from azpoll.fleet.worker_shard import WorkerShard

STORED_AT_ONCE = 1000
"""The number of operations that are stored by one statement."""

MAX_ERROR = 256
"""The greatest length of a stored error in characters."""

_STORE = """
UPDATE azpoll.operation o SET percent = row.percent, last_error = row.last_error
FROM unnest($1::text[], $2::float8[], $3::text[]) AS row(id, percent, last_error) WHERE o.id = row.id
"""


class ProgressWriter:
    """Stores what has changed since the last call, so that a poll causes no statement of its own.

    Args:
        database: of the fleet.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, shards: Iterable[WorkerShard]) -> None:
        """Store the changes of the operations of some shards that this worker has."""
        changed: list[tuple[str, Progress]] = []
        for shard in shards:
            new = _changes(shard)
            shard.progress |= new
            changed += new.items()
            await asyncio.sleep(0)
        changed.sort()  # the order in which all workers lock rows
        for first in range(0, len(changed), STORED_AT_ONCE):
            await self._database.persist(partial(_store, changed=changed[first : first + STORED_AT_ONCE]))


def _changes(shard: WorkerShard) -> dict[str, Progress]:
    """Return the progress of the operations whose progress is not the stored one, by id."""
    changes: dict[str, Progress] = {}
    for ident, tracked in shard.operations.items():
        stored, percent, error = shard.progress.get(ident, NO_PROGRESS), tracked.percent, tracked.last_error
        percent = stored.percent if percent is None else float(round(percent))  # None: this worker has not read it
        if error is not None:
            error = escape_for_display(error, MAX_ERROR)
        if (percent, error) != stored:
            changes[ident] = Progress(percent, error)
    return changes


async def _store(connection: Connection, changed: Sequence[tuple[str, Progress]]) -> None:
    ids = [ident for ident, _ in changed]
    percents, errors = [each.percent for _, each in changed], [each.last_error for _, each in changed]
    await connection.execute(_STORE, ids, percents, errors)
