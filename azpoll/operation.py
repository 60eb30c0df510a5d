"""`AsyncOperation`: the awaitable handle of one tracked operation."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

import anyio

from azpoll.errors import AzpollError, OperationTimeout
from azpoll.options import checked_seconds
from azpoll.protocol.states import Succeeded
from azpoll.snapshot import OperationState, Snapshot, public_state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from azpoll.eventloop.clock import WallClock
    from azpoll.protocol.states import State
    from azpoll.tracking.record import OperationRecord

T = TypeVar("T")


class OperationRegistry(Protocol):
    """What a handle asks of its tracker."""

    @property
    def wall_clock(self) -> WallClock:
        """Turns the event loop's times into Unix times."""
        ...

    def check_loop(self) -> None:
        """Raise `WrongEventLoop` outside the tracker's event loop."""
        ...

    def error_of(self, record: OperationRecord) -> AzpollError:
        """Return a new exception for an operation that ended otherwise."""
        ...

    def token_of(self, record: OperationRecord) -> str | None:
        """Return a resume token; None where nothing can be resumed."""
        ...

    def seen(self, record: OperationRecord) -> None:
        """Note that somebody has seen how the operation ended."""
        ...

    def stop(self, record: OperationRecord) -> None:
        """Stop tracking one operation."""
        ...

    async def cancel(self, record: OperationRecord) -> bool:
        """Ask the service to cancel."""
        ...


