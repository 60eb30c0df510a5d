"""Stores the results of a worker as they come, and removes the shards that have no open operation left."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from azpoll.errors import OperationError
from azpoll.fleet import notifications, shard_queue
from azpoll.fleet.operation_table import EndedOperation
from azpoll.protocol.redaction import escape_for_display

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from azpoll.errors import AzpollError
    from azpoll.fleet.database import Connection, Database
    from azpoll.fleet.operation_table import OpenOperation, OperationTable
    from azpoll.fleet.worker_shard import WorkerShard
    from azpoll.operation import AsyncOperation
    from azpoll.operation_state import OperationState
    from azpoll.transport.library import HTTPResponse, ResponseT

GATHER_S = 0.02
"""Seconds in which results are gathered for one transaction."""

MAX_ERROR = 2048
"""The greatest length of a stored error text in characters."""


class _Waiting(NamedTuple):
    result: EndedOperation
    shard: WorkerShard


class ResultWriter:
    """Stores results in batches.

    Args:
        database: of the fleet.
        table: of the results.
        max_body: bytes of a body that are stored.
        released: called with each shard that the worker has nothing left to do for.
    """

    def __init__(
        self,
        database: Database,
        table: OperationTable,
        max_body: int,
        released: Callable[[WorkerShard], object],
    ) -> None:
        self._database = database
        self._table = table
        self._max_body = max_body
        self._released = released
        self._waiting: list[_Waiting] = []
        self._writing = asyncio.Lock()
        self._changed = asyncio.Event()

    def add(self, shard: WorkerShard, operation: OpenOperation, ended: AsyncOperation[ResponseT]) -> None:
        """Store the result of an operation that has ended, soon."""
        error = ended.exception()
        response = ended.result() if error is None else error.response
        token = None if error is None else _token_of(error)
        self.add_outcome(shard, operation, ended.state, error=error, response=response, token=token)

    def add_outcome(
        self,
        shard: WorkerShard,
        operation: OpenOperation,
        state: OperationState | None,
        *,
        error: Exception | str | None,
        response: HTTPResponse | None = None,
        token: str | None = None,
    ) -> None:
        """Store an outcome, soon; without a state the initial request started no operation."""
        body = b"" if response is None else response.content
        result = EndedOperation(
            operation.operation_id,
            operation.group,
            operation.label,
            state,
            None if response is None else response.status_code,
            body[: self._max_body],
            len(body),
            None if error is None else escape_for_display(str(error), MAX_ERROR),
            token,
        )
        shard.unwritten += 1
        self._waiting.append(_Waiting(result, shard))
        self._changed.set()

    async def run(self) -> None:
        """Store results until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await asyncio.sleep(GATHER_S)
            await self.write_waiting()

    async def write_waiting(self, within_s: float | None = None) -> None:
        """Store all results that wait, and remove the shards that are finished by that, in one transaction."""
        async with self._writing:
            batch = self._waiting[:]
            if not batch:
                return
            last: dict[WorkerShard, int] = {}
            for waiting in batch:
                last[waiting.shard] = last.get(waiting.shard, 0) + 1
            results = [waiting.result for waiting in batch]
            finished = [
                shard
                for shard, count in last.items()
                if shard.unwritten == count and not (shard.operations or shard.starting or shard.refused)
            ]
            await self._database.persist(partial(self._write, results, finished), within_s)
            del self._waiting[: len(batch)]
            for shard, count in last.items():
                shard.unwritten -= count
                if shard.is_idle:
                    self._released(shard)

    async def _write(
        self, results: Sequence[EndedOperation], finished: Sequence[WorkerShard], connection: Connection
    ) -> None:
        await self._table.write(connection, results)
        await shard_queue.finish(connection, [shard.leased for shard in finished])
        await notifications.notify(connection, "results")


def _token_of(error: AzpollError) -> str | None:
    """Return the token of an operation whose status is unknown; one that has ended needs none."""
    return None if isinstance(error, OperationError) else error.resume_token
