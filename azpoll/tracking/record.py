"""What is kept of one tracked operation: one slotted record, changed by the scheduler alone.

Events are made only when somebody waits, so a waiting operation costs no task, no future and no lock.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Protocol

import anyio

from azpoll.protocol.states import Confirming, Fetching, Pending, Polling, Succeeded, Unknown
from azpoll.schedule.scope_queue import Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.protocol.states import State
    from azpoll.schedule.job import CancelRequest, Job
    from azpoll.schedule.scope_queue import ProviderQueue

logger = logging.getLogger("azpoll")


class Home(Protocol):
    """Where a record's changes are told: its tracker."""

    def changed(self, record: OperationRecord, outcome: Answer | RequestFailure | None, lateness_s: float) -> None:
        """Hear that a poll was answered and the record has its new state."""
        ...


class OperationRecord:
    """One operation. Times are monotonic seconds."""

    __slots__ = (
        "_number",
        "begun_s",
        "callbacks",
        "cancel_request",
        "cancel_url",
        "changed",
        "done",
        "due_s",
        "heap_entry",
        "home",
        "label",
        "last_poll_s",
        "owner",
        "polling_url",
        "polls",
        "priority",
        "priority_time",
        "provider_queue",
        "state",
        "withdrawn",
    )

    def __init__(self, label: str | None, state: State, home: Home, begun_s: float) -> None:
        self._number: int | None = None
        self.label = label
        self.state = state
        self.home = home
        self.begun_s = begun_s
        self.due_s = 0.0
        self.priority_time = 0.0
        self.heap_entry = 0
        self.polls = 0
        self.last_poll_s: float | None = None
        self.withdrawn = False
        self.provider_queue: ProviderQueue[Job] | None = None
        self.polling_url: str | None = None
        self.priority = Priority.NORMAL
        self.owner: Hashable = None
        self.cancel_url: str | None = None
        self.cancel_request: CancelRequest | None = None
        self.callbacks: list[Callable[[], object]] | None = None
        self.done: anyio.Event | None = None
        self.changed: anyio.Event | None = None

    @property
    def id(self) -> str:
        """16 hexadecimal digits, drawn when they are first asked for: most operations are never shown by their id."""
        if self._number is None:
            self._number = random.getrandbits(64)
        return f"{self._number:016x}"

    @property
    def name(self) -> str:
        """Id and label, for people."""
        return f"operation {self.id}" if self.label is None else f"operation {self.label!r} ({self.id})"

    @property
    def answered_s(self) -> float:
        """When the last answer came; when tracking began, before the first."""
        return self.begun_s if self.last_poll_s is None else self.last_poll_s

    @property
    def ended(self) -> bool:
        """Whether nothing more is heard of it: it is terminal, or tracking was stopped and no request is under way."""
        return (self.withdrawn and self.polling_url is None) or not isinstance(self.state, Pending)

    @property
    def stopped(self) -> bool:
        """Whether tracking was stopped before it ended."""
        return self.ended and isinstance(self.state, Pending)

    @property
    def failed(self) -> bool:
        """Whether awaiting it raises."""
        return self.ended and not isinstance(self.state, Succeeded)

    @property
    def resumable(self) -> Pending | None:
        """The last state that can be asked; None after success, or when nothing was ever there to ask.

        Where the deadline comes before the next request may, it is the state without that deadline.
        """
        match self.state:
            case Succeeded():
                return None
            case Unknown(last=last):
                return last
            case Polling() | Confirming() | Fetching() as pending:
                return pending if pending.next_request.instead is None else pending.next_request.instead.last
            case _:
                return self.state.last

    def publish(self, state: State, outcome: Answer | RequestFailure | None, lateness_s: float) -> None:
        """Take over a new state; called by the scheduler, before anything else can run (rule 40)."""
        self.state = state
        if self.cancel_request is not None and not isinstance(state, (Polling, Confirming)):
            self.cancel_request.finished.set()  # it has ended at the service: nothing is left to cancel (rule 29)
            self.cancel_request = None
        if outcome is not None:
            self.polls += 1
            self.last_poll_s = outcome.at_s
        self.home.changed(self, outcome, lateness_s)
        self.tell()

    def tell(self) -> None:
        """Wake whoever waits for a change, and, at the end, for that."""
        if self.changed is not None:
            self.changed.set()
            self.changed = None
        if not self.ended:
            return
        if self.cancel_request is not None:
            self.cancel_request.finished.set()
        if self.done is not None:
            self.done.set()
        callbacks, self.callbacks = self.callbacks, None
        for callback in callbacks or ():
            call_safely(callback)

    async def wait_ended(self) -> None:
        """Return when it has ended."""
        if not self.ended:
            if self.done is None:
                self.done = anyio.Event()
            await self.done.wait()

    async def wait_changed(self) -> None:
        """Return at the next change."""
        if self.changed is None:
            self.changed = anyio.Event()
        await self.changed.wait()


def call_safely(callback: Callable[[], object]) -> None:
    """Call a caller's function; an error in it is logged and harms no operation.

    A function that cannot wait cannot be cancelled: a `CancelledError` is one it has met in some future.
    """
    try:
        callback()
    except (Exception, asyncio.CancelledError):
        logger.exception("a callback given to azpoll raised an error")
