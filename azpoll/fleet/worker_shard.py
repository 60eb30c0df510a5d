"""A shard that a worker has leased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from azpoll.fleet.shard_queue import LeasedShard
    from azpoll.operation import AsyncOperation


class Progress(NamedTuple):
    """The stored progress of an operation that runs: whole percent, and the error of its last poll."""

    percent: float | None = None
    last_error: str | None = None


NO_PROGRESS = Progress()


class WorkerShard:
    """The operations of one leased shard.

    Attributes:
        leased: number and job.
        operations: those that are tracked, by stored id.
        starting: ids of the operations that are not tracked yet, such as those whose initial request is not answered.
        unwritten: number of results that are not stored yet.
        refused: ids of the operations that this worker may not or cannot track.
        progress: what is stored of the progress of its operations, by stored id; those without any are left out.
        canceled: when each cancellation was asked for that this worker has carried out, by stored id.
    """

    def __init__(self, leased: LeasedShard) -> None:
        self.leased = leased
        self.operations: dict[str, AsyncOperation[Any]] = {}
        self.starting: set[str] = set()
        self.unwritten = 0
        self.refused: set[str] = set()
        self.progress: dict[str, Progress] = {}
        self.canceled: dict[str, datetime] = {}

    @property
    def is_idle(self) -> bool:
        """Whether the worker has nothing left to do for it."""
        return not self.operations and not self.starting and not self.unwritten

    @property
    def is_finished(self) -> bool:
        """Whether each of its operations has a stored result."""
        return self.is_idle and not self.refused
