"""What the scheduler drives, as far as it knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.protocol.states import State
    from azpoll.schedule.scope_queue import Priority, ProviderQueue


class CancelRequest:
    """A POST to send for a job in place of its next poll, at once and alone: a request to cancel.

    Attributes:
        url: checked as any other target.
        outcome: what came back; None until then, or when the job ended before it was sent.
        finished: set when it was answered, or will not be sent.
        back_s: when the poll is due that it comes before.
    """

    __slots__ = ("back_s", "finished", "outcome", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self.outcome: Answer | RequestFailure | None = None
        self.finished = anyio.Event()
        self.back_s = 0.0


class Job(Protocol):
    """An operation, as the scheduler sees it. Times are monotonic seconds.

    Attributes:
        state: changed by the scheduler alone, through `publish`.
        due_s: of its next request.
        priority_time: in its lane, earlier ones are asked first.
        begun_s: of the beginning of its tracking.
        answered_s: of its last answer, or of its beginning.
        heap_entry: number of its entry in the heap or in a lane; 0 while it has none.
        provider_queue: where its read is counted, while it waits in a lane for it or spends it; else None.
        polling_url: the URL by which jobs that ask the same find it; None before the first, and after the last request.
        priority: how soon it is asked once it is due.
        owner: who shares the reads of its scope with other owners.
        cancel_request: to be sent before the next poll.
        withdrawn: nothing more is sent for it; it leaves once no request that it may learn from is under way.
    """

    state: State
    due_s: float
    priority_time: float
    begun_s: float
    heap_entry: int
    provider_queue: ProviderQueue[Job] | None
    polling_url: str | None
    priority: Priority
    owner: Hashable
    cancel_request: CancelRequest | None
    withdrawn: bool

    @property
    def answered_s(self) -> float:
        """Of its last answer, or of its beginning."""
        ...

    def publish(self, state: State, outcome: Answer | RequestFailure | None, lateness_s: float) -> None:
        """Take over a new state, and tell whoever waits for it."""
        ...


JobT = TypeVar("JobT", bound=Job)
