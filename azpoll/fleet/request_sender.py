"""Sends the stored initial requests of a worker's shards."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol

from azpoll.errors import InitialRequestFailed, TrackerClosed
from azpoll.fleet import initial_request
from azpoll.operation_state import OperationState
from azpoll.protocol.redaction import escape_for_display
from azpoll.transport.library import ResponseT

if TYPE_CHECKING:
    from azpoll.fleet.database import Database
    from azpoll.fleet.operation_table import OpenOperation, OperationTable
    from azpoll.fleet.result_writer import ResultWriter
    from azpoll.fleet.worker_shard import WorkerShard
    from azpoll.operation import AsyncOperation
    from azpoll.tracker import Tracker

logger = logging.getLogger("azpoll")

_UNAUTHORIZED = 401

CONCURRENT = 64
"""The number of stored requests that a worker has handed to its tracker at a time."""

FINISH_S = 10.0
"""Seconds that a worker which stops gives the requests that it has handed to its tracker."""

MAYBE_SENT = (
    "a worker stopped between this request and its answer; the service may have executed it. Look at the resource"
    " before you send it again"
)

UNTRUSTED = (
    "its initial request is for an origin that is neither that of the worker's base_url nor in its allowed_origins;"
    " nothing was sent"
)

REFUSED_CREDENTIAL = "a worker's credential was refused with HTTP 401; nothing was executed"

CANCELED_BEFORE = "the operation was canceled before its initial request was sent"


class Receiver(Protocol[ResponseT]):
    """The worker, as far as this module knows it."""

    def follow(self, shard: WorkerShard, operation: OpenOperation, tracked: AsyncOperation[ResponseT], /) -> None:
        """Store the result of an operation once it ends."""
        ...

    def refuse(self, shard: WorkerShard, operation: OpenOperation, /) -> None:
        """Leave an operation to other workers."""
        ...

    def stop(self) -> None:
        """Give all shards back."""
        ...


class RequestSender(Generic[ResponseT]):
    """Sends initial requests, each once unless it may be executed twice.

    Args:
        tracker: of the worker.
        database: of the fleet.
        table: of the operations.
        writer: of the results.
        receiver: of the operations that have started.
    """

    def __init__(
        self,
        tracker: Tracker[ResponseT],
        database: Database,
        table: OperationTable,
        writer: ResultWriter,
        receiver: Receiver[ResponseT],
    ) -> None:
        self._tracker = tracker
        self._database = database
        self._table = table
        self._writer = writer
        self._receiver = receiver
        self._turns = asyncio.Semaphore(CONCURRENT)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    def send(self, shard: WorkerShard, operation: OpenOperation, text: str) -> None:
        """Send a stored request in its turn, and track its operation."""
        task = asyncio.create_task(self._attempt(shard, operation, initial_request.read(text)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Begin no more requests, and wait a while for those that were begun."""
        self._stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FINISH_S)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _attempt(
        self, shard: WorkerShard, operation: OpenOperation, request: initial_request.StoredRequest
    ) -> None:
        try:
            await self._send(shard, operation, request)
        except Exception:
            logger.exception("the initial request of the operation %s was not completed", operation.operation_id)
            self._receiver.refuse(shard, operation)

    async def _send(self, shard: WorkerShard, operation: OpenOperation, request: initial_request.StoredRequest) -> None:
        operation_id = operation.operation_id
        async with self._turns:
            if self._stopping:
                return
            if operation.was_sent and not request.repeatable:
                self._end(shard, operation, OperationState.UNKNOWN, MAYBE_SENT)
                return
            if operation.is_canceled and not operation.was_sent:
                self._end(shard, operation, OperationState.CANCELED, CANCELED_BEFORE)
                return
            if not await self._may_send(shard, operation, request.url):
                return
            await self._database.persist(partial(self._table.mark_sent, operation_id=operation_id))
            try:
                begun = await self._begin(operation, request)
            except InitialRequestFailed as error:
                await self._failed(shard, operation, error)
                return
            except TrackerClosed:  # nothing was sent
                await self._leave_open(operation)
                self._receiver.stop()  # the owner of the tracker closes it; or the worker stops already
                return
            except (ValueError, TypeError) as error:
                self._end(shard, operation, None, error)
                return
        if not begun.done():
            token = begun.resume_token()
            await self._database.persist(partial(self._table.store_tokens, tokens=[(operation_id, token)]))
        self._receiver.follow(shard, operation, begun)

    async def _may_send(self, shard: WorkerShard, operation: OpenOperation, url: str) -> bool:
        """Whether this worker sends a request to a URL. The database may be forged, and the client has credentials."""
        try:
            if self._tracker.trusts(url):
                return True
        except ValueError as error:
            self._end(shard, operation, None, error)
            return False
        await self._leave_open(operation, UNTRUSTED)
        self._receiver.refuse(shard, operation)
        return False

    async def _failed(self, shard: WorkerShard, operation: OpenOperation, error: InitialRequestFailed) -> None:
        """Store the end of a request that was not accepted; the credential of another worker may be.

        A worker without a credential or a connection leaves a request to the others too, for a day.
        """
        is_refused = error.status_code == _UNAUTHORIZED and not error.may_have_acted
        if is_refused or (error.is_local and not operation.is_old):
            problem = REFUSED_CREDENTIAL if is_refused else escape_for_display(str(error))
            logger.warning("the operation %s was not begun here: %s", operation.operation_id, problem)
            await self._leave_open(operation, problem)
            self._receiver.refuse(shard, operation)
            return
        shard.starting.discard(operation.operation_id)
        may_have_acted = error.may_have_acted or operation.was_sent
        text = f"{MAYBE_SENT}. Its repetition failed: {error}" if operation.was_sent else str(error)
        self._writer.add_outcome(
            shard,
            operation,
            OperationState.UNKNOWN if may_have_acted else None,
            error=text,
            response=error.response,
            token=error.resume_token,
        )

    async def _leave_open(self, operation: OpenOperation, problem: str | None = None) -> None:
        """Leave a request to other workers after nothing was executed here; an earlier worker may have sent it."""
        if not operation.was_sent:
            await self._database.persist(
                partial(self._table.mark_sent, operation_id=operation.operation_id, sent=False)
            )
        if problem is not None:
            ids = [operation.operation_id]
            await self._database.persist(partial(self._table.store_problem, operation_ids=ids, problem=problem))

    async def _begin(
        self, operation: OpenOperation, request: initial_request.StoredRequest
    ) -> AsyncOperation[ResponseT]:
        options = request.options
        options["label"], options["owner"] = operation.label, operation.group
        return await self._tracker.begin(request.method, request.url, **options)

    def _end(
        self, shard: WorkerShard, operation: OpenOperation, state: OperationState | None, error: Exception | str
    ) -> None:
        shard.starting.discard(operation.operation_id)
        self._writer.add_outcome(shard, operation, state, error=error)
