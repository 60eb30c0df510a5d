"""The journal of a tracker: a durable row for each operation, written by the tracker and read after a restart.

A journal belongs to the caller. `azpoll` defines the protocol and the rows. The life of one row:

    intent      a `JournalRow` with `intent`, stored before the initial request is sent
    running     a `JournalRow` with its first token, stored before `begin` returns; later tokens in batches
    ended       a `JournalResult`, stored once, before any awaiter is notified of the end

`track`, `follow` and `resume` do no I/O, so the tracker's own task stores their first row soon afterwards.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from azpoll.operation_state import OperationState
from azpoll.protocol.redaction import masked_label


class JournalRow(NamedTuple):
    """An operation that has not ended, with the id and the label of its `AsyncOperation`.

    Attributes:
        method: of the initial request.
        url: of the initial request, without the values of its query.
        client_request_id: `x-ms-client-request-id` of the initial request.
        group: label of its `Group`; None for none.
        status: the status word last read.
        intent: whether its initial request may still be unanswered: True from before the request is sent until the
            operation is tracked.
        token: resume token; None for the intent of a POST or GET. Its URLs may be signed: keep it secret.
        options: JSON text of the options that a token does not hold; empty for none.
        polls: requests sent for it after the initial one, in all processes, as last stored; None if not known.
        throttled: polls that were answered with 429, likewise.
        percent: progress last read, 0..100; None if the service names none, or none of a certain scale.
        last_error: why the last poll failed, such as "HTTP 503"; None after an answer that could be used.
    """

    operation_id: str
    method: str
    url: str
    client_request_id: str | None
    label: str | None
    group: str | None
    status: str | None
    intent: bool
    token: str | None
    options: str
    polls: int | None = None
    throttled: int | None = None
    percent: float | None = None
    last_error: str | None = None

    def __repr__(self) -> str:
        """Show id, label and stage, never the token."""
        label = self.label and masked_label(self.label)
        return f"<JournalRow {self.operation_id} {label!r} {'intent' if self.intent else 'running'}>"


class JournalResult(NamedTuple):
    """An operation that has ended, or an initial request that started none. Other fields are as in `JournalRow`.

    Attributes:
        state: terminal; None where the initial request started no operation.
        status_code: HTTP status code of the last answer; None where there is none.
        body: body of the last answer, as far as the journal stores it: the result of a succeeded operation.
        body_length: bytes of the whole body.
        error: why the operation did not succeed, as text without secrets; None after success.
        token: resume token where the status is unknown; else None.
    """

    operation_id: str
    method: str
    url: str
    client_request_id: str | None
    label: str | None
    group: str | None
    state: OperationState | None
    status_code: int | None
    body: bytes
    body_length: int
    error: str | None
    token: str | None
    polls: int | None = None
    throttled: int | None = None

    def __repr__(self) -> str:
        """Show id, label and state, never the token or the body."""
        label = self.label and masked_label(self.label)
        return f"<JournalResult {self.operation_id} {label!r} {self.state or 'not started'}>"


class Journal(Protocol):
    """Storage for the rows of one tracker, which enters it and leaves it.

    All methods run in the tracker's event loop and must not block it. An error of `__aenter__` is raised where the
    tracker is entered. An error of `store` becomes a `JournalFailed` event, and tracking goes on in memory.
    """

    async def __aenter__(self) -> object:
        """Open the storage."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        """Close the storage."""
        ...

    async def store(self, rows: Sequence[JournalRow | JournalResult]) -> None:
        """Store rows in one transaction; each replaces the row of the same operation."""
        ...

    def open_rows(self) -> AsyncIterator[JournalRow]:
        """Iterate over the operations that have not ended."""
        ...

    def results(self, group: str | None = None) -> AsyncIterator[JournalResult]:
        """Iterate over the operations that have ended: those of one group, or all."""
        ...

    async def get(self, operation_id: str) -> JournalRow | JournalResult | None:
        """Return the row of one operation; None if there is none."""
        ...

    async def forget(self, operation_id: str) -> bool:
        """Delete the row of one operation; returns whether there was one."""
        ...


class JournalRequest(NamedTuple):
    """A request of another process that the tracker carries out.

    Attributes:
        number: unique in its journal.
    """

    number: int
    action: Literal["cancel", "forget"]
    operation_id: str


@runtime_checkable
class RequestQueue(Protocol):
    """A journal through which other processes cancel and forget operations, as `SQLiteJournal` is."""

    async def requests(self) -> Sequence[JournalRequest]:
        """Return the requests that have no outcome yet; the tracker calls this every second."""
        ...

    async def conclude(self, request: JournalRequest, outcome: str) -> None:
        """Store the outcome of a request, as text."""
        ...
