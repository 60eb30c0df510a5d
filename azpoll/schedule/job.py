"""What the scheduler drives, as far as it knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azpoll.protocol.answer import Answer, Unreachable
    from azpoll.protocol.states import State
    from azpoll.schedule.lane import Place, Rank


class Errand:
    """A POST to send for a job in place of its next poll, at once and alone: a request to cancel.

    Attributes:
        url: checked as any other target.
        came: what came back; None until then, or when the job ended before it was sent.
        finished: set when it was answered, or will not be sent.
        back_s: when the poll is due that it comes before.
    """

    __slots__ = ("back_s", "came", "finished", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self.came: Answer | Unreachable | None = None
        self.finished = anyio.Event()
        self.back_s = 0.0


class Job(Protocol):
    """An operation, as the scheduler sees it. Times are monotonic seconds.

    Attributes:
        state: changed by the scheduler alone, through `publish`.
        due_s: of its next request.
        order_s: in its lane, earlier ones are asked first.
        begun_s: of the beginning of its tracking.
        answered_s: of its last answer, or of its beginning.
        entry: number of its entry in the heap or in a lane; 0 while it has none.
        place: where its read is counted, while it waits in a lane for it or spends it; else None.
        asks: the URL by which jobs that ask the same find it; None before the first, and after the last request.
        rank: how soon it is asked once it is due.
        owner: who shares the reads of its scope with other owners.
        errand: to be sent before the next poll.
        withdrawn: nothing more is sent for it; it leaves once no request that it may learn from is under way.
    """

    state: State
    due_s: float
    order_s: float
    begun_s: float
    entry: int
    place: Place[Job] | None
    asks: str | None
    rank: Rank
    owner: Hashable
    errand: Errand | None
    withdrawn: bool

    @property
    def answered_s(self) -> float:
        """Of its last answer, or of its beginning."""
        ...

    def publish(self, state: State, came: Answer | Unreachable | None, lateness_s: float) -> None:
        """Take over a new state, and tell whoever waits for it."""
        ...


JobT = TypeVar("JobT", bound=Job)
