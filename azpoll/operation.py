"""`AsyncOperation`: the awaitable handle of one tracked operation, and the iterator over its snapshots."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar, final

import anyio

from azpoll.errors import AzpollError, OperationTimeout
from azpoll.protocol.last_error import counts_of, last_error
from azpoll.protocol.redaction import masked_label, masked_url
from azpoll.protocol.states import Succeeded
from azpoll.tracking.group_owner import label_of
from azpoll.tracking.settings import checked_function, checked_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from azpoll.operation_state import OperationState
    from azpoll.snapshot import Snapshot
    from azpoll.tracking.record import OperationRecord
    from azpoll.tracking.session import Session
    from azpoll.transport.library import ResponseT

T = TypeVar("T")


@final
class _Decoded(NamedTuple, Generic[T]):
    """The result of a succeeded operation, decoded once."""

    value: T


class AsyncOperation(Generic[T]):
    """A tracked long-running operation.

    `await operation` returns its result: the final response of the client's library, or the value that `decode` made
    of it. Any number of tasks may await it, any number of times. They share one polling loop. Cancelling one of them
    harms neither the polling nor the others, and polling goes on while no task awaits (rules 39, 40). `Tracker.begin`,
    `Tracker.track` and `Tracker.resume` make operations.

    It is no coroutine and no task. `asyncio.gather` and `asyncio.wait_for` take it directly, `asyncio.ensure_future`
    makes a task of it, and task groups take its `wait`: `tasks.create_task(operation.wait())` with asyncio,
    `tasks.start_soon(operation.wait)` with anyio and trio.

    Raises when awaited:
        OperationFailed: the service reported that the operation failed.
        OperationCanceled: the service reported that the operation was canceled.
        PollingError: the status could not be read; the operation may still run.
        TrackerClosed: tracking was stopped before the operation ended.
    """

    __slots__ = ("__weakref__", "_initial_correlation_id", "_record", "_result", "_session")

    def __init__(
        self, session: Session[ResponseT], record: OperationRecord, decode: Callable[[ResponseT], T] | None
    ) -> None:
        self._session: Session[Any] = session
        self._record = record
        self._result: Callable[[Any], T] | _Decoded[T] | None = decode
        self._initial_correlation_id = record.state.progress.correlation_id

    def __repr__(self) -> str:
        """Show id, label and state, never a URL (rule 45)."""
        return f"<AsyncOperation {self.id}{f' {masked_label(self.label)!r}' if self.label else ''} {self.state}>"

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        from azpoll.notebook import operation_html  # noqa: PLC0415 - no other program needs it

        record = self._record
        succeeded = not record.ended or isinstance(record.state, Succeeded)
        return operation_html(self.snapshot(), None if succeeded else str(self._session.outcomes.error(record)))

    def __await__(self) -> Generator[object, None, T]:
        """Wait for the end and return the result, or raise."""
        return self._outcome().__await__()

    async def _outcome(self) -> T:
        self._session.check_task()
        await self._record.wait_ended()
        return self.result()

    @property
    def id(self) -> str:
        """Unique name within and across processes: 16 hexadecimal digits. A resumed operation keeps it."""
        return self._record.id

    @property
    def label(self) -> str | None:
        """The caller's own name for it."""
        return self._record.label

    @property
    def group(self) -> str | None:
        """The label of its group; None for none."""
        return label_of(self._record.owner)

    @property
    def method(self) -> str:
        """The method of the initial request, such as PUT. It is assumed for an operation of `follow`."""
        return self._record.plan.method

    @property
    def target(self) -> str:
        """The URL of the resource, without the values of its query."""
        return masked_url(self._record.plan.resource_url)

    @property
    def state(self) -> OperationState:
        """`running`, `fetching`, `succeeded`, `failed`, `canceled` or `unknown`."""
        return self._record.public_state

    @property
    def status(self) -> str | None:
        """The status word last read, in the service's spelling; None before the first."""
        return self._record.state.progress.status

    @property
    def percent(self) -> float | None:
        """The progress last read, 0..100; None where the service names none, or none of a certain scale."""
        return self._record.state.progress.percent

    @property
    def last_error(self) -> str | None:
        """Why the last poll failed, such as "HTTP 503"; None after an answer that could be used."""
        return last_error(self._record.state)

    def done(self) -> bool:
        """Whether the operation has ended, in any state. Does no I/O."""
        return self._record.ended

    def result(self) -> T:
        """Return the result of an ended operation, as awaiting it would.

        Raises:
            asyncio.InvalidStateError: the operation has not ended.
            AzpollError: as when awaited.
        """
        self._check_ended()
        state = self._record.state
        if not isinstance(state, Succeeded):
            raise self._session.error(self._record)
        decoded = self._result  # one slot for two uses, since a waiting operation is to be small
        if not isinstance(decoded, _Decoded):
            response = self._session.transport.response_from(state.answer)
            self._result = decoded = _Decoded(response if decoded is None else decoded(response))
        return decoded.value

    def exception(self) -> AzpollError | None:
        """Return a new exception, as awaiting would raise it; None after success.

        Raises:
            asyncio.InvalidStateError: the operation has not ended.
        """
        self._check_ended()
        return None if isinstance(self._record.state, Succeeded) else self._session.error(self._record)

    def add_done_callback(self, callback: Callable[[AsyncOperation[T]], object]) -> Callable[[], None]:
        """Call `callback(operation)` when the operation has ended, immediately if it has already.

        An error in the callback is logged and goes no further. Returns a function that removes the callback. Calling
        that function again, or too late, does nothing.
        """
        return self._record.call_at_end(partial(checked_function("callback", callback), self))

    async def wait(self, timeout: float | None = None) -> AsyncOperation[T]:  # noqa: ASYNC109 - it raises our error
        """Wait until the operation has ended, in any state, and return it.

        Args:
            timeout: seconds to wait, 0 or more; None waits without limit. Tracking goes on after it.

        Raises:
            OperationTimeout: the operation had not ended in time; also a TimeoutError.
            ValueError: `timeout` is negative or not a number.
        """
        self._session.check_task()
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
        """Return the present knowledge of the operation. Sends nothing."""
        from azpoll.snapshot import Snapshot  # noqa: PLC0415 - not needed before the first poll

        record = self._record
        last_s, ended_s = record.last_poll_s, record.ended_s
        return Snapshot(
            id=record.id,
            label=record.label,
            state=self.state,
            polls=record.polls,
            last_poll=None if last_s is None else self._wall_time(last_s),
            next_poll=self._wall_time(record.due_s) if record.heap_entry else None,
            initial_correlation_id=self._initial_correlation_id,
            failures=counts_of(record.state).in_a_row,
            last_error=last_error(record.state),
            started_at=self._wall_time(record.begun_s),
            ended_at=None if ended_s is None else self._wall_time(ended_s),
            elapsed_s=(self._session.outcomes.wall_clock.now_s() if ended_s is None else ended_s) - record.begun_s,
            **record.state.progress._asdict(),
        )

    def snapshots(self) -> AsyncIterator[Snapshot]:
        """Iterate over snapshots: one now and one after each poll, the last one after the end.

        A slow reader gets only the newest snapshot: there is no queue.
        """
        self._session.check_task()
        record = self._record
        return NewestValues(lambda: (self.snapshot(), record.ended), record.next_change)

    def resume_token(self) -> str:
        """Return a text that resumes tracking later, or in another process (rule 42).

        Keep it secret: it holds no credential, but its URLs may be signed, and it holds the `stored_headers`. It is as
        long as its URLs: 0.5 kB, or 4 to 9 kB with signed URLs. A token describes the present state. The
        answer to a poll that is in flight, and its Retry-After, are only in tokens that are made after that answer.

        Raises:
            ValueError: the operation succeeded, or never had a polling URL.
        """
        token = self._session.outcomes.token(self._record)
        if token is None:
            raise ValueError(f"{self._record.name} has nothing to resume: it {self.state}")
        return token

    async def cancel(self) -> bool:
        """Request that the service cancels the operation; polling goes on until it has ended (rule 43).

        Sends a POST to the `cancel_url` that was given when tracking began, or to `<monitor>:cancel` where the
        service's header was `Operation-Location`. With `cancel_method="DELETE"` it sends a DELETE to the `cancel_url`,
        or to the status monitor. Returns True if the service accepted the request, and False if
        the operation ended first.

        Raises:
            CancelFailed: there is no URL to cancel at, the service refused, or it did not answer. Its `retry_after_s`
                is the wait that the service asks for. No second request is sent.
            TrackerClosed: tracking was stopped before the service accepted; the operation may still run.
        """
        self._session.check_task()
        return await self._session.cancel(self._record)

    def stop_tracking(self) -> None:
        """Stop polling; the operation itself goes on. Awaiters get `TrackerClosed` with a resume token.

        A request in flight is completed first; only then is the operation `done()`. Its answer may be the end, which
        awaiters then get, or a Retry-After, which the token then holds.
        """
        self._session.stop(self._record)

    def _check_ended(self) -> None:
        if not self._record.ended:
            raise asyncio.InvalidStateError(f"{self._record.name} has not ended")

    def _wall_time(self, at_s: float) -> datetime:
        return datetime.fromtimestamp(self._session.outcomes.wall_clock.unix_s(at_s), UTC)


class NewestValues(Generic[T]):
    """Yields a value now and after each change; a slow reader gets only the newest.

    It is not an async generator, which must be closed when it is left early.

    Args:
        read: returns the present value, and whether it is the last.
        next_change: returns the event that the next change sets.
    """

    def __init__(self, read: Callable[[], tuple[T, bool]], next_change: Callable[[], anyio.Event]) -> None:
        self._read = read
        self._next_change = next_change
        self._changed: anyio.Event | None = None
        self._is_last = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._is_last:
            raise StopAsyncIteration
        if self._changed is not None:
            await self._changed.wait()
        self._changed = self._next_change()
        value, self._is_last = self._read()
        return value
