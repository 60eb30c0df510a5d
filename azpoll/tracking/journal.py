"""The journal of a tracker: a durable record of each operation, written by the tracker and read after a restart.

A journal belongs to the caller. `azpoll` defines the protocol and the rows, and calls a journal in this order:

    intent      before the initial request is sent; awaited
    started     after the initial answer; awaited before `begin` returns
    changed     after polls, in batches
    ended       once, after the operation ended

`track` and `resume` do no I/O, so their `started` is written by the tracker's own task soon afterwards. An error of the
journal is logged, and tracking goes on in memory.
"""

# Without `from __future__ import annotations`: a NamedTuple would compile each annotation when it is imported.

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from azpoll.snapshot import OperationState


class JournalRow(NamedTuple):
    """An operation that has not ended, with the id and the label of its `AsyncOperation`.

    Attributes:
        method: of the initial request.
        url: of the initial request, without the values of its query.
        client_request_id: `x-ms-client-request-id` of the initial request.
        token: resume token; None until the initial request was answered. Its URLs may be signed: keep it secret.
    """

    operation_id: str
    method: str
    url: str
    client_request_id: str | None
    label: str | None
    token: str | None


class JournalResult(NamedTuple):
    """An operation that has ended, or an initial request that started none.

    Attributes:
        state: terminal; None where the initial request started no operation.
        status_code: HTTP status code of the last answer; None where there is none.
        body: body of the last answer; the result of a succeeded operation.
        token: resume token where the status is unknown; else None.
    """

    operation_id: str
    label: str | None
    state: OperationState | None
    status_code: int | None
    body: bytes
    token: str | None


class Journal(Protocol):
    """Storage for the rows of one tracker. All methods run in the tracker's event loop and must not block it."""

    async def intent(self, row: JournalRow) -> None:
        """Store a row, without a token, before its request is sent."""
        ...

    async def started(self, row: JournalRow) -> None:
        """Store a row with its first token."""
        ...

    async def changed(self, rows: Sequence[JournalRow]) -> None:
        """Replace rows, since their tokens have changed."""
        ...

    async def ended(self, row: JournalResult) -> None:
        """Replace an open row by its end."""
        ...

    async def open_rows(self) -> Sequence[JournalRow]:
        """Return the operations that have not ended."""
        ...

    async def results(self) -> Sequence[JournalResult]:
        """Return the operations that have ended."""
        ...

    async def get(self, operation_id: str) -> JournalRow | JournalResult | None:
        """Return the row of one operation; None if there is none."""
        ...