class AsyncOperation(Generic[T]):
    """A long-running operation that is tracked whether or not anybody awaits it.

    `await operation` gives its result: the final response of the client's library, or what `decode` made of
    it. It may be awaited any number of times and by any number of tasks; they share one polling loop, and
    cancelling one of them harms neither the polling nor the others (rules 39, 40). Made by
    `Tracker.begin`, `Tracker.track` and `Tracker.resume`.

    Raises when awaited:
        OperationFailed: the service said that it failed.
        OperationCanceled: the service said that it was canceled.
        PollingError: its status could not be read; the operation may still run.
        TrackerClosed: tracking was stopped before it ended.
    """

    __slots__ = ("__weakref__", "_desk", "_read", "_record", "_value")

    def __init__(self, desk: OperationRegistry, record: OperationRecord, read: Callable[[OperationRecord], T]) -> None:
        self._desk = desk
        self._record = record
        self._read = read
        self._value: tuple[T] | None = None

    def __repr__(self) -> str:
        """Tell id, label and state, never a URL (rule 45)."""
        return f"<AsyncOperation {self.id}{f' {self.label!r}' if self.label else ''} {self.state}>"

    def __await__(self) -> Generator[object, None, T]:
        """Wait for the end and return the result, or raise."""
        return self._outcome().__await__()

    async def _outcome(self) -> T:
        self._desk.check_loop()
        await self._record.wait_ended()
        return self.result()

    @property
    def id(self) -> str:
        """Unique name within and across processes: 16 hexadecimal digits."""
        return self._record.id

    @property
    def label(self) -> str | None:
        """The caller's own name for it."""
        return self._record.label

    @property
    def state(self) -> OperationState:
        """Where it is: `running`, `fetching`, `succeeded`, `failed`, `canceled` or `unknown`."""
        return public_state(self._record.state) if not self._record.stopped else OperationState.UNKNOWN

    @property
    def status(self) -> str | None:
        """The status word last read, in the service's spelling; None before the first."""
        return self._record.state.progress.status

    def done(self) -> bool:
        """Whether it has ended, in whatever way. Does no I/O."""
        return self._record.ended

    def result(self) -> T:
        """Return the result of an ended operation, as awaiting it would.

        Raises:
            asyncio.InvalidStateError: it has not ended.
            AzpollError: as when awaited.
        """
        self._check_ended()
        if not isinstance(self._record.state, Succeeded):
            raise self._failure()
        if self._value is None:
            self._value = (self._read(self._record),)
        return self._value[0]

    def exception(self) -> AzpollError | None:
        """Return a new exception like the one awaiting it would raise; None when it succeeded.

        Raises:
            asyncio.InvalidStateError: it has not ended.
        """
        self._check_ended()
        return None if isinstance(self._record.state, Succeeded) else self._failure()

    def add_done_callback(self, callback: Callable[[AsyncOperation[T]], object]) -> Callable[[], None]:
        """Call `callback(operation)` once it has ended, at once if it has.

        An error in the callback is logged and goes no further. Returns a function that takes the callback
        back; calling it again, or too late, does nothing.
        """
        call = partial(callback, self)
        record = self._record
        if record.callbacks is None:
            record.callbacks = []
        record.callbacks.append(call)
        if record.ended:
            record.tell()

        def remove() -> None:
            if record.callbacks is not None and call in record.callbacks:
                record.callbacks.remove(call)

        return remove

    async def wait(self, timeout: float | None = None) -> AsyncOperation[T]:  # noqa: ASYNC109 - it raises our error
        """Wait until it has ended, in whatever way, and return it.

        Args:
            timeout: seconds to wait, 0 or more; None waits without limit. Tracking goes on after it.

        Raises:
            OperationTimeout: it had not ended in time; also a TimeoutError.
            ValueError: `timeout` is negative or not a number.
        """
        self._desk.check_loop()
        limit_s = checked_seconds("timeout", timeout)
        with anyio.move_on_after(limit_s):
            await self._record.wait_ended()
        if not self.done():
            raise OperationTimeout(
                f"{self._record.name} had not ended after {limit_s:g} s; tracking goes on",
                operation=self._record.name,
                resume_token=self.resume_token(),
            )
        return self

    def snapshot(self) -> Snapshot:
        """Return what is known now. Does no I/O."""
        record, progress = self._record, self._record.state.progress
        last_s = record.last_poll_s
        return Snapshot(
            id=record.id,
            label=record.label,
            state=self.state,
            status=progress.status,
            percent_complete=progress.percent_complete,
            percent=progress.percent,
            start_time=progress.start_time,
            end_time=progress.end_time,
            polls=record.polls,
            last_poll=None if last_s is None else self._wall_time(last_s),
            next_poll=self._wall_time(record.due_s) if record.heap_entry else None,
            request_id=progress.request_id,
            correlation_id=progress.correlation_id,
        )

    def snapshots(self) -> AsyncIterator[Snapshot]:
        """Iterate over snapshots: one now and one after each poll, the last one when it has ended.

        A slow reader misses those in between and gets the newest: nothing queues up.
        """
        self._desk.check_loop()
        return _Snapshots(self._record, self.snapshot)

    def resume_token(self) -> str:
        """Return a text that takes tracking up again later, or in another process (rule 42).

        To be kept as a secret: it holds no credential, but its URLs may be signed. It is of this moment: what a poll
        is answered that is under way, its Retry-After too, is in a token that is made after it.

        Raises:
            ValueError: it succeeded, or was never there to be asked.
        """
        token = self._desk.token_of(self._record)
        if token is None:
            raise ValueError(f"{self._record.name} has nothing to resume: it {self.state}")
        return token

    async def cancel(self) -> bool:
        """Ask the service to cancel the operation, and go on polling until it has ended (rule 43).

        Sends a POST to the `cancel_url` that tracking was begun with, or to `<monitor>:cancel` where the
        service's header was `Operation-Location`. Returns whether it was sent and taken; False when
        the operation had ended before.

        Raises:
            CancelFailed: the service has no way to cancel, or refused.
            TrackerClosed: tracking was stopped before it was known to be taken; the operation may still run.
        """
        self._desk.check_loop()
        return await self._desk.cancel(self._record)

    def stop_tracking(self) -> None:
        """Poll no more; the operation itself goes on. Awaiters get `TrackerClosed` with a resume token.

        A request under way is waited for, and only then is the operation `done()`: its answer may be the end, which
        awaiters are then told, or name the time before which nobody may ask again.
        """
        self._desk.stop(self._record)

    def _failure(self) -> AzpollError:
        self._desk.seen(self._record)
        return self._desk.error_of(self._record)

    def _check_ended(self) -> None:
        if not self._record.ended:
            raise asyncio.InvalidStateError(f"{self._record.name} has not ended")

    def _wall_time(self, at_s: float) -> datetime:
        return datetime.fromtimestamp(self._desk.wall_clock.unix_s(at_s), UTC)


class _Snapshots:
    """Not an async generator: those must be closed by whoever leaves them early, and trio warns where they are not."""

    __slots__ = ("_over", "_record", "_seen", "_snapshot")

    def __init__(self, record: OperationRecord, snapshot: Callable[[], Snapshot]) -> None:
        self._record = record
        self._snapshot = snapshot
        self._seen: State | None = None
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Snapshot:
        record = self._record
        if self._over:
            raise StopAsyncIteration
        while record.state is self._seen and not record.ended:
            await record.wait_changed()
        self._seen, self._over = record.state, record.ended
        return self._snapshot()
