"""What a program has at hand: operations that it began, handles on them, and those that wait."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import azpoll

if TYPE_CHECKING:
    import asyncio

    import httpx

    from azpoll.testing import FakeOperation
    from tests.proofs.lifecycle.operation_strategies import Draft
    from tests.proofs.lifecycle.tracker_task import Room

VERDICTS = frozenset({"succeeded", "failed", "canceled"})


@dataclass(eq=False)
class Waiter:
    """A task that waits for an operation.

    Attributes:
        told: how it ended, each time that it was told.
        task: that waits.
        left: whether it was cancelled.
    """

    told: list[str] = field(default_factory=list[str])
    task: asyncio.Task[None] | None = None
    left: bool = False


@dataclass(eq=False)
class Handle:
    """An operation as one tracker gave it.

    Attributes:
        begun_s: true time.
        until_s: the loop's time from which its own deadline may have passed.
        may_stop: whether it was said that it need not be tracked to its end.
        may_be_refused: whether there was no valid credential for it at some time.
        ending: how it ended; None before.
        calls: of its callback.
    """

    number: int
    work: Work
    room: Room
    operation: azpoll.AsyncOperation[httpx.Response]
    begun_s: float
    until_s: float
    may_stop: bool
    may_be_refused: bool = False
    ending: str | None = None
    ended_s: float = math.inf
    calls: int = 0
    waiters: list[Waiter] = field(default_factory=list[Waiter])
    cancels: list[asyncio.Task[bool | azpoll.AzpollError]] = field(
        default_factory=list["asyncio.Task[bool | azpoll.AzpollError]"]
    )

    def called(self, _operation: object) -> None:
        self.calls += 1


@dataclass(eq=False)
class Work:
    """A piece of work at the service.

    Attributes:
        room: where it was begun.
        beginning: the task that begins it; None once it has.
        fake: the operation as the service knows it; None before it has begun, and where it never did.
        handles: on it, the newest last.
        token: to resume from, since its last handle ended; None while it is tracked.
        token_error_s: how far the wall clock was ahead when the token was made.
        may_be_refused: whether there was no valid credential for its initial request at some time.
    """

    path: str
    draft: Draft
    room: Room
    asked_s: float
    beginning: asyncio.Task[azpoll.AsyncOperation[httpx.Response] | azpoll.AzpollError] | None = None
    fake: FakeOperation | None = None
    handles: list[Handle] = field(default_factory=list[Handle])
    token: str | None = None
    token_error_s: float = 0.0
    may_be_refused: bool = False

    @property
    def verdict(self) -> str | None:
        """What was told of its end; None while that is open."""
        return next((handle.ending for handle in self.handles if handle.ending in VERDICTS), None)

    @property
    def tracked(self) -> list[Handle]:
        """The handles that have not ended."""
        return [handle for handle in self.handles if handle.ending is None]


def ending_of(operation: azpoll.AsyncOperation[httpx.Response]) -> str:
    """Return how an operation ended, without having seen it where it has a verdict."""
    if operation.state is azpoll.OperationState.UNKNOWN:
        return type(operation.exception()).__name__
    return operation.state.value
