"""`Tracker`: the face. It begins, tracks and resumes operations, and closes in good order."""

from __future__ import annotations

import random
from contextlib import aclosing, closing
from functools import partial
from time import process_time
from typing import TYPE_CHECKING, Generic, Literal, Self, TypeVar, Unpack, overload

import anyio

from azpoll import options
from azpoll.errors import TrackerClosed
from azpoll.eventloop.task_host import TaskHost
from azpoll.group import Group
from azpoll.operation import AsyncOperation
from azpoll.options import Defaults
from azpoll.protocol.states import Unknown, UnknownReason
from azpoll.schedule.budget import Budget
from azpoll.schedule.concurrency import ConcurrencyLimit
from azpoll.schedule.due_time import DueTimes
from azpoll.schedule.initial_requests import InitialRequests
from azpoll.tracking.registry import OperationRegistry
from azpoll.tracking.starter import OperationStarter
from azpoll.transport.client import ClientTransport, request_id_of
from azpoll.transport.library import ResponseT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from anyio.abc import TaskGroup

    from azpoll.events import Event
    from azpoll.hints import HintSource
    from azpoll.options import BeginOptions, Settings, TrackingOptions
    from azpoll.protocol.answer import Answer
    from azpoll.schedule.durations import Durations
    from azpoll.snapshot import Statistics
    from azpoll.tracking.record import OperationRecord
    from azpoll.transport.library import HTTPClient, HTTPResponse

T = TypeVar("T")

GRACE_S = 5.0
"""Seconds that a closing tracker gives the requests under way."""


