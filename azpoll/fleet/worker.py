"""A worker: leases shards, tracks their operations, stores each result, and gives shards back."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Generic
from uuid import uuid4

import anyio

from azpoll.errors import (
    AuthenticationFailed,
    AzpollError,
    CancelFailed,
    InvalidResumeToken,
    TrackerClosed,
    UntrustedPollingURL,
)
from azpoll.fleet import notifications, shard_queue
from azpoll.fleet.progress_writer import ProgressWriter
from azpoll.fleet.refusals import Refusals
from azpoll.fleet.request_sender import RequestSender
from azpoll.fleet.result_writer import ResultWriter
from azpoll.fleet.shielded import wait_shielded
from azpoll.fleet.worker_shard import NO_PROGRESS, WorkerShard
from azpoll.protocol.redaction import escape_for_display
from azpoll.transport.library import ResponseT

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import datetime

    from azpoll.fleet.database import Connection, Database
    from azpoll.fleet.notifications import Notifications
    from azpoll.fleet.operation_table import OpenOperation, OperationTable
    from azpoll.fleet.worker_options import WorkerOptions
    from azpoll.operation import AsyncOperation
    from azpoll.tracker import Tracker

LEASED_AT_ONCE = 4
"""The greatest number of shards of one lease, so that workers which start together share the shards."""

LOOK_S = 2.0
"""The longest time between two looks for shards: those of a dead worker send no notification."""

BEAT_S = 10.0
"""The longest time between two heartbeats."""

SLICE = 20
"""The number of operations that are resumed without a pause for the other tasks of the event loop."""

GIVE_BACK_S = 10.0
"""Seconds in which a stopping worker tries to reach the database; after that its leases run out."""

logger = logging.getLogger("azpoll")


class Worker(Generic[ResponseT]):
    """One worker of a fleet. It belongs to the event loop in which it is made.

    Args:
        database: of the fleet.
        table: of the operations.
        wakeups: from other processes.
        tracker: of the caller, entered.
        options: of the worker.
    """

    def __init__(
        self,
        database: Database,
        table: OperationTable,
        wakeups: Notifications,
        tracker: Tracker[ResponseT],
        options: WorkerOptions,
    ) -> None:
        self.id = uuid4()
        self._database = database
        self._table = table
        self._wakeups = wakeups
        self._tracker = tracker
        self._options = options
        self._shards: dict[int, WorkerShard] = {}
        self._writer = ResultWriter(database, table, options.stored_body, self._release)
        self._sender = RequestSender(tracker, database, table, self._writer, self)
        self._refusals = Refusals(database, table, self.id)
        self._progress = ProgressWriter(database)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Take no more shards, and let `run` give back those that the worker has."""
        self._stopped.set()

    async def run(self) -> None:
        """Work until `stop` is called or the caller cancels this; shards are given back in both cases."""
        loops = (self._lease, self._beat, self._writer.run, self._watch_cancellations)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(loop()) for loop in loops]
                await self._stopped.wait()
                for task in running:
                    task.cancel()
        except BaseExceptionGroup as errors:
            if len(errors.exceptions) == 1:
                raise errors.exceptions[0] from None
            raise
        finally:
            await wait_shielded(self._give_back_all())

    async def _lease(self) -> None:
        """Lease shards while there is room for more."""
        look_s = min(LOOK_S, self._options.lease_s / 4)
        while True:
            wait = self._wakeups.next("work")
            await self._refusals.return_shards()
            most = min(self._options.shards - len(self._shards), LEASED_AT_ONCE)
            leased: list[shard_queue.LeasedShard] = []
            if most > 0:
                call = partial(shard_queue.lease, worker=self.id, most=most, lease_s=self._options.lease_s)
                leased = await self._database.persist(call)
            new = [
                WorkerShard(each) for each in leased if each.number not in self._shards
            ]  # its own, after a late beat
            self._shards |= {shard.leased.number: shard for shard in new}
            for shard in new:
                await self._start(shard)
            if self._options.drain and not self._shards:
                counts = await self._database.persist(shard_queue.counts)
                if not counts.queued and not counts.leased:
                    self.stop()
            if not leased:
                with anyio.move_on_after(look_s):
                    await wait()

    async def _beat(self) -> None:
        """Send heartbeats, and give up the shards that another worker has taken over."""
        while True:
            await asyncio.sleep(min(self._options.lease_s / 3, BEAT_S))
            shards = tuple(self._shards.values())
            if not shards:
                continue
            leased = [shard.leased for shard in shards]
            kept = await self._database.persist(partial(shard_queue.keep, worker=self.id, shards=leased))
            for shard in shards:
                number = shard.leased.number
                if number not in kept and self._shards.pop(number, None) is not None and not shard.is_idle:
                    logger.warning("shard %d was taken over by another worker", number)
                    for operation in shard.operations.values():
                        operation.stop_tracking()
            await self._progress.store(shard for shard in shards if shard.leased.number in kept)

    async def _start(self, shard: WorkerShard) -> None:
        """Track the open operations of a shard."""
        leased = shard.leased
        operations = await self._database.persist(partial(self._table.open_of_shard, shard=leased.number))
        shard.starting = {operation.operation_id for operation in operations}  # not finished before all are tracked
        shard.progress = {each.operation_id: each.progress for each in operations if each.progress != NO_PROGRESS}
        problems: dict[str, list[str]] = {}
        for number, operation in enumerate(operations, start=1):
            if operation.token is not None:
                problem = self._resume(shard, operation, operation.token)
                if problem is not None:
                    problems.setdefault(problem, []).append(operation.operation_id)
            elif operation.request is not None:
                self._sender.send(shard, operation, operation.request)
            else:
                shard.starting.discard(operation.operation_id)
            if number % SLICE == 0:
                await asyncio.sleep(0)
        await self._refusals.forget(each for each in operations if each.operation_id in shard.operations)
        for problem, ids in problems.items():
            await self._refusals.store(leased.number, ids, problem)
        if any(operation.is_canceled for operation in operations):
            self._wakeups.wake("cancel")
        if shard.is_finished:
            await self._database.persist(partial(shard_queue.finish, shards=[leased]))
        if shard.is_idle:
            self._release(shard)

    def _resume(self, shard: WorkerShard, operation: OpenOperation, token: str) -> str | None:
        """Track an operation by its token; returns why this worker does not."""
        try:
            resumed = self._tracker.resume(token, label=operation.label, owner=operation.group)
        except (UntrustedPollingURL, InvalidResumeToken) as error:
            shard.starting.discard(operation.operation_id)
            shard.refused.add(operation.operation_id)
            return escape_for_display(str(error))
        self.follow(shard, operation, resumed)
        return None

    def refuse(self, shard: WorkerShard, operation: OpenOperation) -> None:
        """Leave an operation to other workers."""
        shard.starting.discard(operation.operation_id)
        shard.refused.add(operation.operation_id)
        if shard.is_idle:
            self._release(shard)

    def follow(self, shard: WorkerShard, operation: OpenOperation, tracked: AsyncOperation[ResponseT]) -> None:
        """Store the result of an operation once it ends."""
        shard.starting.discard(operation.operation_id)
        shard.operations[operation.operation_id] = tracked
        tracked.add_done_callback(partial(self._ended, shard, operation))

    def _ended(self, shard: WorkerShard, operation: OpenOperation, tracked: AsyncOperation[ResponseT]) -> None:
        error = tracked.exception()
        if isinstance(error, TrackerClosed):
            if self._shards.get(shard.leased.number) is shard:
                self.stop()  # the owner of the tracker closes it; or the worker stops already
            return
        del shard.operations[operation.operation_id]
        shard.progress.pop(operation.operation_id, None)
        if isinstance(error, AuthenticationFailed):  # of this worker; the credential of another one may be good
            shard.starting.add(operation.operation_id)  # not finished before its problem is stored
            self._run(self._leave_open(shard, operation, error))
            return
        self._writer.add(shard, operation, tracked)

    async def _leave_open(self, shard: WorkerShard, operation: OpenOperation, error: AuthenticationFailed) -> None:
        """Leave an operation, with its newest token, to the other workers."""
        try:
            ids, problem = [operation.operation_id], escape_for_display(str(error))
            await self._refusals.store(shard.leased.number, ids, problem, error.resume_token)
        except AzpollError as failure:
            logger.warning("the problem of the operation %s was not stored: %s", operation.operation_id, failure)
        finally:
            self.refuse(shard, operation)

    def _run(self, work: Coroutine[object, object, None]) -> None:
        """Run a coroutine in a task that ends with the worker."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _release(self, shard: WorkerShard) -> None:
        """Drop a shard that nothing is left to do for, and look for others."""
        if self._shards.pop(shard.leased.number, None) is not None and shard.refused:
            self._refusals.add(shard)
        self._wakeups.wake("work")

    async def _watch_cancellations(self) -> None:
        """Cancel operations for other processes."""
        while True:
            wait = self._wakeups.next("cancel")
            numbers = list(self._shards)
            found = await self._database.persist(partial(self._table.canceled, shards=numbers)) if numbers else []
            for number, operation_id, asked_at in found:
                self._cancel(number, operation_id, asked_at)
            await wait()

    def _cancel(self, number: int, operation_id: str, asked_at: datetime) -> None:
        shard = self._shards.get(number)
        tracked = None if shard is None else shard.operations.get(operation_id)
        if shard is not None and tracked is not None and shard.canceled.get(operation_id) != asked_at:
            shard.canceled[operation_id] = asked_at
            self._run(self._send_cancel(operation_id, tracked))

    async def _send_cancel(self, operation_id: str, tracked: AsyncOperation[ResponseT]) -> None:
        try:
            await tracked.cancel()
        except CancelFailed as error:
            problem = escape_for_display(str(error))
            call = partial(self._table.store_problem, operation_ids=[operation_id], problem=problem)
            await self._database.persist(call)
        except AzpollError as error:
            logger.info("the operation %s was not canceled: %s", operation_id, error)

    async def _give_back_all(self) -> None:
        """Stop tracking, store what is known, and give all shards back."""
        for task in tuple(self._tasks):
            task.cancel()
        await self._sender.stop()
        open_operations = [tracked for shard in self._shards.values() for tracked in shard.operations.values()]
        for tracked in open_operations:
            tracked.stop_tracking()
        with anyio.move_on_after(GIVE_BACK_S):
            for tracked in open_operations:
                if not tracked.done():
                    await tracked.wait()
        try:
            await self._writer.write_waiting(GIVE_BACK_S)
            await self._database.persist(self._give_back, GIVE_BACK_S)
        except AzpollError as error:
            logger.warning("the shards of this worker were not given back; their leases run out: %s", error)
        self._shards.clear()

    async def _give_back(self, connection: Connection) -> None:
        """Store the present tokens, which have the last wait that a service asked for, and queue the shards again."""
        kept = await shard_queue.keep(connection, self.id, [shard.leased for shard in self._shards.values()])
        tokens: list[tuple[str, str]] = []
        for shard in self._shards.values():
            if shard.leased.number in kept:
                tokens += [(key, tracked.resume_token()) for key, tracked in shard.operations.items()]
        await self._table.store_tokens(connection, tokens)
        await shard_queue.give_back_all(connection, self.id)
        await notifications.notify(connection, "work")
