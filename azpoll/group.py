"""`Group`: operations that are awaited, and whose progress is shown, together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

import anyio

from azpoll.errors import TrackerClosed
from azpoll.operation import NewestValues
from azpoll.operation_source import OperationSource
from azpoll.operation_state import OperationState
from azpoll.protocol.redaction import masked_label
from azpoll.tracking.group_owner import GroupOwner
from azpoll.tracking.settings import checked_type
from azpoll.transport.library import ResponseT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import TracebackType

    from azpoll.operation import AsyncOperation
    from azpoll.tracking.session import Session

T = TypeVar("T")


class GroupProgress(NamedTuple):
    """The progress of a group.

    Attributes:
        running: operations that have not ended, those whose result is being read included.
        failed: operations that the service reported as failed.
        unknown: operations whose status cannot be read, or that are no longer tracked.
        oldest_s: seconds since the oldest running operation was added to the group; None when no operation runs.
        eta_s: seconds until all operations have ended, at the rate of those that have; None before the first end,
            0 after the last.
    """

    running: int
    succeeded: int
    failed: int
    canceled: int
    unknown: int
    oldest_s: float | None
    eta_s: float | None

    @property
    def total(self) -> int:
        """All operations of the group."""
        return self.running + self.ended

    @property
    def ended(self) -> int:
        """Operations that have ended, in any state."""
        return self.succeeded + self.failed + self.canceled + self.unknown


class Group(OperationSource[ResponseT]):
    """Operations that belong together; an async context manager.

    A regular exit waits for all operations, then raises one `ExceptionGroup` of those that did not succeed. A failure
    does not stop the tracking of the others: they run in Azure anyway. When the block raises, its error goes on, and
    the tracker keeps the operations.

    The operations of a group have its label, unless a call gives another. Each group is its own owner: groups take
    turns where reads are scarce.

    Args:
        tracker: begins, tracks and resumes the operations.
        label: the label of the operations; None for none.
    """

    def __init__(self, tracker: OperationSource[ResponseT], label: str | None = None) -> None:
        _check_source(tracker)
        self.label = checked_type("label", label, str)
        self._owner = GroupOwner(self.label)
        self._tracker = tracker
        self._members: list[tuple[float, AsyncOperation[Any]]] = []
        self._changed = anyio.Event()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        self._note()
        if error is not None:
            return
        for _, operation in self._members:
            await operation.wait()
        failures = [failure for _, operation in self._members if (failure := operation.exception()) is not None]
        if failures:
            text = f"operations of the group {masked_label(self.label)!r}" if self.label else "operations of the group"
            raise ExceptionGroup(f"{text} did not succeed", failures)

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        from azpoll.notebook import group_html  # noqa: PLC0415 - no other program needs it

        return group_html(self.label, [operation.snapshot() for operation in self.operations])

    @property
    def operations(self) -> tuple[AsyncOperation[Any], ...]:
        """The operations, in the order in which they were added."""
        return tuple(operation for _, operation in self._members)

    def snapshot(self) -> GroupProgress:
        """Return the present progress. Does no I/O."""
        counts = Counter(operation.state for _, operation in self._members)
        now_s = anyio.current_time()
        since = [since_s for since_s, operation in self._members if not operation.done()]
        ended = len(self._members) - len(since)
        elapsed_s = now_s - self._members[0][0] if self._members else 0.0
        return GroupProgress(
            running=len(since),
            succeeded=counts[OperationState.SUCCEEDED],
            failed=counts[OperationState.FAILED],
            canceled=counts[OperationState.CANCELED],
            unknown=counts[OperationState.UNKNOWN],
            oldest_s=now_s - min(since) if since else None,
            eta_s=elapsed_s / ended * len(since) if ended else None,
        )

    def progress(self) -> AsyncIterator[GroupProgress]:
        """Iterate over the progress: now and after each change, until all operations have ended.

        A slow reader gets only the newest progress.
        """
        return NewestValues(self._newest, lambda: self._changed)

    def _enter(self, options: Mapping[str, object]) -> tuple[Session[ResponseT], Mapping[str, object]]:
        if self._closed:
            raise TrackerClosed("the group is closed: it takes no more operations")
        named = {} if self.label is None else {"label": self.label}
        options = {**named, "owner": self._owner, **options}
        return self._tracker._enter(options)  # noqa: SLF001 - of the same base class

    def _added(self, operation: AsyncOperation[T]) -> AsyncOperation[T]:
        self._members.append((anyio.current_time(), operation))
        self._note()
        operation.add_done_callback(self._note)
        return operation

    def _note(self, _operation: object = None) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def _newest(self) -> tuple[GroupProgress, bool]:
        now = self.snapshot()
        return now, not now.running and (now.total > 0 or self._closed)


def _check_source(tracker: object) -> None:
    if not isinstance(tracker, OperationSource):
        raise TypeError(f"a group needs a Tracker or a Group, not {type(tracker).__name__}")
