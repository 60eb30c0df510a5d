"""The requests that other processes leave in a journal: to cancel an operation, and to forget one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio

from azpoll.errors import AzpollError
from azpoll.tracking.journal import JournalResult

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azpoll.tracking.journal import JournalRequest, RequestQueue
    from azpoll.tracking.journal_writer import JournalWriter
    from azpoll.tracking.record import OperationRecord

logger = logging.getLogger("azpoll")

CHECK_S = 1.0
"""Seconds between two looks at the queue."""

ACCEPTED, ALREADY_ENDED, FORGOTTEN = "accepted", "the operation has ended", "forgotten"
NO_SUCH_OPERATION = "there is no such operation"


class RequestCarrier:
    """Carries out the requests of other processes.

    Args:
        queue: the journal.
        writer: knows the tracked operations.
        cancel: sends a cancel request; False if the operation ended first.
        forget: stops the tracking of an operation, and deletes its row; returns whether there was one.
    """

    def __init__(
        self,
        queue: RequestQueue,
        writer: JournalWriter,
        cancel: Callable[[OperationRecord], Awaitable[bool]],
        forget: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._queue = queue
        self._writer = writer
        self._cancel = cancel
        self._forget = forget
        self._under_way = set[int]()

    async def run(self) -> None:
        """Carry out requests for as long as the tracker runs."""
        async with anyio.create_task_group() as tasks:
            while True:
                try:
                    found = await self._queue.requests()
                except Exception:
                    logger.exception("the requests in the journal cannot be read")
                    found = ()
                for request in found:
                    if request.number not in self._under_way:
                        self._under_way.add(request.number)
                        tasks.start_soon(self._carry_out, request, name="azpoll journal request")
                await anyio.sleep(CHECK_S)

    async def _carry_out(self, request: JournalRequest) -> None:
        """Carry out one request and store its outcome."""
        try:
            outcome = await self._outcome_of(request)
            if outcome is not None:
                await self._queue.conclude(request, outcome)
        except Exception:
            logger.exception("a request in the journal was not carried out; it is tried again")
        self._under_way.discard(request.number)

    async def _outcome_of(self, request: JournalRequest) -> str | None:
        """Return the outcome; None while the operation is not tracked, since it may be recovered soon."""
        if request.action == "forget":
            return FORGOTTEN if await self._forget(request.operation_id) else NO_SUCH_OPERATION
        record = self._writer.find(request.operation_id)
        if record is None:
            row = await self._writer.journal.get(request.operation_id)
            if row is None:
                return NO_SUCH_OPERATION
            return ALREADY_ENDED if isinstance(row, JournalResult) else None
        try:
            return ACCEPTED if await self._cancel(record) else ALREADY_ENDED
        except AzpollError as error:
            return str(error)
