"""The tracker's books: every operation it tracks, what became of each, and who wants to hear of it."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

from azpoll.errors import TrackerClosed, WrongEventLoop, error_of
from azpoll.eventloop.clock import WallClock, now_s, running_loop
from azpoll.events import OperationEnded, OperationTracked, PollAnswered, ScopeThrottled
from azpoll.protocol import resume_token as tokens
from azpoll.protocol.answer import Answer
from azpoll.protocol.redaction import masked_url
from azpoll.protocol.states import Canceled, Failed, Pending, Succeeded, Unknown
from azpoll.schedule.scheduler import Scheduler
from azpoll.snapshot import OperationState, Statistics, public_state
from azpoll.tracking.cancellation import cancel
from azpoll.tracking.hint_board import ResourceHints, ResourceIndex
from azpoll.tracking.record import OperationRecord, call_safely
from azpoll.transport.library import ResponseT

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskGroup

    from azpoll.errors import AzpollError
    from azpoll.events import Event
    from azpoll.options import Settings
    from azpoll.protocol.answer import RequestFailure
    from azpoll.protocol.states import Plan, State
    from azpoll.protocol.throttling import Throttle
    from azpoll.schedule.budget import Budget
    from azpoll.schedule.concurrency import ConcurrencyLimit
    from azpoll.schedule.due_time import DueTimes
    from azpoll.schedule.scopes import ScopeStatistics
    from azpoll.transport.client import ClientTransport

T = TypeVar("T")

CLOCKS_DIFFER_S = 1.0
"""How far the clock of a host that makes a token may be behind that of one that takes it up."""

_ELSEWHERE = "a tracker and its operations belong to the event loop it was entered in, and to its process"


class OperationRegistry(Generic[ResponseT]):
    """Keeps the records of one tracker, between the scheduler that changes them and the handles that show them.

    Args:
        transport: rebuilds responses.
        token_key: signs resume tokens; None leaves them unsigned.
        keep_failures: whether failures are kept until somebody has seen them.
    """

    def __init__(self, transport: ClientTransport[ResponseT], token_key: bytes | None, *, keep_failures: bool) -> None:
        self.transport = transport
        self.wall_clock = WallClock()
        self.scheduler: Scheduler | None = None
        self.live: dict[OperationRecord, None] = {}
        self._resources: ResourceIndex | None = None
        self._unseen: dict[OperationRecord, None] = {}
        self._listeners: dict[object, Callable[[Event], object]] = {}
        self.read = self.response_of
        self._loop: object = None
        self._thread: int | None = None
        self._closed = False
        self._token_key = token_key
        self._keep_failures = keep_failures
        self._counts: Counter[OperationState] = Counter()
        self._tracked = 0
        self._polls = 0
        self._empty = anyio.Event()

    def open(self, tasks: TaskGroup, limit: ConcurrencyLimit, budget: Budget | None, due_times: DueTimes) -> None:
        """Start to keep records, in the running event loop; `tasks` is where polls are made."""
        self.transport.open()
        self.scheduler = Scheduler(
            self.transport.ask,
            self.transport.post,
            tasks,
            limit=limit,
            budget=budget,
            due_times=due_times,
            throttled=self.throttled,
        )
        self._loop = running_loop()
        self._thread = threading.get_ident()

    def check_loop(self) -> None:
        """Raise `WrongEventLoop` outside the tracker's event loop, or before it was entered."""
        try:
            here: object = running_loop()
        except Exception as error:
            raise WrongEventLoop("a tracker is used inside a running event loop") from error
        if self._loop is None:
            raise WrongEventLoop("the tracker was not entered: use `async with azpoll.Tracker(client) as tracker`")
        if here != self._loop or self.transport.is_inherited:
            raise WrongEventLoop(_ELSEWHERE)

    def begin(self, plan: Plan, state: State, settings: Settings, *, resumed: bool) -> OperationRecord:
        """Keep a new operation, and return its record."""
        record = OperationRecord(settings.label, state, self, self.transport.now())
        record.cancel_url = settings.cancel_url
        record.owner = settings.owner
        self._add(record, plan.method, resumed=resumed)
        return record

    def changed(self, record: OperationRecord, outcome: Answer | RequestFailure | None, lateness_s: float) -> None:
        """Hear from a record that its state changed."""
        if outcome is not None:
            self._polls += 1
            if self._listeners:
                self._emit(lambda: _poll_answered(record, outcome, lateness_s))
        if record.ended:
            self._ended(record)

    def throttled(self, scope: ScopeStatistics, throttle: Throttle) -> None:
        """Hear from the scheduler of a 429."""
        self._emit(
            lambda: ScopeThrottled(
                self.transport.now(), scope.scope, throttle.reach.value, throttle.retry_after_s, scope.rate
            )
        )

    def stop(self, record: OperationRecord) -> None:
        """Send no more for an operation that has not ended; allowed in any callback of the event loop."""
        if not record.ended:
            if threading.get_ident() != self._thread or self.transport.is_inherited:
                raise WrongEventLoop(_ELSEWHERE)
            self._scheduler.withdraw(record)

    def board(self, plan: Callable[[str], Plan]) -> ResourceHints:
        """Return where a source of hints writes."""
        if self._resources is None:
            self._resources = ResourceIndex(self.live)
        return ResourceHints(self._resources, self._scheduler, plan)

    def seen(self, record: OperationRecord) -> None:
        """Note that somebody has seen how the operation ended."""
        self._unseen.pop(record, None)

    async def cancel(self, record: OperationRecord) -> bool:
        """Ask the service to cancel."""
        asked = await cancel(record, self._scheduler)
        if not asked and record.stopped:
            raise self.error_of(record)
        return asked

    def subscribe(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Call a listener for each event; returns a function that ends it."""
        subscription = object()
        self._listeners[subscription] = listener

        def unsubscribe() -> None:
            self._listeners.pop(subscription, None)

        return unsubscribe

    async def settle(self, grace_s: float) -> None:
        """Send nothing more, and wait for what is under way."""
        await self._scheduler.close(grace_s, self.transport.cut)

    def close(self) -> None:
        """End whatever has not ended, once no answer can come any more."""
        self._closed = True
        self.transport.close()
        for record in tuple(self.live):
            self.stop(record)

    def take_failures(self) -> list[AzpollError]:
        """Return an exception for each failure that nobody has seen, and forget them."""
        records, self._unseen = self._unseen, {}
        return [self.error_of(record) for record in records]

    def not_started(self, state: Unknown, plan: Plan) -> AzpollError:
        """Return the exception for an initial answer that says there is no operation."""
        response = self.transport.response_of(state.outcome) if isinstance(state.outcome, Answer) else None
        return error_of(state, f"{plan.method} {masked_url(plan.resource_url)}", None, response)

    async def wait_empty(self) -> None:
        """Return when every operation has ended."""
        while self.live:
            self._empty = anyio.Event()
            await self._empty.wait()

    def response_of(self, record: OperationRecord) -> ResponseT:
        """Return the result of a succeeded operation."""
        assert isinstance(record.state, Succeeded)  # noqa: S101 - the handle has asked
        return self.transport.response_of(record.state.answer)

    def decoded(self, decode: Callable[[ResponseT], T], record: OperationRecord) -> T:
        """Return what the caller's function makes of the result."""
        return decode(self.response_of(record))

    def error_of(self, record: OperationRecord) -> AzpollError:
        """Return a new exception for an operation that ended without success."""
        token = self.token_of(record)
        match record.state:
            case Failed(answer=outcome) | Canceled(answer=outcome) | Unknown(outcome=outcome) as state:
                response = self.transport.response_of(outcome) if isinstance(outcome, Answer) else None
                return error_of(state, record.name, token, response)
            case _:
                text = f"tracking of {record.name} stopped before it ended; it may still run"
                return TrackerClosed(
                    f"{text}. Resume with the resume_token of this error", operation=record.name, resume_token=token
                )

    def token_of(self, record: OperationRecord) -> str | None:
        """Return a resume token; None where nothing can be resumed.

        Its time is that of the last answer and the wait it asked for, whatever became of the schedule since, and
        a second more: the clocks of two hosts differ, and no poll is sent before its time.
        """
        state = record.resumable
        if state is None:
            return None
        not_before = self.wall_clock.unix_s(record.answered_s + state.next_request.delay.seconds) + CLOCKS_DIFFER_S
        return tokens.encode(tokens.token_of(state, not_before), self._token_key)

    def statistics(self, starting: int) -> Statistics:
        """Return the counts so far; `starting` is that of the initial requests that wait."""
        counts = self._counts
        return Statistics(
            starting=starting,
            tracked=self._tracked,
            running=len(self.live),
            waiting=self._scheduler.waiting,
            in_flight=self._scheduler.in_flight,
            polls=self._polls,
            succeeded=counts[OperationState.SUCCEEDED],
            failed=counts[OperationState.FAILED],
            canceled=counts[OperationState.CANCELED],
            unknown=counts[OperationState.UNKNOWN],
            scopes=self._scheduler.scopes(),
        )

    @property
    def _scheduler(self) -> Scheduler:
        if self.scheduler is None:
            self.check_loop()
        assert self.scheduler is not None  # noqa: S101 - `check_loop` has raised
        return self.scheduler

    def _add(self, record: OperationRecord, method: str, *, resumed: bool) -> None:
        self._tracked += 1
        self.live[record] = None
        self._emit(lambda: OperationTracked(record.begun_s, record.id, record.label, method, resumed))
        if record.ended:
            self._ended(record)
        elif self._closed:  # its initial request was answered after the tracker had closed
            self.stop(record)
        else:
            if self._resources is not None:
                self._resources.add(record)
            self._scheduler.put(record, record.begun_s)

    def _ended(self, record: OperationRecord) -> None:
        if record not in self.live:
            return  # a listener has stopped it while it heard of its end
        del self.live[record]
        state = OperationState.UNKNOWN if record.stopped else public_state(record.state)
        self._counts[state] += 1
        if state is not OperationState.SUCCEEDED:
            self.wall_clock.look()  # its token may be asked for when the loop is gone
            if self._keep_failures and not record.stopped:
                self._unseen[record] = None
        self._emit(lambda: _operation_ended(record, state))
        if not self.live:
            self._empty.set()

    def _emit(self, event: Callable[[], Event]) -> None:
        if self._listeners:
            made = event()
            for listener in tuple(self._listeners.values()):
                call_safely(lambda: listener(made))  # noqa: B023 - called at once


def _poll_answered(record: OperationRecord, outcome: Answer | RequestFailure, lateness_s: float) -> PollAnswered:
    state = record.state
    return PollAnswered(
        at_s=outcome.at_s,
        operation_id=record.id,
        label=record.label,
        status_code=outcome.status_code if isinstance(outcome, Answer) else None,
        status=state.progress.status,
        lateness_s=lateness_s,
        wait_s=state.next_request.delay.seconds if isinstance(state, Pending) else None,
    )


def _operation_ended(record: OperationRecord, state: OperationState) -> OperationEnded:
    ended_s = now_s()
    return OperationEnded(ended_s, record.id, record.label, state, ended_s - record.begun_s, record.polls)
