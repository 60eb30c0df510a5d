"""The result of an operation of a fleet, and the iterator over results."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Self

from azpoll.protocol.redaction import masked_label

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from azpoll.operation_state import OperationState


class FleetResult(NamedTuple):
    """An operation that has ended, or an initial request that started none.

    Attributes:
        number: rises from result to result in the order in which they were stored.
        operation_id: as `submit` or `begin` returned it.
        group: as it was submitted; None for none.
        label: the caller's own name for the operation.
        state: terminal; None where the initial request started no operation.
        status_code: HTTP status code of the last answer; None where there is none.
        body: the stored part of the body of the last answer: the result of a succeeded operation.
        body_length: bytes of the whole body.
        error: why the operation did not succeed, as text without secrets; None after success.
        token: resume token where the status is unknown; else None. `submit` accepts it again.
        ended_at: when the result was stored, in aware UTC.
    """

    number: int
    operation_id: str
    group: str | None
    label: str | None
    state: OperationState | None
    status_code: int | None
    body: bytes
    body_length: int
    error: str | None
    token: str | None
    ended_at: datetime

    def __repr__(self) -> str:
        """Show id, label and state, never the token or the body."""
        label = self.label and masked_label(self.label)
        return f"<FleetResult {self.operation_id} {label!r} {self.state or 'not started'}>"


class ResultIterator:
    """Iterates over the results of a group, until none of its operations is open.

    Args:
        read: returns the results after a number, in their order.
        is_complete: whether a number of results is that of all operations.
        next_change: returns a function that waits until there may be more results.
        after: the number of the last result that the caller knows.
    """

    def __init__(
        self,
        read: Callable[[int], Awaitable[Sequence[FleetResult]]],
        is_complete: Callable[[int], Awaitable[bool]],
        next_change: Callable[[], Callable[[], Awaitable[None]]],
        after: int,
    ) -> None:
        self._read = read
        self._is_complete = is_complete
        self._next_change = next_change
        self._last = after
        self._rows: deque[FleetResult] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> FleetResult:
        while not self._rows:
            wait = self._next_change()
            self._rows.extend(await self._read(self._last))
            if self._rows:
                self._last = self._rows[-1].number
            elif await self._is_complete(self._last):
                raise StopAsyncIteration
            else:
                await wait()
        return self._rows.popleft()
