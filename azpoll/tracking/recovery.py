"""Tracks the open rows of a journal again, after a restart."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from azpoll.errors import AzpollError
from azpoll.eventloop.checkpoint import checkpoint
from azpoll.eventloop.clock import now_s
from azpoll.events import InitialRequestUnknown, JournalFailed
from azpoll.tracking.journal_rows import never_answered, options_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from azpoll.events import Event
    from azpoll.tracking.group_owner import GroupOwner
    from azpoll.tracking.journal import JournalRow
    from azpoll.tracking.journal_writer import JournalWriter
    from azpoll.tracking.record import OperationRecord

logger = logging.getLogger("azpoll")

SLICE = 20
"""The number of operations that are recovered without a pause for the other tasks of the event loop."""


async def recover(
    writer: JournalWriter,
    resume: Callable[[JournalRow, Mapping[str, object]], OperationRecord],
    emit: Callable[[Callable[[], Event]], object],
    given: Mapping[str, object],
) -> AsyncGenerator[OperationRecord]:
    """Track every open row that is not tracked already, and yield its record.

    A row that cannot be used is not changed. The row of a POST or GET without an answer ends as unknown.

    Args:
        writer: of the journal.
        resume: tracks the operation of a row, with the options for it.
        emit: emits an event.
        given: options of the caller, which override those of each row.
    """
    owners: dict[str, GroupOwner] = {}
    ended = writer.watch_ends()  # a row that was read may end before its turn comes
    number = 0
    try:
        async for row in writer.journal.open_rows():
            number += 1
            if number % SLICE == 0:
                await checkpoint()
            if writer.find(row.operation_id) is not None or row.operation_id in ended:
                continue
            if row.intent:
                report_unanswered(row, emit)
            if row.token is None:
                await writer.conclude(never_answered(row))
                continue
            try:
                record = resume(row, {**options_of(row, owners), **given})
            except (AzpollError, ValueError, TypeError) as error:
                _report_unusable(row, error, emit)
            else:
                yield record
    finally:
        writer.unwatch_ends(ended)


def report_unanswered(row: JournalRow, emit: Callable[[Callable[[], Event]], object]) -> None:
    """Emit the event for an initial request without an answer."""
    is_polled = row.token is not None
    emit(lambda: InitialRequestUnknown(now_s(), row.operation_id, row.label, row.method, is_polled))


def _report_unusable(row: JournalRow, error: Exception, emit: Callable[[Callable[[], Event]], object]) -> None:
    logger.warning("the operation %s of the journal was not recovered: %s", row.operation_id, error)
    emit(lambda: JournalFailed(now_s(), row.operation_id, str(error)))
