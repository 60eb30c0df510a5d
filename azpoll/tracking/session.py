"""Everything that a running tracker owns, built complete when the tracker is entered."""

from __future__ import annotations

import os
import threading
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Generic

import anyio

from azpoll.errors import JournalError, TrackerClosed, WrongEventLoop
from azpoll.eventloop.clock import loop_clock, running_loop
from azpoll.eventloop.cpu_time import needed_cpu_time
from azpoll.events import ScopeThrottled
from azpoll.operation_state import OperationState
from azpoll.protocol.states import Pending
from azpoll.schedule.concurrency import limits_of
from azpoll.schedule.initial_requests import InitialRequests
from azpoll.schedule.scheduler import Scheduler
from azpoll.tracking.cancellation import cancel, send_cancel
from azpoll.tracking.outcome import Outcomes
from azpoll.tracking.poll_log import log_repetition
from azpoll.tracking.record import OperationRecord, call_all
from azpoll.tracking.registry import OperationRegistry
from azpoll.tracking.request_sender import RequestSender
from azpoll.tracking.starter import OperationStarter
from azpoll.transport.library import ResponseT_co
from azpoll.transport.transport import poll_next, send_query

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from azpoll.errors import AzpollError
    from azpoll.eventloop.task_host import TaskHost
    from azpoll.hints import HintSource
    from azpoll.protocol.throttling import Throttle
    from azpoll.schedule.scope_queue import ScopeStatistics
    from azpoll.snapshot import Overview, Statistics
    from azpoll.tracking.hint_board import ResourceHints, ResourceIndex
    from azpoll.tracking.journal import Journal, JournalRow
    from azpoll.tracking.journal_session import JournalSession
    from azpoll.tracking.registry import EventDispatcher
    from azpoll.tracking.settings import TrackerSettings
    from azpoll.tracking.starter import Prepared
    from azpoll.transport.received_response import InitialResponse
    from azpoll.transport.transport import Transport

GRACE_S = 5.0
"""Seconds that a closing tracker gives the requests in flight."""

_ELSEWHERE = "a tracker and its operations belong to the event loop it was entered in, and to its process"


