"""`BulkOutcome`: a request of `Tracker.begin_all`, and how its operation ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from azpoll.errors import AzpollError, OperationCanceled, OperationFailed, PollingError
from azpoll.operation_state import OperationState
from azpoll.protocol.answer import Answer
from azpoll.protocol.arm_error import read_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpoll.bulk.request import Request
    from azpoll.operation import AsyncOperation
    from azpoll.tracking.journal import JournalResult

T = TypeVar("T")

_ERRORS: dict[OperationState | None, type[AzpollError]] = {
    OperationState.FAILED: OperationFailed,
    OperationState.CANCELED: OperationCanceled,
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BulkOutcome(Generic[T]):
    """A request, and how its operation ended.

    Attributes:
        request: the object that the caller gave.
        state: terminal; None if the request started no operation.
        error: why the operation did not succeed, as awaiting it would raise; why the request started none, such as
            `InitialRequestFailed` or the `ValueError` of an invalid URL; None after success.
        operation: None if the request started none, or if its end was read from the journal.
        stored: the row of the journal from which the end was read; else None.
        is_new: whether the request was sent now. If not, its operation was in the journal.
        duration_s: seconds from the initial answer to the answer that showed the end; None if the request started no
            operation, or if its end was read from the journal.
        polls: requests that this tracker sent for the operation after the initial request.
    """

    request: Request
    state: OperationState | None
    error: Exception | None
    operation: AsyncOperation[T] | None
    stored: JournalResult | None
    is_new: bool
    duration_s: float | None
    polls: int
    _read: Callable[[], T]

    def __repr__(self) -> str:
        """Show request and state."""
        return f"<BulkOutcome {self.request!r} {self.state or 'not started'}>"

    def result(self) -> T:
        """Return the result, as awaiting the operation would. A response from the journal has no headers.

        Raises:
            Exception: the `error`.
            ValueError: the journal holds only a part of the result's body.
        """
        if self.error is not None:
            raise self.error
        return self._read()


def stored_error(row: JournalResult) -> AzpollError | None:
    """Return the exception for an operation that ended without success in an earlier process; None after success."""
    if row.state is OperationState.SUCCEEDED:
        return None
    reported = None if row.status_code is None else read_error(stored_answer(row))
    kind = _ERRORS.get(row.state, PollingError)
    text = row.error or f"the journal says that the operation {row.operation_id} is {row.state}"
    return kind(text, operation=row.operation_id, resume_token=row.token, reported=reported)


def stored_answer(row: JournalResult) -> Answer:
    """Return the last answer of an operation as far as the journal has it."""
    return Answer(row.status_code or 200, {}, row.body, row.url, datetime.now(UTC), 0.0)
