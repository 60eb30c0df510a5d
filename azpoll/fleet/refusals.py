"""The operations that a worker leaves to the others, and the shards that it gives back because of them."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from azpoll.fleet import shard_queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from azpoll.fleet.database import Connection, Database
    from azpoll.fleet.operation_table import OpenOperation, OperationTable
    from azpoll.fleet.worker_shard import WorkerShard

REFUSED_S = 60.0
"""Seconds until a worker gets a shard again of which another one refused operations."""

logger = logging.getLogger("azpoll")


class Refusals:
    """Why operations are left open, and shards to give back.

    Args:
        database: of the fleet.
        table: of the operations.
        worker: its id.
    """

    def __init__(self, database: Database, table: OperationTable, worker: UUID) -> None:
        self._database = database
        self._table = table
        self._worker = worker
        self._to_return: list[WorkerShard] = []

    async def store(self, shard: int, operation_ids: Sequence[str], problem: str, token: str | None = None) -> None:
        """Store why operations of a shard are not tracked here, and the newest token of the first of them."""
        logger.warning("%d operations of shard %d are not tracked here: %s", len(operation_ids), shard, problem)

        async def write(connection: Connection) -> None:
            await self._table.store_problem(connection, operation_ids, problem)
            if token is not None:
                await self._table.store_tokens(connection, [(operation_ids[0], token)])

        await self._database.persist(write)

    async def forget(self, operations: Iterable[OpenOperation]) -> None:
        """Delete the problems of operations that are tracked here."""
        ids = [operation.operation_id for operation in operations if operation.has_problem]
        if ids:
            await self._database.persist(partial(self._table.store_problem, operation_ids=ids, problem=None))

    def add(self, shard: WorkerShard) -> None:
        """Give a shard back soon."""
        self._to_return.append(shard)

    async def return_shards(self) -> None:
        """Give shards back; other workers may accept the operations that this one has refused."""
        if self._to_return:
            leased = [shard.leased for shard in self._to_return]
            call = partial(shard_queue.give_back, worker=self._worker, shards=leased, delay_s=REFUSED_S)
            await self._database.persist(call)
            self._to_return.clear()