class Session(Generic[ResponseT_co]):
    """A running tracker. It belongs to the event loop in which it is made, and closes its `host` of tasks."""

    def __init__(
        self, settings: TrackerSettings, transport: Transport[ResponseT_co], events: EventDispatcher, host: TaskHost
    ) -> None:
        self.transport = transport
        self._loop = running_loop()
        self._thread, self._process = threading.get_ident(), os.getpid()
        self._now = loop_clock()
        self.events = events
        self._host, host.lost = host, self._lose
        self._closed = self._lost = False
        self._resources: ResourceIndex | None = None
        self.outcomes = Outcomes(transport, settings.token_key)
        self._journal = None if settings.journal is None else self._serving(settings.journal, settings)
        self._writer = None if self._journal is None else self._journal.writer
        wall_clock = self.outcomes.wall_clock
        self.registry = OperationRegistry(events, self._writer, wall_clock, keep_failures=settings.keep_failures)
        polls, initial = limits_of(*settings.max_in_flight, needed_cpu_time)
        self._scheduler = Scheduler(
            partial(poll_next, transport),
            partial(send_cancel, transport),
            transport.abort,
            host.tasks,
            limit=polls,
            budget=settings.budget,
            due_times=settings.due_times,
            throttled=self._on_throttled,
        )
        self._initial_requests = InitialRequests(
            transport.send_initial,
            host.tasks,
            initial,
            None if settings.budget is None else settings.budget.of_writes(),
            throttled=self._on_throttled,
            repeated=log_repetition,
        )
        record_type = OperationRecord if self._journal is None else self._journal.record_type
        self._starter = OperationStarter(transport, settings, self.registry.on_change, self.outcomes.token, record_type)
        sending = (self._starter, self._initial_requests, self._writer)
        self.requests = RequestSender(*sending, settings.delay_limits, self._now)

    @property
    def closed(self) -> bool:
        """Whether the session was closed, or is being closed."""
        return self._closed

    def check_task(self) -> None:
        """Raise `WrongEventLoop` outside a task of the session's event loop, or in a fork of its process."""
        try:
            is_here = running_loop() == self._loop
        except Exception as error:
            raise WrongEventLoop("a tracker is used inside a running event loop") from error
        if not is_here or os.getpid() != self._process:
            raise WrongEventLoop(_ELSEWHERE)

    def check_open(self) -> None:
        """Raise `WrongEventLoop` as `check_task` does, and `TrackerClosed` after the session was closed."""
        self.check_task()
        if self._closed:
            raise TrackerClosed("the tracker is closed: it tracks nothing more")
        if self._lost:
            raise TrackerClosed("the tracker tracks nothing more: its tasks were cancelled, or ended with an error")

    async def begin(self, method: str, url: str, arguments: Mapping[str, object]) -> OperationRecord:
        """Send an initial request and track its operation; see `Tracker.begin`."""
        return await self.send(self.requests.prepare(method, url, arguments))

    async def send(
        self, prepared: Prepared, *, sending: Callable[[], object] | None = None, again: JournalRow | None = None
    ) -> OperationRecord:
        """Send a request that `requests` has prepared, and track its operation; see `RequestSender.send`."""
        record = await self.requests.send(prepared, sending=sending, again=again)
        try:
            self.registry.add(record, resumed=False)
            if self._writer is not None:
                await self._writer.started(record)
        finally:
            self._schedule(record)
        return record

    def track(self, response: InitialResponse | str, tracking: Mapping[str, object]) -> OperationRecord:
        """Track the operation of an initial response; see `Tracker.track`."""
        return self._add(self._starter.from_response(response, tracking), resumed=False)

    def follow(
        self, method: str, url: str, tracking: Mapping[str, object], retry_after: float | None
    ) -> OperationRecord:
        """Track the operation of a polling URL; see `Tracker.follow`."""
        return self._add(self._starter.from_url(method, url, tracking, retry_after, self._now()), resumed=False)

    def resume(self, token: str, tracking: Mapping[str, object]) -> OperationRecord:
        """Track the operation of a resume token; see `Tracker.resume`."""
        return self._add(self._starter.from_token(token, tracking, self._now()), resumed=True)

    def journal(self) -> JournalSession:
        """Return the journal; raises `JournalError` if the tracker has none."""
        if self._journal is None:
            raise JournalError("the tracker has no journal: make it with Tracker(client, journal=...)")
        return self._journal

    def stop(self, record: OperationRecord) -> None:
        """Send no more requests for an operation; allowed in any callback of the event loop."""
        if isinstance(record.state, Pending) and not record.ended:
            if threading.get_ident() != self._thread or os.getpid() != self._process:
                raise WrongEventLoop(_ELSEWHERE)
            self._scheduler.withdraw(record)

    async def cancel(self, record: OperationRecord) -> bool:
        """Send a cancel request; see `AsyncOperation.cancel`."""
        sent = await cancel(record, self._scheduler, self.transport)
        if not sent and not isinstance(record.state, Pending):
            await record.wait_ended()  # the journal may not have stored the end yet
        if not sent and record.stopped:
            raise self.outcomes.error(record)
        return sent

    def error(self, record: OperationRecord) -> AzpollError:
        """Return a new exception for an operation that ended without success, and mark it as retrieved."""
        self.registry.not_retrieved.pop(record, None)
        return self.outcomes.error(record)

    def start_soon(self, function: Callable[[], Coroutine[object, object, None]], name: str) -> None:
        """Run a function in a task of the session, until the session closes."""
        self._host.tasks.start_soon(function, name=name)

    def add_hints(self, source: HintSource) -> Callable[[], None]:
        """Run a source of hints; returns a function that ends it."""
        scope = anyio.CancelScope()
        self._host.tasks.start_soon(self.hints().run, source, scope, name="azpoll hints")
        return scope.cancel

    def hints(self) -> ResourceHints:
        """Return a new receiver of hints."""
        from azpoll.tracking.hint_board import ResourceHints, ResourceIndex  # noqa: PLC0415 - few trackers get hints

        if self._resources is None:
            self._resources = ResourceIndex(self.registry.live)
        query = partial(send_query, self.transport)
        return ResourceHints(self._resources, self._scheduler, self._starter.plan_for_read, query)

    def statistics(self) -> Statistics:
        """Return the counts so far."""
        from azpoll.snapshot import Statistics  # noqa: PLC0415 - not needed before the first poll

        registry, counts = self.registry, self.registry.counts
        return Statistics(
            starting=self._initial_requests.waiting,
            tracked=len(registry.live) + counts.total(),
            running=len(registry.live),
            waiting=self._scheduler.waiting,
            in_flight=self._scheduler.in_flight,
            polls=registry.polls,
            succeeded=counts[OperationState.SUCCEEDED],
            failed=counts[OperationState.FAILED],
            canceled=counts[OperationState.CANCELED],
            unknown=counts[OperationState.UNKNOWN],
            scopes=self._scheduler.scopes(),
        )

    def overview(self, most: int) -> Overview:
        """Return counts by group, and `most` running operations."""
        from azpoll.tracking.overview import overview_of  # noqa: PLC0415 - not needed before the first poll

        return overview_of(self.registry, self.outcomes.wall_clock, most)

    async def close(self) -> None:
        """Send nothing more, wait for the requests in flight, then stop tracking the rest."""
        self._closed = True
        self._initial_requests.close()
        for scope in self.registry.starting:
            scope.deadline = anyio.current_time() + GRACE_S
        try:
            async with aclosing(self._host):
                await self._scheduler.close(GRACE_S)
                if self._writer is not None:
                    await self._writer.write_pending()
        finally:
            self.transport.abort()
            call_all([partial(self.stop, record) for record in self.registry.live])
            if self._writer is not None:
                await self._writer.close()

    def _lose(self) -> None:
        """Stop tracking when the tasks have ended before `close`, which is still to be called."""
        self._lost = True
        self._initial_requests.close()
        ends = [] if self._writer is None else [self._writer.lose]
        call_all([*ends, *(partial(self.stop, record) for record in self.registry.live)])

    def _serving(self, journal: Journal, settings: TrackerSettings) -> JournalSession:
        """Return the session of an entered journal."""
        from azpoll.tracking.journal_rows import RowMaker  # noqa: PLC0415 - most trackers have no journal
        from azpoll.tracking.journal_session import JournalSession, Tracking  # noqa: PLC0415 - likewise

        rows = RowMaker(self.outcomes, settings.delay_limits, settings.patience)
        tracking = Tracking(self._recovered, self._end, self.stop, self.cancel, self.events.emit)
        return JournalSession(journal, rows, self._host.tasks, tracking)

    def _add(self, record: OperationRecord, *, resumed: bool) -> OperationRecord:
        try:
            self.registry.add(record, resumed=resumed)
        finally:
            if self._writer is not None:
                self._writer.enqueue_started(record)
            self._schedule(record)
        return record

    def _recovered(self, token: str, own_id: str, options: Mapping[str, object]) -> OperationRecord:
        record = self._starter.from_token(token, options, self._now())
        record.own_id = own_id
        self.registry.add(record, resumed=True)
        self._schedule(record)
        return record

    def _end(self, record: OperationRecord) -> None:
        """Count an operation whose end is stored."""
        self.registry.end(record)

    def _schedule(self, record: OperationRecord) -> None:
        """Schedule the first poll of a new operation, or count its end."""
        if not isinstance(record.state, Pending):
            if self._writer is None:
                self.registry.end(record)
            elif not record.ended:
                self._writer.enqueue(record)
            return
        if self._closed or self._lost:  # its initial request was answered after the session had closed
            self.stop(record)
            return
        if self._resources is not None:
            self._resources.add(record)
        self._scheduler.put(record, record.begun_s)

    def _on_throttled(self, scope: ScopeStatistics, throttle: Throttle) -> None:
        self.events.emit(
            lambda: ScopeThrottled(self._now(), scope.scope, throttle.level.value, throttle.retry_after_s, scope.rate)
        )
