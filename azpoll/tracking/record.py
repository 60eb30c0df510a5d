"""The record of one tracked operation: slotted, and changed by the scheduler alone.

anyio events are created only when a task waits. A waiting operation therefore costs no task, no future and no lock.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, TypeAlias

import anyio

from azpoll.operation_state import OperationState
from azpoll.protocol.redaction import masked_label
from azpoll.protocol.states import Canceled, Confirming, Failed, Fetching, Pending, Polling, Succeeded, Unknown
from azpoll.schedule.job import Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.protocol.arm_error import ServiceError
    from azpoll.protocol.plan import Plan
    from azpoll.protocol.states import State
    from azpoll.schedule.completion_times import CompletionTimes
    from azpoll.schedule.job import CancelRequest

    OnChange: TypeAlias = Callable[["OperationRecord", State, Answer | RequestFailure | None, float], None]
    """Called with the record, its state before, the outcome of the request if there was one, and when it was sent."""

logger = logging.getLogger("azpoll")

PUBLIC_STATES: dict[type[State], OperationState] = {
    Polling: OperationState.RUNNING,
    Confirming: OperationState.RUNNING,
    Fetching: OperationState.FETCHING,
    Succeeded: OperationState.SUCCEEDED,
    Failed: OperationState.FAILED,
    Canceled: OperationState.CANCELED,
    Unknown: OperationState.UNKNOWN,
}


class OperationRecord:
    """One operation. It satisfies `schedule.job.Job`. Times are monotonic seconds.

    Args:
        plan: of the operation.
        state: its first.
        on_change: called after each change of the state; all records of a tracker share one function.
        begun_s: the time when tracking began: that of the initial answer, or of the resumption. The first delay counts
            from it.
        started_s: the time of the initial answer, from which the age of the operation counts (rule 50).
        own_id: None until the id is first read: most operations are never shown by their id.

    Attributes:
        reported: the error in the last answer, once an awaiter has read it; a large one is not parsed again.
    """

    # A dataclass with slots would be declared twice, by code that is compiled at each import.
    __slots__ = (
        *("plan", "state", "on_change", "begun_s", "started_s", "label", "owner", "own_id"),
        *("due_s", "priority_time", "heap_entry", "priority", "completion_times"),
        *("polls", "last_poll_s", "released_s", "cancel_request", "callbacks", "reported", "_done", "_changed"),
    )

    def __init__(
        self,
        plan: Plan,
        state: State,
        on_change: OnChange,
        begun_s: float,
        started_s: float,
        *,
        label: str | None = None,
        owner: Hashable = None,
        own_id: str | None = None,
    ) -> None:
        self.plan = plan
        self.state = state
        self.on_change = on_change
        self.begun_s = begun_s
        self.started_s = started_s
        self.label = label
        self.owner = owner
        self.own_id = own_id
        self.due_s = self.priority_time = 0.0
        self.heap_entry = self.polls = 0
        self.priority = Priority.NORMAL
        self.last_poll_s: float | None = None
        self.released_s: float | None = None
        self.completion_times: CompletionTimes | None = None
        self.cancel_request: CancelRequest | None = None
        self.callbacks: list[Callable[[], object]] | None = None
        self.reported: ServiceError | None = None
        self._done: anyio.Event | None = None
        self._changed: anyio.Event | None = None

    @property
    def id(self) -> str:
        """16 hexadecimal digits."""
        if self.own_id is None:
            self.own_id = new_id()
        return self.own_id

    @property
    def name(self) -> str:
        """Id and label, for messages."""
        label = self.label
        return f"operation {self.id}" if label is None else f"operation {masked_label(label)!r} ({self.id})"

    @property
    def answered_s(self) -> float:
        """The time of the last answer; before the first, the time when tracking began."""
        return self.begun_s if self.last_poll_s is None else self.last_poll_s

    @property
    def ended(self) -> bool:
        """Whether the state is terminal, or tracking was stopped and no request is in flight."""
        return self.released_s is not None or not isinstance(self.state, Pending)

    @property
    def ended_s(self) -> float | None:
        """When the operation ended, or tracking was stopped; None before."""
        if not self.ended:
            return None
        return self.answered_s if self.released_s is None else self.released_s

    @property
    def stopped(self) -> bool:
        """Whether tracking was stopped before the operation ended."""
        return self.ended and isinstance(self.state, Pending)

    @property
    def public_state(self) -> OperationState:
        """The state that callers see, which is unknown after tracking was stopped."""
        return OperationState.UNKNOWN if self.stopped else PUBLIC_STATES[type(self.state)]

    def publish(self, state: State, outcome: Answer | RequestFailure | None, sent_s: float) -> None:
        """Adopt a new state; the scheduler calls this before any other task can run (rule 40)."""
        before, self.state = self.state, state
        if self.cancel_request is not None and not isinstance(state, (Polling, Confirming)):
            self.cancel_request.finished.set()  # the operation has ended: there is nothing left to cancel (rule 29)
            self.cancel_request = None
        if outcome is not None:
            self.polls += 1
            self.last_poll_s = outcome.at_s
        try:
            self.on_change(self, before, outcome, sent_s)
        finally:  # a listener may raise KeyboardInterrupt
            self.notify()

    def notify(self) -> None:
        """Wake the tasks that wait for a change and, after the end, those that wait for it."""
        if self._changed is not None:
            self._changed.set()
            self._changed = None
        if not self.ended:
            return
        if self.cancel_request is not None:
            self.cancel_request.finished.set()
        if self._done is not None:
            self._done.set()
        callbacks, self.callbacks = self.callbacks, None
        if callbacks:
            call_all(callbacks)

    def call_at_end(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call a function when the operation has ended, or now if it has; returns a function that removes it."""
        if self.callbacks is None:
            self.callbacks = []
        self.callbacks.append(callback)
        if self.ended:
            self.notify()

        def remove() -> None:
            if self.callbacks is not None and callback in self.callbacks:
                self.callbacks.remove(callback)

        return remove

    async def wait_ended(self) -> None:
        """Wait until the operation has ended."""
        if not self.ended:
            if self._done is None:
                self._done = anyio.Event()
            await self._done.wait()

    def next_change(self) -> anyio.Event:
        """Return the event that the next change sets."""
        if self._changed is None:
            self._changed = anyio.Event()
        return self._changed


def new_id() -> str:
    """Return a new id of an operation."""
    return f"{random.getrandbits(64):016x}"


def call_all(callbacks: Iterable[Callable[[], object]]) -> None:
    """Call the caller's functions; an error in one is logged and harms no operation.

    A synchronous function cannot be cancelled: a `CancelledError` comes from a future that it has looked at.

    Raises:
        BaseException: the first `KeyboardInterrupt`, `SystemExit` or outcome of a test runner, after all were called.
    """
    raised: BaseException | None = None
    for callback in callbacks:
        try:
            callback()
        except (Exception, asyncio.CancelledError):
            logger.exception("a callback given to azpoll raised an error")
        except BaseException as error:  # noqa: BLE001 - raised below
            raised = raised or error
    if raised is not None:
        raise raised
