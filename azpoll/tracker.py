"""`Tracker`: begins, tracks, follows and resumes operations, and closes in good order."""

from __future__ import annotations

import random
import warnings
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Literal, Self

import anyio

from azpoll.errors import TrackerClosed, WrongEventLoop
from azpoll.eventloop.task_host import TaskHost
from azpoll.protocol.patience import DEFAULT_PATIENCE, Patience
from azpoll.schedule.budget import Budget
from azpoll.schedule.due_time import DueTimes
from azpoll.stored_operations import StoredOperations
from azpoll.tracking import settings
from azpoll.tracking.origins import checked_url_policy, is_trusted
from azpoll.tracking.registry import EventDispatcher
from azpoll.tracking.session import Session
from azpoll.transport.client import CLOSED, ClientTransport
from azpoll.transport.library import ResponseT
from azpoll.transport.sender import Sender
from azpoll.transport.transport import MAX_BODY, REQUEST_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from types import TracebackType

    from azpoll.events import Event
    from azpoll.group import Group
    from azpoll.hints import HintSource
    from azpoll.schedule.durations import Durations
    from azpoll.snapshot import Overview, Statistics
    from azpoll.tracking.journal import Journal
    from azpoll.transport.library import HTTPClient, HTTPResponse


class Tracker(StoredOperations[ResponseT]):
    """Tracks long-running operations through the caller's HTTP client, thousands of them in one event loop.

    Use it as an async context manager; in a notebook, `start` and `aclose` it. A regular exit waits for every operation
    (`on_exit="wait"`) and raises one `ExceptionGroup` of the failures that no caller has awaited. With
    `on_exit="stop"`, or when the block raised, the exit stops tracking, and awaiters get `TrackerClosed` with a resume
    token. The client stays open: its caller closes it.

    Args:
        client: an `httpx.AsyncClient` or `httpx2.AsyncClient`. Its auth, headers, proxies and event hooks apply to
            every poll. azpoll follows redirects itself.
        allowed_origins: origins that polls may go to, with the client's credentials, besides the origin of the
            initial request (rule 9): "https://host", or "https://*.suffix" for every host one label below the suffix.
        anonymous_origins: origins that polls may go to without the client's credentials: no auth, cookies, default
            headers, params, event hooks or client request id, and no `poll_headers` (rule 9). The same forms.
        rebase_to: origin, with an optional path, that URLs of other origins are moved to: a gateway to ARM (rule 10).
        max_in_flight: the number of concurrent polls, and of concurrent initial requests. None adapts it to the load:
            4 to 20 with httpx, 4 to 64 with httpx2, 96 to 128 with `azpoll.fast`. Requests that take longer than 0.5 s
            come on top, as long as the client's pool has connections. Slow operations get half of the number while
            others wait.
        budget: reads and writes per second of each subscription, by default ARM's own limits; None without limits.
        durations: completion times, which set the time of polls where the service names no delay, and order
            operations that wait for a read. "recorded" begins with recorded operations and learns from there;
            a `Durations` of the caller's can be saved. None is for 1, 2, 4 ... 30 s.
        interval: seconds between polls where the server names no delay, in place of `durations`.
        min_interval: the shortest delay in seconds; 0 for servers that accept any rate.
        timeout: overall deadline of each operation in seconds; None for none.
        request_timeout: time limit of each request in seconds, from connecting to the last byte; 120 by default. It
            applies to polls and initial requests. The client's own timeouts apply too, but for httpx's default of 5 s.
        max_body: the longest body of an answer in bytes, 8 MiB by default; a longer one ends with `AnswerTooLarge`.
        patience: the bounds after which azpoll gives up while polls fail: by default ten in a row, and ten minutes.
        token_key: signs resume tokens with HMAC-SHA256, and verifies those that are resumed.
        journal: stores each operation, its resume token and its end, so that another process can `recover` it: a
            `SQLiteJournal`, or a `Journal` of the caller's. The tracker enters it and leaves it.
        on_exit: "wait" or "stop", as above.

    Raises:
        TypeError: the client is of another library, or an argument has the wrong type.
        ValueError: an argument is out of its range.
        RuntimeError: the client is closed.

    Raises when entered:
        JournalError: the journal cannot be opened.
    """

    _started = False

    def __init__(
        self,
        client: HTTPClient[ResponseT],
        *,
        allowed_origins: Iterable[str] = (),
        anonymous_origins: Iterable[str] = (),
        rebase_to: str | None = None,
        max_in_flight: int | None = None,
        budget: Budget | None = Budget(),  # noqa: B008 - frozen
        durations: Durations | Literal["recorded"] | None = "recorded",
        interval: float | None = None,
        min_interval: float = 1.0,
        timeout: float | None = None,
        request_timeout: float = REQUEST_TIMEOUT_S,
        max_body: int = MAX_BODY,
        patience: Patience = DEFAULT_PATIENCE,
        token_key: bytes | None = None,
        journal: Journal | None = None,
        on_exit: Literal["wait", "stop"] = "wait",
    ) -> None:
        sender = _sender_of(client)
        self._client, self._events, self._open_journal = client, EventDispatcher(), AsyncExitStack()
        self._waits = settings.checked_choice("on_exit", on_exit, ("wait", "stop")) == "wait"
        self._limits = settings.checked_limits(request_timeout, max_body)
        self._entered: Session[ResponseT] | None = None
        trusted = (allowed_origins, anonymous_origins, rebase_to, str(client.base_url))
        self._settings = settings.TrackerSettings(
            base_url=str(client.base_url),
            delay_limits=settings.checked_delay_limits(interval, min_interval),
            timeout_s=settings.checked_seconds("timeout", timeout),
            url_policy=checked_url_policy(*trusted, sender.parse_url),
            token_key=settings.checked_key(token_key),
            max_in_flight=settings.checked_in_flight(max_in_flight, sender.concurrency, sender.connections),
            budget=None if budget is None else settings.checked_value("budget", budget, Budget),
            due_times=DueTimes(_jitter(), settings.checked_durations(durations)),
            keep_failures=self._waits,
            journal=settings.checked_journal(journal),
            patience=settings.checked_value("patience", patience, Patience),
        )

    async def __aenter__(self) -> Self:
        return await self._enter_with(TaskHost.start)

    async def start(self) -> Self:
        """Enter the tracker without `async with`, as a notebook does in one of its cells; `aclose` ends it.

        With asyncio any task of the event loop may call `aclose`. Under trio the tracker belongs to one `trio.run`.

        Raises:
            TrackerClosed: the tracker was entered before.
            JournalError: the journal cannot be opened.
        """
        await self._enter_with(TaskHost.start_detached)
        self._started = True
        return self

    async def aclose(self) -> None:
        """End a tracker that `start` entered: stop tracking, and wait only for the requests in flight.

        Awaiters get `TrackerClosed` with a resume token. To wait for operations, await them first. A second call
        returns when the first one has ended.

        Raises:
            RuntimeError: `start` has not entered the tracker.
            WrongEventLoop: it has entered it in another event loop.
        """
        if not self._started:
            raise RuntimeError("`aclose` ends a tracker that `start` entered; `async with` ends its own")
        session = self._any_session()
        if session.closed:
            await self._closed.wait()
        else:
            session.check_task()
            await self._close()

    async def _enter_with(self, start: Callable[[], Awaitable[TaskHost]]) -> Self:
        if self._entered is not None:
            raise TrackerClosed("a tracker is entered once: make another")
        journal = self._settings.journal
        async with AsyncExitStack() as stack:
            if journal is not None:
                await stack.enter_async_context(journal)
            host = await start()
            request_timeout_s, max_body = self._limits
            transport = ClientTransport(self._client, request_timeout_s=request_timeout_s, max_body=max_body)
            self._entered = Session(self._settings, transport, self._events, host)
            self._open_journal, self._closed = stack.pop_all(), anyio.Event()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        session = self._any_session()
        try:
            if error is None and self._waits:
                await session.registry.wait_empty()
        finally:
            await self._close()
        failures = [session.error(record) for record in tuple(session.registry.not_retrieved)]
        if error is None and failures:
            raise ExceptionGroup("operations that no caller awaited did not succeed", failures)

    async def _close(self) -> None:
        try:
            await self._any_session().close()
        finally:
            try:
                with anyio.CancelScope(shield=True):
                    await self._open_journal.aclose()
            finally:
                self._closed.set()

    def __del__(self, warn: Callable[..., object] = warnings.warn) -> None:
        """Warn if the tracker was entered and never closed: nothing ends its tasks."""
        session = getattr(self, "_entered", None)  # missing where `__init__` raised
        if session is not None and not session.closed:
            warn(
                "a tracker was entered and never closed: use `async with azpoll.Tracker(client) as tracker`, or end"
                " one that `start` entered with `await tracker.aclose()`",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        from azpoll.notebook import tracker_html  # noqa: PLC0415 - no other program needs it

        return tracker_html(None if self._entered is None else self._entered.statistics())

    @property
    def budget(self) -> Budget | None:
        """The reads and writes per second of each scope; None without limits."""
        return self._settings.budget

    def trusts(self, url: str) -> bool:
        """Whether a URL is at the client's base_url or in `allowed_origins`; raises `ValueError` if it is no URL."""
        return is_trusted(url, self._settings.url_policy)

    def group(self, label: str | None = None) -> Group[ResponseT]:
        """Return a new group: operations that are awaited, and whose progress is shown, together."""
        from azpoll.group import Group  # noqa: PLC0415 - not needed before the first poll

        return Group(self, label)

    def add_hints(self, source: HintSource) -> Callable[[], None]:
        """Run a source of hints, which brings polls forward; returns a function that ends it.

        A hint never ends an operation, and no poll is sent before the time that the service asked for. The budget of
        the scope counts the reads of a source.
        """
        settings.checked_function("source.run", getattr(source, "run", None))
        return self._session().add_hints(source)

    def hint(self, resource_id: str) -> int:
        """Report that the operations on a resource may have ended, for example from an event handler.

        These operations are polled first. Takes the ARM id or URL of the resource, in any case; returns the number
        of operations on it that are tracked here.
        """
        if not settings.checked_type("resource_id", resource_id, str):
            raise ValueError("resource_id must be the id or URL of a resource, not empty text or None")
        return self._session().hints().report_ended(resource_id)

    def statistics(self) -> Statistics:
        """Return a frozen count of what the tracker did so far. Sends nothing."""
        return self._any_session().statistics()

    def overview(self, most: int = 20) -> Overview:
        """Return counts by group, and `most` running operations. It takes some 1 us per operation, and does no I/O."""
        return self._any_session().overview(settings.checked_count("most", most))

    def subscribe(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Call `listener(event)` for each event from now on; returns a function that ends the subscription.

        The scheduler calls listeners, so they must not block. An error in one is logged. A `BaseException` that is no
        `Exception`, such as `KeyboardInterrupt`, ends the tracker after the other listeners were called.
        """
        return self._events.subscribe(settings.checked_function("listener", listener))

    def _any_session(self) -> Session[ResponseT]:
        """Return the session, also after it was closed; raises `WrongEventLoop` before the tracker is entered."""
        if self._entered is None:
            raise WrongEventLoop("the tracker was not entered: use `async with azpoll.Tracker(client) as tracker`")
        return self._entered

    def _enter(self, options: Mapping[str, object]) -> tuple[Session[ResponseT], Mapping[str, object]]:
        return self._session(), options

    def _session(self) -> Session[ResponseT]:
        session = self._any_session()
        session.check_open()
        if self._client.is_closed:
            raise TrackerClosed("the tracker's HTTP client is closed: nothing can be sent")
        return session


def _jitter() -> random.Random:
    """Return a source of jitter; `random.seed` replays it."""
    return random.Random(random.getrandbits(64))  # noqa: S311 - not for secrets


def _sender_of(client: HTTPClient[HTTPResponse]) -> Sender:
    """Return a sender, of which the settings of a tracker are made; raises `RuntimeError` if the client is closed."""
    sender = Sender(client)
    if client.is_closed:
        raise RuntimeError(CLOSED)
    return sender
