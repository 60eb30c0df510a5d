"""Operations that a program has begun, their handles, and the tasks that await them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import azpoll

if TYPE_CHECKING:
    import asyncio

    import httpx

    from azpoll.testing import FakeOperation
    from tests.proofs.lifecycle.operation_strategies import Draft
    from tests.proofs.lifecycle.tracker_holder import TrackerHolder

VERDICTS = frozenset({"succeeded", "failed", "canceled"})


@dataclass(eq=False)
class Waiter:
    """A task that awaits an operation.

    Attributes:
        ends: the ends that the task got.
        task: the task.
        cancelled: whether the program cancelled the task.
    """

    ends: list[str] = field(default_factory=list[str])
    task: asyncio.Task[None] | None = None
    cancelled: bool = False


@dataclass(eq=False)
class Handle:
    """The handle of one tracker on an operation. Each handle polls for itself, so each is judged by itself.

    Attributes:
        name: names it in each of its requests.
        begun_s: the true time at which the handle was made.
        until_s: the loop time after which the deadline of the handle may have passed.
        may_stop: whether its tracking may stop before the end of the operation.
        may_be_refused: whether it had no valid credential at some time.
        ending: the end of the operation; None before.
        calls: the number of calls of its done callback.
        in_flight_at_end: whether one of its requests was in flight when it ended.
    """

    number: int
    name: str
    remote: RemoteOperation
    holder: TrackerHolder
    operation: azpoll.AsyncOperation[httpx.Response]
    begun_s: float
    until_s: float
    may_stop: bool
    may_be_refused: bool = False
    ending: str | None = None
    ended_s: float = math.inf
    calls: int = 0
    in_flight_at_end: bool = False
    waiters: list[Waiter] = field(default_factory=list[Waiter])
    cancels: list[asyncio.Task[bool | azpoll.AzpollError]] = field(
        default_factory=list["asyncio.Task[bool | azpoll.AzpollError]"]
    )

    def called(self, _operation: object) -> None:
        self.calls += 1
        assert self.remote.fake is not None
        gets = self.remote.fake.audit_of(self.name).in_flight  # until the last byte of their answers
        self.in_flight_at_end |= bool(gets or self.holder.transport.in_flight[self.name])


class KeptToken(NamedTuple):
    """A resume token of a handle that has ended.

    Attributes:
        error_s: the lead of the wall clock when the token was made, in seconds.
    """

    text: str
    handle: Handle
    error_s: float


@dataclass(eq=False)
class RemoteOperation:
    """An operation at the service.

    Attributes:
        holder: the holder of the tracker that began it.
        beginning: the task that begins it; None afterwards.
        fake: the operation of the fake service; None if it has not begun.
        handles: the handles on it, the newest last.
        token: the resume token of the last handle that ended; None while the operation is tracked.
        may_be_refused: whether its initial request had no valid credential at some time.
    """

    path: str
    draft: Draft
    holder: TrackerHolder
    asked_s: float
    beginning: asyncio.Task[azpoll.AsyncOperation[httpx.Response] | azpoll.AzpollError] | None = None
    fake: FakeOperation | None = None
    handles: list[Handle] = field(default_factory=list[Handle])
    token: KeptToken | None = None
    may_be_refused: bool = False

    @property
    def verdict(self) -> str | None:
        """The end that a handle reported; None if no handle has reported one."""
        return next((handle.ending for handle in self.handles if handle.ending in VERDICTS), None)

    @property
    def tracked(self) -> list[Handle]:
        """The handles that have not ended."""
        return [handle for handle in self.handles if handle.ending is None]

    @property
    def next_name(self) -> str:
        """The name of its next handle."""
        return f"{self.path.rpartition('/')[2]}.{len(self.handles)}"

    @property
    def has_two_handles(self) -> bool:
        """Whether two handles tracked it at the same time."""
        return any(later.begun_s < earlier.ended_s for earlier, later in pairwise(self.handles))


def ending_of(operation: azpoll.AsyncOperation[httpx.Response]) -> str:
    """Return the end of an operation. A success or failure of the service is not marked as retrieved."""
    if operation.state is azpoll.OperationState.UNKNOWN:
        return type(operation.exception()).__name__
    return operation.state.value
