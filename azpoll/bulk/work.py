"""The tasks behind `Tracker.begin_all`: one reads the requests, and one for each request sends it."""

from __future__ import annotations

import logging
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import anyio

from azpoll.bulk.outcome import BulkOutcome, stored_answer, stored_error
from azpoll.errors import TrackerClosed, WrongEventLoop
from azpoll.tracking.bulk_start import bulk_start
from azpoll.tracking.journal import JournalResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpoll.bulk.request import Request
    from azpoll.bulk.requests import RequestReader
    from azpoll.operation import AsyncOperation
    from azpoll.tracking.bulk_start import BulkStart
    from azpoll.tracking.record import OperationRecord
    from azpoll.tracking.session import Session
    from azpoll.transport.library import HTTPResponse

T = TypeVar("T")

_CLOSED = "the tracker was closed before all requests were begun"

logger = logging.getLogger("azpoll")


class _WithdrawnError(Exception):
    """The loop had ended before the request was sent."""


class Origin(NamedTuple, Generic[T]):
    """The tracker or group that begins the operations.

    Attributes:
        session: of the tracker.
        options: returns the options of a request with the defaults of a group.
        handle: returns the handle of a new operation, which a group has noted.
        decode: converts a final response into the result; None if the response is the result.
    """

    session: Session[HTTPResponse]
    options: Callable[[Mapping[str, object]], Mapping[str, object]]
    handle: Callable[[OperationRecord], AsyncOperation[T]]
    decode: Callable[[Any], T] | None


class BulkWork(Generic[T]):
    """Begins the operations of many requests, and collects their ends.

    Args:
        origin: begins the operations.
        reader: of the requests.
        concurrency: the greatest number of requests that were read and whose outcomes were not taken.
    """

    def __init__(self, origin: Origin[T], reader: RequestReader, concurrency: int) -> None:
        self._origin = origin
        self._reader = reader
        self._concurrency = concurrency
        self._reading = anyio.CancelScope()
        self._unsent: set[anyio.CancelScope] = set()
        self._ended: deque[Callable[[], BulkOutcome[T]]] = deque()
        self._changed = anyio.Event()
        self._error: BaseException | None = None
        self._open = 0
        self._started = self._read = self._stopped = False

    async def next(self) -> BulkOutcome[T] | None:
        """Return the next outcome, in the order of the ends; None after the last.

        Raises:
            BaseException: the error of the iterable, after the outcomes of the requests before it.
            JournalError: the journal cannot be read.
            TrackerClosed: the tracker was closed before all requests were read.
        """
        self._origin.session.check_task()
        if not self._started:
            self._origin.session.check_open()
            self._started = True
            self._origin.session.start_soon(self._read_all, "azpoll bulk")
        while not self._ended:
            if self._stopped:
                return None
            if self._read and not self._open:
                if self._error is None:
                    return None
                try:
                    raise self._error
                finally:
                    self._error = None
            await self._changed.wait()
        self._open -= 1
        outcome = self._ended.popleft()()
        self._notify()
        return outcome

    def stop(self) -> None:
        """Read and send nothing more. Requests in flight are completed, and begun operations stay tracked."""
        if self._stopped:
            return
        self._stopped = True
        if self._ended:
            logger.info("a loop over begin_all ended before %d outcomes that were there", len(self._ended))
            self._ended.clear()
        if self._started and self._is_running():
            for scope in (self._reading, *self._unsent):
                scope.cancel()
            self._notify()

    def _is_running(self) -> bool:
        """Whether the session runs here: the last reference to a loop may go in another thread, or after the end."""
        try:
            self._origin.session.check_task()
        except WrongEventLoop:
            return False
        return not self._origin.session.closed

    def _notify(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def _read_all(self) -> None:
        """Read a request whenever fewer than the allowed number are open, and start a task for it."""
        try:
            with self._reading:
                start = await bulk_start(self._origin.session)
                while (request := await self._next_request()) is not None:
                    self._open += 1
                    begin = partial(self._begin, start, request)
                    self._origin.session.start_soon(begin, "azpoll bulk request")
        except anyio.get_cancelled_exc_class():
            self._error = TrackerClosed(_CLOSED)
            raise
        except BaseException as error:  # noqa: BLE001 - raised in the task of the loop
            self._error = error
        finally:
            self._read = True
            self._notify()
            await self._close_requests()

    async def _next_request(self) -> Request | None:
        while self._open >= self._concurrency:
            await self._changed.wait()
        return await self._reader.next()

    async def _close_requests(self) -> None:
        try:
            await self._reader.aclose()
        except Exception:
            logger.exception("the requests of begin_all raised an error when they were closed")

    async def _begin(self, start: BulkStart, request: Request) -> None:
        """Send one request, and wait for the end of its operation without a task."""
        scope = anyio.CancelScope()
        registry = self._origin.session.registry
        registry.starting.add(scope)
        self._unsent.add(scope)

        def sending() -> None:
            if self._stopped:
                raise _WithdrawnError
            scope.shield = True  # the service may execute it: its answer is needed
            self._unsent.discard(scope)

        is_begun = False
        try:
            with scope:
                await self._start(start, request, sending)
                is_begun = True
        finally:
            self._unsent.discard(scope)
            registry.started(scope)
            if not is_begun:  # withdrawn, or the tracker was closed
                self._open -= 1
                self._error = self._error or TrackerClosed(_CLOSED)
                self._notify()

    async def _start(self, start: BulkStart, request: Request, sending: Callable[[], object]) -> None:
        try:
            options = self._origin.options(request.options)
            operation, is_new = await start.start(request.method, request.url, options, sending)
            if isinstance(operation, JournalResult):
                self._end(partial(self._stored, request, operation))
            else:
                self._wait(request, operation, is_new=is_new)
        except _WithdrawnError:
            self._open -= 1
        except Exception as error:  # noqa: BLE001 - it is the outcome of this request
            if self._stopped:
                logger.warning("an initial request was not accepted after its loop had ended: %s", error)
            self._end(partial(self._not_started, request, error))

    def _wait(self, request: Request, record: OperationRecord, *, is_new: bool) -> None:
        operation = self._origin.handle(record)
        operation.add_done_callback(lambda _: self._end(partial(_ended, request, record, operation, is_new=is_new)))

    def _end(self, outcome: Callable[[], BulkOutcome[T]]) -> None:
        if self._stopped:
            self._open -= 1
            return
        self._ended.append(outcome)
        self._notify()

    def _not_started(self, request: Request, error: Exception) -> BulkOutcome[T]:
        def read() -> T:
            raise error

        return BulkOutcome(request, None, error, None, None, is_new=True, duration_s=None, polls=0, _read=read)

    def _stored(self, request: Request, row: JournalResult) -> BulkOutcome[T]:
        def read() -> T:
            if row.body_length > len(row.body):
                raise ValueError(f"the journal has {len(row.body)} of the {row.body_length} bytes of the result")
            response: Any = self._origin.session.transport.response_from(stored_answer(row))
            return response if self._origin.decode is None else self._origin.decode(response)

        return BulkOutcome(
            request, row.state, stored_error(row), None, row, is_new=False, duration_s=None, polls=0, _read=read
        )


def _ended(request: Request, record: OperationRecord, operation: AsyncOperation[T], *, is_new: bool) -> BulkOutcome[T]:
    ended_s = record.started_s if record.ended_s is None else record.ended_s
    return BulkOutcome(
        request,
        operation.state,
        operation.exception(),
        operation,
        None,
        is_new,
        max(ended_s - record.started_s, 0.0),
        record.polls,
        operation.result,
    )