class Tracker(Generic[ResponseT]):
    """Tracks long-running operations through the caller's HTTP client, thousands at once in one event loop.

    Use it as an async context manager. Leaving it in good order waits for every operation (`on_exit="wait"`) and raises
    one `ExceptionGroup` of the failures that nobody awaited; with `on_exit="stop"`, or when the block raised, it stops
    tracking, and awaiters get `TrackerClosed` with a resume token. The client stays open and is the caller's to close.

    Args:
        client: an `httpx.AsyncClient` or `httpx2.AsyncClient`; its auth, headers, proxies and event hooks
            apply to every poll. Redirects are followed by azpoll alone.
        allowed_origins: origins such as "https://host" that polls may go to besides that of the initial
            request (rule 9).
        rebase_to: origin, with an optional path, that URLs of other origins are moved to: a gateway to ARM (rule 10).
        max_in_flight: polls under way at once, and as many initial requests. None for what is needed: 4 to 20 with
            httpx, 4 to 64 with httpx2, 96 to 128 with `azpoll.fast`, or as many as the client's pool has connections.
        budget: reads and writes per second of each subscription, ARM's own limits by default; None without limits.
        durations: what is learned of how long operations take; times polls where the service names no time, and
            orders those that wait for a read.
        interval: seconds between polls where the server names none; None for 1, 2, 4 ... 30 s.
        min_interval: no wait is shorter, in seconds; 0 for servers that do not mind.
        timeout: overall deadline of each operation in seconds; None for none.
        token_key: signs resume tokens with HMAC-SHA256, and is asked of those resumed.
        on_exit: see above.

    Raises:
        TypeError: the client is of another library.
        ValueError: a setting that can never be right.
        RuntimeError: the client is closed.
    """

    def __init__(
        self,
        client: HTTPClient[ResponseT],
        *,
        allowed_origins: Iterable[str] = (),
        rebase_to: str | None = None,
        max_in_flight: int | None = None,
        budget: Budget | None = Budget(),  # noqa: B008 - frozen
        durations: Durations | None = None,
        interval: float | None = None,
        min_interval: float = 1.0,
        timeout: float | None = None,
        token_key: bytes | None = None,
        on_exit: Literal["wait", "stop"] = "wait",
    ) -> None:
        if on_exit not in {"wait", "stop"}:
            raise ValueError(f"on_exit must be 'wait' or 'stop', not {on_exit!r}")
        self._budget = budget
        self._due_times = DueTimes(random.Random(random.getrandbits(64)), durations)  # noqa: S311 - jitter; `random.seed` replays
        self._waits = on_exit == "wait"
        self._transport = ClientTransport(client)
        at_once = self._transport.at_once if max_in_flight is None else (max_in_flight, max_in_flight)
        self._limit = partial(
            ConcurrencyLimit, options.checked_count("max_in_flight", at_once[0]), at_once[1], process_time
        )
        self._opening = OperationStarter(
            self._transport,
            Defaults(options.checked_pace(interval, min_interval), options.checked_seconds("timeout", timeout)),
            allowed_origins=allowed_origins,
            rebase_to=rebase_to,
            token_key=options.checked_key(token_key),
        )
        self._desk = OperationRegistry(self._transport, token_key, keep_failures=self._waits)
        self._crew = TaskHost()
        self._tasks: TaskGroup | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        if self._tasks is not None:
            raise TrackerClosed("a tracker is entered once: make another")
        self._tasks = await self._crew.open()
        self._desk.open(self._tasks, self._limit(), self._budget, self._due_times)
        writes = None if self._budget is None else self._budget.of_writes()
        starts = InitialRequests(self._transport.begin, self._tasks, self._limit(), writes, self._desk.throttled)
        self._opening.open(starts)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None and self._waits:
                await self._desk.wait_empty()
        finally:
            self._closed = True
            self._opening.close()
            with closing(self._desk):
                async with aclosing(self._crew):
                    await self._desk.settle(GRACE_S)
        failures = self._desk.take_failures()
        if error is None and failures:
            raise ExceptionGroup("operations that nobody awaited did not succeed", failures)

    @overload
    async def begin(self, method: str, url: str, **arguments: Unpack[BeginOptions]) -> AsyncOperation[ResponseT]: ...

    @overload
    async def begin(
        self, method: str, url: str, *, decode: Callable[[ResponseT], T], **arguments: Unpack[BeginOptions]
    ) -> AsyncOperation[T]: ...

    async def begin(
        self,
        method: str,
        url: str,
        *,
        decode: Callable[[ResponseT], T] | None = None,
        **arguments: Unpack[BeginOptions],
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        """Send the initial request and track the operation it starts.

        Few are sent at once, and no more than the budget's writes: thousands of calls wait here for their turn. A
        request that is refused with 429 is sent again after its Retry-After, for ten minutes and ten times at least.

        Args:
            method: PUT, PATCH, POST, DELETE or GET.
            url: absolute, or relative to the client's base URL.
            decode: makes the result of the final response, once.
            **arguments: `BeginOptions`. A request without `x-ms-client-request-id` gets one, which polls repeat.

        Raises:
            InitialRequestFailed: the request was refused, or never answered; nothing is tracked.
            TrackerClosed: the tracker was closed before the request's turn came; nothing was sent.
            ValueError: an argument that can never be right; nothing was sent.
        """
        self._check_open()
        answer, request_id, settings = await self._opening.send(method, url, arguments)
        return self._begun(answer, request_id, settings, decode)

    @overload
    def track(self, response: HTTPResponse, **tracking: Unpack[TrackingOptions]) -> AsyncOperation[ResponseT]: ...

    @overload
    def track(
        self, response: HTTPResponse, *, decode: Callable[[ResponseT], T], **tracking: Unpack[TrackingOptions]
    ) -> AsyncOperation[T]: ...

    def track(
        self,
        response: HTTPResponse,
        *,
        decode: Callable[[ResponseT], T] | None = None,
        **tracking: Unpack[TrackingOptions],
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        """Track the operation that an initial response started. Sends nothing; the polling starts now.

        Args:
            response: a response of httpx or httpx2 with its body read, answering a PUT, PATCH, POST, DELETE or GET.
            decode: makes the result of the final response, once.
            **tracking: `TrackingOptions`.

        Raises:
            InitialRequestFailed: its status code is not 2xx: there is no operation.
            ValueError: an argument that can never be right, or a response without its request.
            TypeError: it is not a response.
        """
        self._check_open()
        settings = self._opening.settings(tracking)
        return self._begun(self._transport.received(response), request_id_of(response.request), settings, decode)

    @overload
    def resume(self, token: str, **tracking: Unpack[TrackingOptions]) -> AsyncOperation[ResponseT]: ...

    @overload
    def resume(
        self, token: str, *, decode: Callable[[ResponseT], T], **tracking: Unpack[TrackingOptions]
    ) -> AsyncOperation[T]: ...

    def resume(
        self, token: str, *, decode: Callable[[ResponseT], T] | None = None, **tracking: Unpack[TrackingOptions]
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        """Take up the tracking of an operation from its resume token. Sends nothing yet.

        A token is not trusted: it may only name origins that the caller has named, as the client's `base_url` or
        in `allowed_origins`.

        Args:
            token: from `AsyncOperation.resume_token` or an error, of this or another process.
            decode: makes the result of the final response, once.
            **tracking: `TrackingOptions`; `final_state_via` is in the token unless given here.

        Raises:
            InvalidResumeToken: it is not a token, was cut or changed, or is not signed with `token_key`.
            UntrustedPollingURL: it names an origin that the caller has not.
            ValueError: an argument that can never be right.
        """
        self._check_open()
        settings = self._opening.settings(tracking)
        plan, state = self._opening.resumed(token, settings, self._transport.now())
        return self._handle(self._desk.begin(plan, state, settings, resumed=True), decode)

    def group(self, label: str | None = None) -> Group[ResponseT]:
        """Return a group: operations that are waited for, and whose progress is shown, together."""
        return Group(self, label)

    def add_hints(self, source: HintSource) -> Callable[[], None]:
        """Let a source of hints bring polls forward from now on; returns a function that ends it.

        A hint never ends an operation, and no poll comes before the time the service asked for. What a source
        reads is counted by the budget of its scope.
        """
        self._check_open()
        board, scope = self._desk.board(self._opening.reading), anyio.CancelScope()
        assert self._tasks is not None  # noqa: S101 - open
        self._tasks.start_soon(board.run, source, scope, name="azpoll hints")
        return scope.cancel

    def hint(self, resource_id: str) -> int:
        """Tell that the operations on a resource may have ended, as an event handler learns; they are asked first.

        Takes its ARM id or its URL, in any case; returns how many operations on it are tracked here.
        """
        self._check_open()
        return self._desk.board(self._opening.reading).ended(resource_id)

    def statistics(self) -> Statistics:
        """Return a frozen count of what was done so far. Does no I/O."""
        return self._desk.statistics(self._opening.waiting)

    def subscribe(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Call `listener(event)` for each event from now on; returns a function that ends it.

        Listeners are called inside the scheduler and must not block; an error in one is logged.
        """
        return self._desk.subscribe(listener)

    def _check_open(self) -> None:
        self._desk.check_loop()
        if self._closed:
            raise TrackerClosed("the tracker is closed: it tracks nothing more")
        if self._transport.is_closed:
            raise TrackerClosed("the tracker's HTTP client is closed: nothing can be asked")

    def _begun(
        self, answer: Answer, request_id: str | None, settings: Settings, decode: Callable[[ResponseT], T] | None
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        plan, state = self._opening.begun(answer, settings, request_id)
        if isinstance(state, Unknown) and state.reason is UnknownReason.NOT_STARTED:
            raise self._desk.not_started(state, plan)
        return self._handle(self._desk.begin(plan, state, settings, resumed=False), decode)

    def _handle(
        self, record: OperationRecord, decode: Callable[[ResponseT], T] | None
    ) -> AsyncOperation[T] | AsyncOperation[ResponseT]:
        if decode is None:
            return AsyncOperation(self._desk, record, self._desk.read)
        return AsyncOperation(self._desk, record, partial(self._desk.decoded, decode))
