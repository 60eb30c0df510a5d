"""The protocols of the schedule: a `Queued` request, and the `Job` that polls one operation."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio

from azpoll.protocol.states import Pending
from azpoll.schedule.due_heap import HeapItem

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azpoll.protocol.answer import Answer, RequestFailure
    from azpoll.protocol.plan import CancelMethod
    from azpoll.protocol.request_headers import HeaderPairs
    from azpoll.protocol.states import State
    from azpoll.protocol.url_policy import Origin
    from azpoll.schedule.completion_times import CompletionTimes


class Priority(IntEnum):
    """How soon a due request is sent, within its owner's turn."""

    HIGH = 0
    """A hint says that the operation may have ended."""
    NORMAL = 1
    LOW = 2
    """A hint says that the operation runs: its poll is sent in the background, with reads to spare."""


class Queued(HeapItem, Protocol):
    """A request that waits: until it is due, then for a token of its scope. Times are monotonic seconds.

    Attributes:
        priority_time: among the due requests of one owner, the least is sent first.
        owner: shares the tokens of the scope with the other owners.
    """

    priority: Priority
    priority_time: float
    owner: Hashable


QueuedT = TypeVar("QueuedT", bound=Queued)


class RequestTarget(Protocol):
    """Method and URL of an initial request: all that `InitialRequests` reads of it."""

    @property
    def method(self) -> str:
        """Method in upper case."""
        ...

    @property
    def url(self) -> object:
        """URL, as a string or as an object whose `str` is the URL."""
        ...


RequestT = TypeVar("RequestT", bound=RequestTarget)


class CancelRequest:
    """A request that asks the service to cancel; it is sent before the next poll of its job.

    Attributes:
        url: checked by `URLPolicy.resolve`.
        anonymous: whether it goes without the client's credentials (rule 9).
        method: "POST" or "DELETE".
        headers: the poll headers of the operation.
        params_at: the origin of the initial request (rule 45).
        cookies: of the operation, each as `name=value` (rule 52).
        outcome: the answer or the failure; None until then, and when the job ended before it was sent.
        finished: set when it was answered, or will not be sent.
        next_poll_s: due time of the poll that follows.
    """

    __slots__ = ("anonymous", "cookies", "finished", "headers", "method", "next_poll_s", "outcome", "params_at", "url")

    def __init__(
        self,
        url: str,
        *,
        method: CancelMethod = "POST",
        headers: HeaderPairs = (),
        params_at: Origin | None = None,
        anonymous: bool = False,
        cookies: tuple[str, ...] = (),
    ) -> None:
        self.url = url
        self.method = method
        self.headers = headers
        self.params_at = params_at
        self.anonymous = anonymous
        self.cookies = cookies
        self.outcome: Answer | RequestFailure | None = None
        self.finished = anyio.Event()
        self.next_poll_s = 0.0


class Job(Queued, Protocol):
    """An operation, as far as the scheduler knows it.

    Attributes:
        state: changed by the scheduler alone, through `publish`.
        begun_s: when tracking began.
        started_s: when the initial answer came; for a resumed operation that is before `begun_s`.
        cancel_request: sent before the next poll.
        completion_times: of its kind; None until they first matter.
        released_s: when the scheduler was done with it: after its last request was answered; None before.
    """

    state: State
    begun_s: float
    started_s: float
    cancel_request: CancelRequest | None
    completion_times: CompletionTimes | None
    released_s: float | None

    @property
    def answered_s(self) -> float:
        """When the last answer came; `begun_s` before the first."""
        ...

    def publish(self, state: State, outcome: Answer | RequestFailure | None, sent_s: float) -> None:
        """Set a new state, and wake the tasks that wait for a change.

        The state follows from the outcome of a request that was sent at `sent_s`, or changed then without a request.
        """
        ...


def pending_state(job: Job) -> Pending:
    """Return the state of a job that is queued or in flight."""
    assert isinstance(job.state, Pending)  # noqa: S101 - a terminal state has no next request (rule 29)
    return job.state
